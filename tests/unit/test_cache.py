"""The cache: reached by its clients only, encrypted, and entered without a password; as nodes or serverless."""

import json
import re
from typing import Any

import pytest
from pydantic import ValidationError

from infra.cache import _identifier
from infra.cache_settings import CacheSettings
from stacks.settings import STACK_NAME_LENGTH, AwsSettings, SettingsError
from tests.unit.plan import AWS_STACKS, Plan, planned, planned_with, settings_of, settings_with, stack_file

REPLICATION_GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"
SERVERLESS = "aws:elasticache/serverlessCache:ServerlessCache"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"

TO_SERVERLESS = {"cache": {"kind": "serverless", "data_gib": 10, "ecpu_per_second": 20000, "snapshot_days": 7}}


def serverless() -> Plan:
    return planned_with("prod", TO_SERVERLESS)


def told(plan: Plan) -> dict[str, str]:
    """The application's environment."""
    container = plan.only("kubernetes:apps/v1:Deployment").inputs["spec"]["template"]["spec"]["containers"][0]
    return {variable["name"]: variable["value"] for variable in container["env"]}


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_its_data_and_its_logs_are_encrypted_with_the_platforms_key(stack: str) -> None:
    plan = planned(stack)
    found = plan.only(REPLICATION_GROUP).inputs
    assert (found["atRestEncryptionEnabled"], found["kmsKeyId"]) == (True, plan.key_arn)
    groups = [group for group in plan.of(LOG_GROUP) if "-cache-" in group.name]
    assert [group.inputs["kmsKeyId"] for group in groups] == [plan.key_arn] * 2


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_nobody_connects_without_tls(stack: str) -> None:
    assert planned(stack).only(REPLICATION_GROUP).inputs["transitEncryptionMode"] == "required"


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_it_is_entered_with_iam_tokens(stack: str) -> None:
    user = planned(stack).only("aws:elasticache/user:User").inputs
    assert user["authenticationMode"] == {"type": "iam"}
    assert user["userId"] == user["userName"]
    assert "-@dangerous" in user["accessString"]


@pytest.mark.parametrize(("stack", "days"), [("dev", 30), ("staging", 30), ("prod", 90)])
def test_slow_commands_and_the_engines_own_messages_are_logged_as_json(stack: str, days: int) -> None:
    plan = planned(stack)
    found = plan.only(REPLICATION_GROUP).inputs["logDeliveryConfigurations"]
    assert [(log["logType"], log["logFormat"], log["destinationType"]) for log in found] == [
        ("slow-log", "json", "cloudwatch-logs"),
        ("engine-log", "json", "cloudwatch-logs"),
    ]
    for log in found:
        group = plan.only(LOG_GROUP, f"marlinspike-{stack}-cache-{log['logType']}")
        assert group.inputs["retentionInDays"] == days


def test_a_stacks_own_parameters_stand_beside_the_platforms() -> None:
    plan = planned_with("prod", {"cache.parameters": {"timeout": "300"}})
    assert plan.only("aws:elasticache/parameterGroup:ParameterGroup").inputs["parameters"] == [
        {"name": "maxmemory-policy", "value": "allkeys-lru"},
        {"name": "timeout", "value": "300"},
    ]


@pytest.mark.parametrize(("stack", "nodes", "fails_over"), [("dev", 1, False), ("staging", 2, True), ("prod", 3, True)])
def test_it_fails_over_where_it_has_somebody_to_fail_over_to(stack: str, nodes: int, fails_over: bool) -> None:
    cache = planned(stack).only(REPLICATION_GROUP).inputs
    assert cache["numCacheClusters"] == nodes
    assert (cache["automaticFailoverEnabled"], cache["multiAzEnabled"]) == (fails_over, fails_over)


@pytest.mark.parametrize(("stack", "days"), [("dev", 0), ("staging", 0), ("prod", 7)])
def test_prod_keeps_seven_days_of_snapshots_and_the_others_none(stack: str, days: int) -> None:
    assert planned(stack).only(REPLICATION_GROUP).inputs["snapshotRetentionLimit"] == days


