"""Alarms: who is told of what, and from where on."""

import json
import re
from typing import Any

import pytest
from pydantic import ValidationError

from infra.alarms.alarm import Alarm, Formula, Metric
from infra.alarms.alarms import AlarmSettings
from infra.alarms.database import CPU_BASELINE_PERCENT, CPU_CREDITS_PER_HOUR
from infra.alarms.edge import EdgeThresholds, certificate_alarms, load_balancer_alarms
from infra.alarms.network import NetworkThresholds, nat_gateway_alarms, subnet_alarms
from infra.instance_classes import INSTANCE_MEMORY_GIB
from tests.unit.alarms import every_alarm
from tests.unit.plan import AWS_STACKS, PROJECT_FOLDER, Plan, Registered, planned, planned_with

METRIC_ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC = "aws:sns/topic:Topic"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
EVENTS = "aws:rds/eventSubscription:EventSubscription"

WATCHED = ("staging", "prod")

EMAILS = ("platform@example.com",)

AFTER_THE_DASH = re.compile(r"^marlinspike-[a-z]+-alarms-")


def alarms(plan: Plan) -> dict[str, Registered]:
    """The alarms of a plan, by what stands behind the prefix: `DatabaseStorageLow`, `CacheCpuHigh-002`."""
    return {AFTER_THE_DASH.sub("", alarm.name): alarm for alarm in plan.of(METRIC_ALARM)}


def seconds(alarm: Alarm) -> int:
    return alarm.period * alarm.periods


def test_nothing_is_watched_where_the_section_is_missing() -> None:
    kinds = {resource.type for resource in planned("dev").resources}
    assert not kinds & {METRIC_ALARM, TOPIC, SUBSCRIPTION, EVENTS, "marlinspike:alarms:Alarms"}
    assert METRIC_ALARM in {r.type for r in planned_with("dev", {"alarms.emails": list(EMAILS)}).resources}


@pytest.mark.parametrize("stack", WATCHED)
def test_every_alarm_tells_the_topic_when_it_begins_and_when_it_is_over(stack: str) -> None:
    plan = planned(stack)
    topic = f"arn:aws:test:eu-west-3:111122223333:{plan.only(TOPIC).name}"
    assert alarms(plan)
    for alarm in alarms(plan).values():
        assert (alarm.inputs["alarmActions"], alarm.inputs["okActions"]) == ([topic], [topic])


@pytest.mark.parametrize("stack", WATCHED)
def test_every_alarm_says_what_it_means_and_which_page_helps(stack: str) -> None:
    for name, alarm in alarms(planned(stack)).items():
        means, _, page = alarm.inputs["alarmDescription"].partition(" Runbook: ")
        assert len(means) > 40
        assert page.endswith(f"/docs/runbooks/{name.partition('-')[0]}.md")
        assert (PROJECT_FOLDER / "docs" / "runbooks" / page.rsplit("/", 1)[1]).exists()
        assert len(alarm.inputs["alarmDescription"]) <= 1024


@pytest.mark.parametrize("stack", WATCHED)
def test_messages_are_encrypted_and_only_services_for_this_account_may_publish(stack: str) -> None:
    plan = planned(stack)
    assert plan.only(TOPIC).inputs["kmsMasterKeyId"] == plan.key_arn
    [statement] = json.loads(plan.only("aws:sns/topicPolicy:TopicPolicy").inputs["policy"])["Statement"]
    assert statement["Action"] == "sns:Publish"
    assert statement["Resource"].endswith(plan.only(TOPIC).name)
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}
    # The same services may use the key; without that, they publish nothing and nobody hears of it.
    key = json.loads(plan.only("aws:kms/key:Key", f"marlinspike-{stack}-key").inputs["policy"])
    [use] = [each for each in key["Statement"] if each["Sid"] == "NotificationsOfThisAccount"]
    assert (use["Principal"], use["Condition"]) == (statement["Principal"], statement["Condition"])
    assert set(use["Action"]) == {"kms:GenerateDataKey*", "kms:Decrypt"}


def test_everybody_who_is_named_is_subscribed() -> None:
    queue = {"protocol": "sqs", "endpoint": "arn:aws:sqs:eu-west-3:111122223333:alarms"}
    plan = planned_with("staging", {"alarms.subscriptions": {"paging": queue}})
    found = {(each.inputs["protocol"], each.inputs["endpoint"]) for each in plan.of(SUBSCRIPTION)}
    assert found == {("email", "platform@example.com"), ("sqs", queue["endpoint"])}


@pytest.mark.parametrize("stack", WATCHED)
def test_rds_tells_its_own_events_of_the_database(stack: str) -> None:
    plan = planned(stack)
    events = plan.only(EVENTS)
    assert events.inputs["sourceIds"] == [f"marlinspike-{stack}-database-instance"]
    assert set(events.inputs["eventCategories"]) == {"failover", "failure", "low storage", "maintenance"}
    assert plan.comes_before(f"TopicPolicy/marlinspike-{stack}-alarms-topic", events.key)


