"""What a refresh and an import find in the simulated account."""

import json
from dataclasses import replace
from pathlib import Path

from tests.engine.aws_plugin.resources import DATABASE, INSTANCE, LOG_GROUP, VPC, configured
from tests.engine.plugin_client import Made, Plugin, cloud_files


def test_a_refresh_finds_what_somebody_changed_by_hand(aws: Plugin, rehearsal: Path) -> None:
    group = aws.create(LOG_GROUP, "logs", retentionInDays=30)
    [file] = cloud_files(rehearsal)
    content = json.loads(file.read_text())
    content["outputs"]["retentionInDays"] = 1
    file.write_text(json.dumps(content))
    found = aws.read(group)
    assert found is not None
    assert (found.outputs["retentionInDays"], found.inputs["retentionInDays"]) == (1, 1)
    drifted = replace(group, outputs=found.outputs)
    assert "retentionInDays" in aws.diff(drifted).detailedDiff


def test_what_is_gone_is_read_as_gone_and_deleted_without_complaint(aws: Plugin) -> None:
    group = aws.create(LOG_GROUP, "logs")
    aws.delete(group)
    assert aws.read(group) is None
    aws.delete(group)


def test_an_import_finds_a_resource_by_id_and_a_database_by_its_name(aws: Plugin) -> None:
    made = aws.create(INSTANCE, "db", **DATABASE, identifier="orders")
    found = aws.read(Made(made.type, made.name, {}, "orders"))
    assert found is not None
    assert found.id == made.id
    assert found.inputs["instanceClass"] == DATABASE["instanceClass"]


def test_two_providers_share_the_account(aws: Plugin, rehearsal: Path) -> None:
    vpc = aws.create(VPC, "vpc", cidrBlock="10.0.0.0/16")
    with configured(rehearsal) as other:
        assert other.read(vpc) == vpc