def test_what_outlives_a_deletion_does_not_hang_on_the_protection_against_it() -> None:
    found = planned_with("prod", {"protection.enabled": False}).only(REPLICATION_GROUP)
    assert not found.protect
    assert "finalSnapshotIdentifier" in found.inputs


# ---- from a snapshot


FILLED = {"cache.restore_from": "prod-cache-2026-11-22t03-00-00z"}


def test_a_cache_that_a_snapshot_fills_can_stand_beside_the_one_before() -> None:
    plan, before = planned_with("prod", FILLED), planned("prod").only(REPLICATION_GROUP).inputs
    filled = plan.only(REPLICATION_GROUP)
    assert filled.inputs["snapshotName"] == FILLED["cache.restore_from"]
    assert "snapshotName" not in before
    names = {before["replicationGroupId"], filled.inputs["replicationGroupId"]}
    other = planned_with("prod", {"cache.restore_from": "another"}).only(REPLICATION_GROUP).inputs
    names.add(other["replicationGroupId"])
    assert len(names) == 3
    # Each leaves a final snapshot of its own, or the second one could not be deleted.
    assert len({each["finalSnapshotIdentifier"] for each in (before, filled.inputs, other)}) == 3
    assert filled.protect


def test_everybody_who_speaks_of_the_cache_speaks_of_the_one_that_was_filled() -> None:
    plan = planned_with("prod", FILLED)
    name = plan.only(REPLICATION_GROUP).inputs["replicationGroupId"]
    assert told(plan)["CACHE_NAME"] == name
    filled = planned_with("prod", {**TO_SERVERLESS, **SERVERLESS_FILLED})
    assert told(filled)["CACHE_NAME"] == filled.only(SERVERLESS).inputs["name"] != "marlinspike-prod-cache"


@pytest.mark.parametrize(
    "snapshot", ["a", "prod-cache-2026-11-22t03-00-00z", "automatic.marlinspike-prod-cache-001-2026"]
)
def test_its_name_is_one_that_elasticache_takes_of_the_longest_stack_too(snapshot: str) -> None:
    found = _identifier(f"marlinspike-{'s' * STACK_NAME_LENGTH}-cache", snapshot)
    assert re.fullmatch(r"[a-z](-?[a-z0-9])*", found)
    assert len(found) <= 40


SERVERLESS_FILLED = {
    "cache": {
        **TO_SERVERLESS["cache"],
        "restore_from": "arn:aws:elasticache:eu-west-3:111122223333:serverlesssnapshot:prod-cache-2026",
    }
}


def test_a_serverless_cache_is_filled_by_an_arn_and_named_anew() -> None:
    cache = planned_with("prod", SERVERLESS_FILLED).only(SERVERLESS).inputs
    assert cache["snapshotArnsToRestores"] == [SERVERLESS_FILLED["cache"]["restore_from"]]
    assert cache["name"] != serverless().only(SERVERLESS).inputs["name"]
    assert "snapshotArnsToRestores" not in serverless().only(SERVERLESS).inputs


def test_the_second_regions_cache_begins_empty() -> None:
    file = stack_file("prod")
    recovery = {
        **file["marlinspike:recovery"],
        "restore_database_from": "arn:aws:rds:eu-central-1:111122223333:auto-backup:ab-0a",
    }
    file |= {"marlinspike:recovery": recovery, "marlinspike:cache": {**file["marlinspike:cache"], "restore_from": "a"}}
    settings = settings_of("prod-recovery", file)
    assert isinstance(settings, AwsSettings)
    assert settings.cache.restore_from is None


# ---- serverless


def test_a_serverless_cache_is_encrypted_limited_fenced_and_protected_as_nodes_are() -> None:
    plan = serverless()
    cache = plan.only(SERVERLESS)
    assert cache.protect
    assert cache.inputs["kmsKeyId"] == plan.key_arn
    assert cache.inputs["cacheUsageLimits"] == {
        "dataStorage": {"maximum": 10, "unit": "GB"},
        "ecpuPerSeconds": [{"maximum": 20000}],
    }
    nodes = planned("prod").only(REPLICATION_GROUP).inputs
    assert cache.inputs["securityGroupIds"] == nodes["securityGroupIds"]
    assert [cache.inputs["userGroupId"]] == nodes["userGroupIds"]
    assert (cache.inputs["snapshotRetentionLimit"], cache.inputs["dailySnapshotTime"]) == (7, "01:30")
    subnets = planned("prod").only("aws:elasticache/subnetGroup:SubnetGroup").inputs["subnetIds"]
    assert cache.inputs["subnetIds"] == subnets