def test_prod_is_watched_in_every_part_that_it_has() -> None:
    names = set(alarms(planned("prod")))
    members = [
        f"Cache{what}-{number}" for what in ("EvictionsHigh", "ReplicationLagging") for number in ("001", "002", "003")
    ]
    zones = [f"NatPortsExhausted-{zone}" for zone in "abc"]
    assert {*members, *zones, "DatabaseStorageLow", "BackupMissing", "BackupCopyFailed", "RestoreTestFailed"} <= names
    assert not any(name.startswith(("DatabaseCpuCredits", "DatabaseReplica", "SubnetAddresses")) for name in names)


def test_staging_is_watched_in_what_only_it_has() -> None:
    names = set(alarms(planned("staging")))
    assert "DatabaseCpuCreditsLow" in names  # a burstable class
    assert {name for name in names if name.startswith("Nat")} == {"NatPortsExhausted-a", "NatPacketsDropped-a"}
    assert "RestoreTestFailed" not in names


def test_a_single_cache_node_has_nobody_to_lag_behind() -> None:
    names = set(alarms(planned_with("dev", {"alarms.emails": list(EMAILS)})))
    assert "CacheEvictionsHigh-001" in names
    assert not any(name.startswith("CacheReplicationLagging") for name in names)


@pytest.mark.parametrize(
    ("stack", "name", "threshold"),
    [
        ("prod", "DatabaseConnectionsHigh", 400),  # 80 % of 500
        ("staging", "DatabaseConnectionsHigh", 120),  # 80 % of 150
        ("prod", "DatabaseStorageLow", 5 * 2**30),  # 5 % of 100 GiB
        ("staging", "DatabaseStorageLow", 2**30),  # 5 % of 20 GiB
        ("prod", "DatabaseMemoryLow", 0.4 * 2**30),  # 5 % of 8 GiB
        ("prod", "CacheConnectionsHigh-002", 52_000),  # 80 % of 65,000
    ],
)
def test_thresholds_follow_from_the_size_of_what_they_watch(stack: str, name: str, threshold: float) -> None:
    assert alarms(planned(stack))[name].inputs["threshold"] == pytest.approx(threshold)


SET = {
    # Setting below `alarms`: its value, the alarm that follows, and its threshold.
    "database.free_storage_percent": (9, "DatabaseStorageLow", 9 * 2**30),
    "database.connections_percent": (50, "DatabaseConnectionsHigh", 250),
    "database.cpu_percent": (70, "DatabaseCpuHigh", 70),
    "database.disk_burst_percent": (40, "DatabaseDiskBurstLow", 40),
    "database.free_memory_percent": (10, "DatabaseMemoryLow", 0.8 * 2**30),
    "database.disk_queue": (8, "DatabaseDiskQueueLong", 8),
    "cache.evictions": (5, "CacheEvictionsHigh-001", 5),
    "cache.memory_percent": (80, "CacheMemoryHigh-001", 80),
    "cache.engine_cpu_percent": (60, "CacheCpuHigh-001", 60),
    "cache.connections_percent": (10, "CacheConnectionsHigh-001", 6_500),
    "cache.replication_lag_seconds": (5, "CacheReplicationLagging-001", 5),
    "network.dropped_packets_percent": (1.5, "NatPacketsDropped-a", 1.5),
    "network.subnet_addresses_percent": (60, "SubnetAddressesLow-b", 60),
}

IPAM = {"alarms.network.ipam_scope_id": "ipam-scope-0123456789abcdef0"}


def everything_set() -> Plan:
    return planned_with("prod", {**{f"alarms.{setting}": value for setting, (value, *_) in SET.items()}, **IPAM})


@pytest.mark.parametrize(("name", "threshold"), [(name, threshold) for _, name, threshold in SET.values()])
def test_every_threshold_can_be_set(name: str, threshold: float) -> None:
    assert alarms(everything_set())[name].inputs["threshold"] == pytest.approx(threshold)
    usual = alarms(planned("prod")).get(name)
    assert usual is None or usual.inputs["threshold"] != pytest.approx(threshold)


@pytest.mark.parametrize(
    ("alarm", "threshold"),
    [
        (load_balancer_alarms(EdgeThresholds(load_balancer_errors=5), "a", "b")[0], 5),
        (load_balancer_alarms(EdgeThresholds(target_errors_percent=2), "a", "b")[1], 2),
        (load_balancer_alarms(EdgeThresholds(latency_seconds=0.2), "a", "b")[2], 0.2),
        (certificate_alarms(EdgeThresholds(certificate_days=14), "a")[0], 14),
    ],
)
def test_so_can_those_of_what_no_stack_has_yet(alarm: Alarm, threshold: float) -> None:
    assert alarm.threshold == threshold


def test_the_cache_members_are_those_that_elasticache_names() -> None:
    plan = planned("staging")
    group = f"{plan.only('aws:elasticache/replicationGroup:ReplicationGroup').name}-id"  # as the mocks call it
    watched = {alarm.inputs["dimensions"]["CacheClusterId"] for name, alarm in alarms(plan).items() if "Cache" in name}
    assert watched == {f"{group}-001", f"{group}-002"}


