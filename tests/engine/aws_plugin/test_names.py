"""Names that the simulated AWS makes, keeps, and refuses."""

import re
from typing import Any

import grpc
import pytest

from tests.engine.aws_plugin.resources import DATABASE, INSTANCE, LOG_GROUP, ROLE, TRUST
from tests.engine.plugin_client import Plugin, refusal


def test_a_missing_name_is_made_from_the_logical_one_and_kept_in_updates(aws: Plugin) -> None:
    checked = aws.check(ROLE, "reader", {"assumeRolePolicy": TRUST})
    assert re.fullmatch(r"reader-[0-9a-f]{7}", checked["name"])
    assert checked["__defaults"] == ["name"]
    again = aws.check(ROLE, "reader", {"assumeRolePolicy": TRUST}, checked, seed=b"another")
    assert again["name"] == checked["name"]


def test_the_engines_seed_decides_the_name_so_that_a_plan_holds(aws: Plugin) -> None:
    names = {aws.check(ROLE, "r", {"assumeRolePolicy": TRUST}, seed=seed)["name"] for seed in (b"1", b"1", b"2")}
    assert len(names) == 2


def test_a_given_name_or_prefix_is_left_alone(aws: Plugin) -> None:
    assert aws.check(ROLE, "r", {"assumeRolePolicy": TRUST, "name": "mine"})["name"] == "mine"
    assert "name" not in aws.check(ROLE, "r", {"assumeRolePolicy": TRUST, "namePrefix": "mine"})


def test_an_automatic_name_that_aws_would_not_take_is_refused(aws: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        aws.check("aws:lb/targetGroup:TargetGroup", "a-name-of-more-than-25-letters", {})
    assert "longer than the 32 characters" in refusal(refused)


@pytest.mark.parametrize(
    ("token", "inputs", "code"),
    [
        (ROLE, {"name": "taken", "assumeRolePolicy": TRUST}, "EntityAlreadyExists"),
        (LOG_GROUP, {"name": "/taken"}, "ResourceAlreadyExistsException"),
        (INSTANCE, {**DATABASE, "identifier": "taken"}, "DBInstanceAlreadyExists"),
        ("aws:kms/alias:Alias", {"name": "alias/taken", "targetKeyId": "k"}, "AlreadyExistsException"),
    ],
)
def test_a_name_that_is_taken_is_refused_as_aws_does(
    aws: Plugin, token: str, inputs: dict[str, Any], code: str
) -> None:
    aws.create(token, "first", **inputs)
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(token, "second", **inputs)
    assert f"api error {code}" in refusal(refused)


def test_a_log_group_comes_before_the_service_that_would_make_its_own(aws: Plugin) -> None:
    before = aws.create(LOG_GROUP, "before", name="/aws/rds/instance/first/postgresql")
    aws.create(INSTANCE, "first", **DATABASE, identifier="first", enabledCloudwatchLogsExports=["postgresql"])
    assert before.id == "/aws/rds/instance/first/postgresql"
    aws.create(INSTANCE, "second", **DATABASE, identifier="second", enabledCloudwatchLogsExports=["postgresql"])
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(LOG_GROUP, "after", name="/aws/rds/instance/second/postgresql")
    assert "ResourceAlreadyExistsException" in refusal(refused)