def test_a_serverless_cache_makes_nothing_that_only_nodes_need() -> None:
    plan = serverless()
    assert [r.key for r in plan.resources if ":elasticache/" in r.type] == [
        "User/marlinspike-prod-cache-user",
        "UserGroup/marlinspike-prod-cache-users",
        "ServerlessCache/marlinspike-prod-cache-serverless",
    ]
    assert not [group for group in plan.of(LOG_GROUP) if "-cache-" in group.name]
    without = planned_with("prod", {"cache": {"kind": "serverless"}}).only(SERVERLESS).inputs
    assert "dailySnapshotTime" not in without


def test_the_application_is_told_which_kind_its_tokens_are_for() -> None:
    assert told(serverless())["CACHE_SERVERLESS"] == "true"
    assert told(serverless())["CACHE_HOST"] == "serverless.example"
    assert told(serverless())["CACHE_NAME"] == serverless().only(SERVERLESS).inputs["name"]
    assert "CACHE_SERVERLESS" not in told(planned("prod"))
    assert told(planned("prod"))["CACHE_NAME"] == planned("prod").only(REPLICATION_GROUP).inputs["replicationGroupId"]


@pytest.mark.parametrize(
    ("changes", "cache"), [({}, "marlinspike-prod-cache-group"), (TO_SERVERLESS, "marlinspike-prod-cache-serverless")]
)
def test_the_application_may_enter_this_cache_as_this_user_and_no_other(changes: dict[str, Any], cache: str) -> None:
    plan = planned_with("prod", changes)
    policy = json.loads(plan.only("aws:iam/rolePolicy:RolePolicy", "marlinspike-prod-app-policy").inputs["policy"])
    [statement] = [s for s in policy["Statement"] if s["Action"] == ["elasticache:Connect"]]
    assert [arn.rsplit(":", 1)[1] for arn in statement["Resource"]] == [cache, "marlinspike-prod-cache-user"]


# ---- refusals


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"nodes": 0}, "greater than or equal to 1"),
        ({"node_type": "cache.m3.large"}, "Input should be"),
        ({"snapshot_days": 36}, "less than or equal"),
        ({"snapshot_window": "01:30-02:00"}, "snapshot_window is 30 minutes long; AWS asks for at least 60"),
        ({"maintenance_window": "sun:04:00-sun:04:30"}, "maintenance_window is 30 minutes long"),
        ({"parameters": {"maxmemory-policy": "noeviction"}}, "the platform decides maxmemory-policy"),
        ({"parameters": {"timeout": 300}}, "should be a valid string"),
        ({"kind": "serverless", "nodes": 3}, "kind serverless knows no nodes; remove it"),
        (
            {"kind": "serverless", "node_type": "cache.m7g.large", "keep_after_deletion": False},
            "kind serverless knows no node_type, keep_after_deletion; remove them",
        ),
        ({"restore_from": "two words"}, "String should match pattern"),
        (
            {"restore_from": "arn:aws:elasticache:eu-west-3:111122223333:serverlesssnapshot:a"},
            "kind nodes is filled by a snapshot's name; write that",
        ),
        ({"kind": "serverless", "restore_from": "a"}, "kind serverless is filled by the ARN of a serverless snapshot"),
        ({"data_gib": 5}, "kind nodes knows no data_gib; remove it"),
        ({"kind": "serverless", "ecpu_per_second": 999}, "greater than or equal to 1000"),
        ({"kind": "serverless", "data_gib": 5001}, "less than or equal to 5000"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_reason(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        CacheSettings(**wrong)


def test_shards_are_refused_with_a_way_out() -> None:
    with pytest.raises(SettingsError, match="choose a larger node_type, or kind serverless"):
        settings_with("prod", {"cache.shards": 2})