def test_burst_credits_alarm_a_database_that_spends_them_and_not_one_that_is_new() -> None:
    [alarm] = [each for each in every_alarm() if each.name == "DatabaseCpuCreditsLow"]
    assert isinstance(alarm.measured, Formula)
    assert alarm.measured.expression == "IF(balance < 57.6 AND cpu > 20, 1, 0)"  # a tenth of 24 hours at 24 credits
    burstable = {name for name in INSTANCE_MEMORY_GIB if name.startswith("db.t")}
    assert CPU_CREDITS_PER_HOUR.keys() == CPU_BASELINE_PERCENT.keys() == burstable


def test_subnets_are_watched_only_where_an_ipam_measures_them() -> None:
    place = ("111122223333", "eu-west-3", "vpc-1", {"a": "subnet-a"})
    assert subnet_alarms(NetworkThresholds(), *place) == []
    dimensions = alarms(everything_set())["SubnetAddressesLow-b"].inputs["dimensions"]
    assert dimensions["SubnetID"] == "marlinspike-prod-private-b-id"
    assert dimensions["ScopeID"] == "ipam-scope-0123456789abcdef0"
    assert dimensions["OwnerID"] == "111122223333"


def test_a_stack_without_nat_gateways_has_no_alarm_of_one() -> None:
    assert nat_gateway_alarms(NetworkThresholds(), {}) == []


@pytest.mark.parametrize("alarm", every_alarm(), ids=lambda alarm: f"{alarm.name}{alarm.subject}")
def test_every_alarm_is_one_that_cloudwatch_takes(alarm: Alarm) -> None:
    # PutMetricAlarm: a day at most in all, and seven for periods of an hour and longer.
    assert seconds(alarm) <= (7 if alarm.period >= 3600 else 1) * 86_400
    metrics: dict[str, Any] = (
        dict(alarm.measured.metrics) if isinstance(alarm.measured, Formula) else {"metric": alarm.measured}
    )
    for identifier, metric in metrics.items():
        assert re.fullmatch(r"[a-z][a-zA-Z0-9_]*", identifier)
        assert metric.namespace.startswith("AWS/")
        assert metric.statistic in {"Average", "Sum", "Minimum", "Maximum"} or re.fullmatch(r"p\d+", metric.statistic)
    if isinstance(alarm.measured, Formula):
        spoken_of = set(re.findall(r"\b[a-z]+\b", alarm.measured.expression))
        assert spoken_of == metrics.keys()


@pytest.mark.parametrize("name", ["TargetErrorsHigh", "NatPacketsDropped", "TargetLatencyHigh", "LoadBalancerErrors"])
def test_a_quiet_hour_is_no_alarm(name: str) -> None:
    assert {alarm.missing_data for alarm in every_alarm() if alarm.name == name} == {"notBreaching"}


def test_latency_is_a_percentile_and_errors_are_a_share() -> None:
    plan = planned_with("dev", {"alarms.emails": list(EMAILS)})
    assert all("metricQueries" in alarm.inputs for name, alarm in alarms(plan).items() if name.startswith("NatPackets"))
    by_name = {alarm.name: alarm for alarm in every_alarm()}
    assert isinstance(by_name["TargetLatencyHigh"].measured, Metric)
    assert by_name["TargetLatencyHigh"].measured.statistic == "p95"
    assert isinstance(by_name["TargetErrorsHigh"].measured, Formula)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "nobody would be told"),
        ({"emails": ["platform"]}, "should match pattern"),
        ({"emails": EMAILS, "database": {"free_storage_percent": 10}}, "less than or equal to 9"),
        ({"emails": EMAILS, "databse": {}}, "Extra inputs are not permitted"),
        ({"subscriptions": {"a": {"protocol": "sms", "endpoint": "+33"}}}, "Input should be 'https'"),
        ({"subscriptions": {"a": {"protocol": "https", "endpoint": "http://example.com"}}}, "begins with https://"),
        (
            {"subscriptions": {"a": {"protocol": "https", "endpoint": "https://u:p@example.com"}}},
            "where credentials stand",
        ),
        (
            {"subscriptions": {"a": {"protocol": "https", "endpoint": "https://example.com/?key=1"}}},
            "where credentials stand",
        ),
        ({"subscriptions": {"a": {"protocol": "sqs", "endpoint": "https://example.com"}}}, "begins with arn:aws:sqs:"),
        ({"emails": EMAILS, "network": {"ipam_scope_id": "scope"}}, "should match pattern"),
        ({"emails": EMAILS, "edge": {"certificate_days": 45}}, "less than or equal to 44"),
    ],
)
def test_a_wrong_alarm_setting_is_refused_with_its_reason(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        AlarmSettings(**wrong)


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_no_alarm_shares_its_name_with_another(stack: str) -> None:
    plan = planned(stack)
    assert len(alarms(plan)) == len(plan.of(METRIC_ALARM))
