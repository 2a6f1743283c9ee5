"""What is a difference, and which one replaces a resource."""

import json
from pathlib import Path
from typing import Any

import pytest

from rehearsal.plugins.aws import deletion, replacement
from rehearsal.plugins.aws.types import resource_type
from rehearsal.plugins.wire import UNKNOWN
from tests.engine.aws_plugin.resources import (
    CONFIGURATION,
    DATABASE,
    GROUP,
    INSTANCE,
    LOG_GROUP,
    TEMPLATE,
    VPC,
    cluster,
    network,
    node_group,
)
from tests.engine.plugin_client import Plugin, cloud_files


def test_the_same_inputs_are_no_difference_whatever_aws_added(aws: Plugin) -> None:
    _, subnets = network(aws)
    for made in (cluster(aws, subnets), aws.create(TEMPLATE, "t", metadataOptions={"httpTokens": "required"})):
        answer = aws.diff(made)
        assert answer.changes == answer.DIFF_NONE, dict(answer.detailedDiff)


def test_a_changed_order_is_a_difference_only_where_aws_keeps_the_order(aws: Plugin) -> None:
    first, second = (aws.create(GROUP, name, description="d") for name in ("a", "b"))
    database = aws.create(INSTANCE, "db", **DATABASE, vpcSecurityGroupIds=[first.id, second.id])
    answer = aws.diff(database, vpcSecurityGroupIds=[second.id, first.id])
    assert answer.changes == answer.DIFF_NONE


@pytest.mark.parametrize(
    ("token", "inputs", "change", "path", "replaces"),
    [
        (VPC, {"cidrBlock": "10.0.0.0/16"}, {"cidrBlock": "10.1.0.0/16"}, "cidrBlock", True),
        (VPC, {"cidrBlock": "10.0.0.0/16"}, {"enableDnsHostnames": True}, "enableDnsHostnames", False),
        (VPC, {"cidrBlock": "10.0.0.0/16"}, {"tags": {"a.b": "c"}}, "tags", False),
        (VPC, {"cidrBlock": "10.0.0.0/16", "tags": {"a.b": "c"}}, {"tags": {"a.b": "d"}}, 'tags["a.b"]', False),
        (INSTANCE, DATABASE, {"storageEncrypted": True}, "storageEncrypted", True),
        (INSTANCE, DATABASE, {"instanceClass": "db.m7g.large"}, "instanceClass", False),
        (INSTANCE, DATABASE, {"dbSubnetGroupName": "other"}, "dbSubnetGroupName", False),
        (GROUP, {"description": "a"}, {"description": "b"}, "description", True),
        (LOG_GROUP, {"retentionInDays": 7}, {"retentionInDays": 30}, "retentionInDays", False),
        (LOG_GROUP, {"name": "/a"}, {"name": "/b"}, "name", True),
        (VPC, {"cidrBlock": "10.0.0.0/16"}, {"region": "eu-central-1"}, "region", True),
    ],
)
def test_a_change_replaces_only_where_aws_cannot_change_in_place(
    aws: Plugin, token: str, inputs: dict[str, Any], change: dict[str, Any], path: str, replaces: bool
) -> None:
    answer = aws.diff(aws.create(token, "x", **inputs), **change)
    assert path in answer.detailedDiff, dict(answer.detailedDiff)
    assert bool(answer.replaces) is replaces


def test_a_provider_that_moves_to_another_region_takes_its_resources_along(aws: Plugin) -> None:
    vpc = aws.create(VPC, "vpc", cidrBlock="10.0.0.0/16")
    aws.configure(**{**CONFIGURATION, "region": "eu-central-1"})
    assert list(aws.diff(vpc).replaces) == ["region"]


def test_the_tables_of_the_simulation_name_only_what_the_sdk_has() -> None:
    for token, properties in replacement.TABLE.items():
        known = resource_type(token).inputs.types
        assert not [path for path in properties if path.split(".")[0] not in known], token
    for token, hindrances in deletion.HINDRANCES.items():
        assert resource_type(token)
        for each in hindrances:
            assert each.path.split(".")[0] in resource_type(each.by).inputs.types, each


def test_of_a_node_groups_launch_template_only_the_version_changes_in_place(aws: Plugin) -> None:
    made = node_group(aws)
    template = made.inputs["launchTemplate"]
    assert not aws.diff(made, launchTemplate={**template, "version": "2"}).replaces
    assert list(aws.diff(made, launchTemplate={**template, "id": "lt-other"}).replaces) == ["launchTemplate.id"]
    assert not aws.diff(made, scalingConfig={"minSize": 1, "desiredSize": 4, "maxSize": 6}).replaces


def test_an_unknown_value_of_a_replacing_property_plans_a_replacement(aws: Plugin) -> None:
    _, [subnet, *_] = network(aws)
    assert list(aws.diff(subnet, vpcId=UNKNOWN).replaces) == ["vpcId"]


def test_a_replaced_resource_with_a_chosen_name_goes_before_its_successor_comes(aws: Plugin) -> None:
    chosen = aws.create(GROUP, "chosen", name="fence", description="a")
    automatic = aws.create(GROUP, "automatic", description="a")
    assert aws.diff(chosen, description="b").deleteBeforeReplace
    assert not aws.diff(automatic, description="b").deleteBeforeReplace


def test_an_update_changes_the_account_and_keeps_what_aws_decided(aws: Plugin, rehearsal: Path) -> None:
    database = aws.create(INSTANCE, "db", **DATABASE)
    changed = aws.update(database, instanceClass="db.m7g.large")
    assert changed.outputs["instanceClass"] == "db.m7g.large"
    assert changed.outputs["endpoint"] == database.outputs["endpoint"]
    [file] = cloud_files(rehearsal)
    assert json.loads(file.read_text())["inputs"]["instanceClass"] == "db.m7g.large"


def test_each_change_of_a_launch_template_is_a_new_version(aws: Plugin) -> None:
    template = aws.create(TEMPLATE, "t", instanceType="m7g.large")
    assert template.outputs["latestVersion"] == 1
    assert aws.update(template, preview=True, instanceType="m7g.xlarge").outputs["latestVersion"] is UNKNOWN
    second = aws.update(template, instanceType="m7g.xlarge")
    assert second.outputs["latestVersion"] == 2
    assert aws.update(second, tags={"a": "b"}).outputs["latestVersion"] == 2
