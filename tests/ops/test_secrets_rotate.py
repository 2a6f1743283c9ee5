"""`secrets rotate` against moto's Secrets Manager, and where there is nothing to rotate."""

import io
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from ops.errors import DeclinedError, OpsError
from ops.secrets_rotate import put, secrets_rotate
from tests.ops.places import session

REGION, PATH = "eu-west-3", "marlinspike-staging/alerts-slack"
OUTPUTS = {"region": REGION, "namespace": "marlinspike"}


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("secretsmanager", region_name=REGION)


def test_a_new_value_is_the_current_one_and_the_old_one_is_kept(manager: Any) -> None:
    manager.create_secret(Name=PATH, SecretString="old")
    version = put(manager, PATH, "new")
    assert manager.get_secret_value(SecretId=PATH)["SecretString"] == "new"
    assert manager.get_secret_value(SecretId=PATH)["VersionId"] == version
    assert manager.get_secret_value(SecretId=PATH, VersionStage="AWSPREVIOUS")["SecretString"] == "old"


def test_a_secret_that_is_not_there_is_told_without_the_value(manager: Any) -> None:
    with pytest.raises(OpsError, match="Secrets Manager refused") as refused:
        put(manager, PATH, "s3cret-value")
    assert "s3cret-value" not in str(refused.value)


def test_without_a_value_nothing_is_changed(manager: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    manager.create_secret(Name=PATH)
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    with (
        session("staging", OUTPUTS, rehearsed=False, yes=True) as (asked, _),
        pytest.raises(OpsError, match="no value"),
    ):
        secrets_rotate(asked, "alerts-slack")
    with pytest.raises(ClientError):
        manager.get_secret_value(SecretId=PATH)


@pytest.mark.parametrize(
    ("stack", "name", "words"),
    [
        ("prod", "database", "tokens of 15 minutes"),
        ("prod", "cache", "tokens of 15 minutes"),
        ("prod", "other", "is no secret of prod; there are: alerts-heartbeat, alerts-pagerduty"),
        ("local", "database", "made once, inside the cluster"),
    ],
)
def test_what_is_not_rotated_by_hand_is_refused_with_the_reason(stack: str, name: str, words: str) -> None:
    with session(stack, OUTPUTS, rehearsed=False) as (asked, _), pytest.raises(OpsError, match=words):
        secrets_rotate(asked, name)


def test_prod_wants_its_name_and_a_dry_run_only_tells() -> None:
    with session("prod", OUTPUTS, rehearsed=False, yes=True) as (asked, _), pytest.raises(DeclinedError):
        secrets_rotate(asked, "alerts-slack")
    with session("prod", OUTPUTS, rehearsed=False, dry_run=True) as (asked, said):
        secrets_rotate(asked, "alerts-slack")
    assert said() == "would give marlinspike-prod/alerts-slack a new value, and let the cluster fetch it\n"
