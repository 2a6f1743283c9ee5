"""What monitoring registers, where it is on and where it is off, and what its settings refuse."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.metrics import DURATION
from infra.monitoring.recording import BOUNDS, WINDOWS
from infra.monitoring.remote_write import RemoteWriteSettings
from infra.monitoring.slo import BURN_RATES, SECONDS, ObjectivesSettings
from infra.monitoring.stack import MonitoringSettings
from stacks.settings import SettingsError
from tests.unit.plan import STACKS, Plan, planned, planned_with, settings_with
from tests.unit.rules import RULES, SECOND, every_alert, rules

RELEASE = "kubernetes:helm.sh/v3:Release"
MONITOR = "kubernetes:monitoring.coreos.com/v1:ServiceMonitor"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
WORKSPACE = "arn:aws:aps:eu-central-1:111122223333:workspace/ws-0a1b2c3d-1111-2222-3333-444455556666"


def values(plan: Plan) -> dict[str, Any]:
    """The values of kube-prometheus-stack."""
    found: dict[str, Any] = plan.only(RELEASE, "monitoring-release").inputs["values"]
    return found


@pytest.mark.parametrize("stack", [stack for stack in STACKS if stack not in ("staging", "prod")])
def test_nothing_of_monitoring_is_registered_where_it_is_off(stack: str) -> None:
    for found in planned(stack).resources:
        assert "monitoring.coreos.com" not in found.type, found.name
        assert not found.name.startswith("monitoring"), found.name
        assert not found.type.startswith("marlinspike:monitoring:"), found.name


def test_every_release_forgets_old_revisions_which_helm_keeps_as_secrets_without_an_end() -> None:
    releases = planned("prod").of(RELEASE)
    assert len(releases) > 4
    assert {release.name for release in releases if release.inputs.get("maxHistory") != 5} == set()


def test_every_alert_says_how_bad_it_is_and_where_to_read_on() -> None:
    for rule in (*every_alert(), *every_alert(workload="mailer")):
        assert rule.labels["severity"] in ("critical", "warning")
        assert rule.annotations["runbook_url"].endswith(f"/docs/runbooks/{rule.name}.md")
        assert rule.annotations["summary"]
        assert rule.annotations["description"]
        assert 'namespace="marlinspike"' in rule.expression


def test_severities_and_holds_are_those_that_were_asked_for() -> None:
    """REQUIREMENTS M2 to M4, and FIELD-NOTES for the burn rates."""
    asked = {
        ("CpuHigh", "critical", "0.9", "5m"),
        ("CpuHigh", "warning", "0.7", "10m"),
        ("MemoryHigh", "critical", "0.95", "2m"),
        ("MemoryHigh", "warning", "0.8", "5m"),
        ("AvailablePodsLow", "critical", "2", "1m"),
        ("PodDown", "critical", "0", "5m"),
        ("LatencyHigh", "warning", "1", "5m"),
    }
    found = {(rule.name, rule.labels["severity"], rule.expression.split()[-1], rule.hold) for rule in every_alert()}
    assert asked <= found
    assert [(b.long, b.short, b.factor, b.hold, b.severity) for b in BURN_RATES] == [
        ("1h", "5m", 14.4, "2m", "critical"),
        ("6h", "30m", 6, "15m", "critical"),
        ("1d", "2h", 3, "1h", "warning"),
        ("3d", "6h", 1, "3h", "warning"),
    ]
    limits = {
        rule.key[0::2]: rule.expression.split(" > ")[1].split()[0]
        for rule in every_alert()
        if rule.name.endswith("BudgetBurning")
    }
    assert limits["AvailabilityBudgetBurning", "1h"] == "0.0144"
    assert limits["LatencyBudgetBurning", "1h"] == "0.72"
    assert limits["AvailabilityBudgetBurning", "3d"] == "0.001"


def test_errors_are_told_above_five_percent_for_a_minute() -> None:
    [rule] = [rule for rule in every_alert() if rule.name == "ErrorRateHigh"]
    assert rule.expression.split(" > ")[1].split()[0] == "0.05"
    assert (rule.hold, rule.labels["severity"]) == ("1m", "critical")


def test_another_promise_is_another_limit() -> None:
    changed = planned_with("prod", {"monitoring.objectives": {"availability_percent": 99.5, "latency_seconds": 0.5}})
    text = str(changed.only(RULES, "app-rules").inputs)
    assert "> 0.072 and" in text
    assert 'le="0.5"' in text
    assert 'le="0.2"' not in text


def test_every_window_of_a_burn_rate_is_recorded() -> None:
    assert {burn.long for burn in BURN_RATES} == SECONDS.keys()
    assert {burn.long for burn in BURN_RATES} | {burn.short for burn in BURN_RATES} <= {"5m", *WINDOWS}
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    assert len(recorded) == len([rule for rule in rules() if "record" in rule]), "each is recorded once"


def test_two_available_pods_are_only_watched_where_two_are_promised() -> None:
    assert "AvailablePodsLow" not in {rule.name for rule in every_alert("staging")}
    assert "AvailablePodsLow" in {rule.name for rule in every_alert("prod")}


def test_a_further_workload_is_watched_as_far_as_anybody_knows_what_it_says() -> None:
    plan = planned_with("prod", {"workloads.mailer": SECOND})
    assert {rule.name for rule in every_alert(workload="mailer")} == {
        "WorkloadDown",
        "PodDown",
        "AvailablePodsLow",
        "CpuHigh",
        "MemoryHigh",
        "RestartsFrequent",
    }
    assert plan.only(MONITOR, "mailer-monitor").inputs["metadata"]["namespace"] == "monitoring"
    assert plan.comes_before("Deployment/mailer-deployment", "PrometheusRule/mailer-rules")

    unscraped = planned_with("prod", {"workloads.mailer": {**SECOND, "metrics_port": None}})
    assert [found.name for found in unscraped.of(MONITOR)] == ["app-monitor"]
    [group] = unscraped.only(RULES, "mailer-rules").inputs["spec"]["groups"]
    assert {rule["alert"] for rule in group["rules"]} == {"CpuHigh", "MemoryHigh", "RestartsFrequent"}


def test_rules_that_ask_for_pods_come_after_the_pods() -> None:
    plan = planned("staging")
    assert plan.comes_before("Deployment/app-deployment", "PrometheusRule/app-rules")


def test_prometheus_takes_rules_and_monitors_of_everybody_and_tells_where_it_stands() -> None:
    found = values(planned("prod"))
    spec = found["prometheus"]["prometheusSpec"]
    selectors = [key for key in spec if key.endswith("SelectorNilUsesHelmValues")]
    assert {key.removesuffix("SelectorNilUsesHelmValues") for key in selectors} == {
        "serviceMonitor",
        "podMonitor",
        "rule",
        "probe",
        "scrapeConfig",
    }
    assert not any(spec[key] for key in selectors)
    assert spec["externalLabels"] == {"cluster": "marlinspike-prod", "environment": "prod"}
    assert spec["resources"]["limits"] == {"memory": "2Gi"}
    assert spec["scrapeInterval"] == spec["evaluationInterval"] == "30s"
    assert spec["retention"] == "31d", "as long as an objective's window"
    assert "remoteWrite" not in spec


def test_node_exporter_runs_once() -> None:
    plan = planned("prod")
    assert values(plan)["nodeExporter"] == {"enabled": True}
    assert not any("node-exporter" in add_on.inputs["addonName"] for add_on in plan.of("aws:eks/addon:Addon"))


def test_remote_write_goes_to_the_workspace_with_a_right_to_write_there_and_nothing_else() -> None:
    plan = planned_with("prod", {"monitoring.remote_write": {"workspace_arn": WORKSPACE}})
    [write] = values(plan)["prometheus"]["prometheusSpec"]["remoteWrite"]
    assert write["url"] == (
        "https://aps-workspaces.eu-central-1.amazonaws.com/workspaces/ws-0a1b2c3d-1111-2222-3333-444455556666"
        "/api/v1/remote_write"
    )
    assert write["sigv4"] == {"region": "eu-central-1"}
    assert write["writeRelabelConfigs"][0]["regex"] == "namespace_job:.+|ALERTS|up"
    policy = plan.only(ROLE_POLICY, "marlinspike-prod-prometheus-policy").inputs["policy"]
    assert '"Action": ["aps:RemoteWrite"]' in policy
    assert f'"Resource": ["{WORKSPACE}"]' in policy
    association = plan.only(
        "aws:eks/podIdentityAssociation:PodIdentityAssociation", "marlinspike-prod-prometheus-association"
    )
    account = values(plan)["prometheus"]["serviceAccount"]["name"]
    assert (association.inputs["namespace"], association.inputs["serviceAccount"]) == ("monitoring", account)
    assert plan.comes_before(association.key, "Release/monitoring-release")
    assert not [found for found in planned("prod").of(ROLE_POLICY) if "prometheus" in found.name]


def test_a_workspace_of_another_account_is_refused() -> None:
    elsewhere = WORKSPACE.replace("111122223333", "444455556666")
    with pytest.raises(SettingsError, match=r"is in account 444455556666.*name a workspace of this account"):
        settings_with("prod", {"monitoring.remote_write": {"workspace_arn": elsewhere}})


def test_the_histogram_s_bounds_are_those_of_the_application() -> None:
    assert tuple(DURATION._upper_bounds[:-1]) == BOUNDS


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"retention": "48h"}, "ask for 3d at least"),
        ({"retention": "2d"}, "ask for 3d at least"),
        ({"scrape_seconds": 120}, "less than or equal to 60"),
        ({"objectives": {"latency_seconds": 0.25}}, "choose one of 0.005, 0.01"),
        ({"objectives": {"availability_percent": 90}}, "greater than or equal to 95"),
        ({"objectives": {"availability_percent": 100}}, "less than 100"),
        ({"remote_write": {"workspace_arn": "ws-1"}}, "should match pattern"),
        ({"remote_write": {"workspace_arn": WORKSPACE, "metrics": ""}}, "at least 1 character"),
        ({"remote_write": {}}, "Field required"),
        ({"memory": "2GB"}, "should match pattern"),
    ],
)
def test_a_wrong_setting_of_monitoring_is_refused_with_its_reason(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        MonitoringSettings.model_validate(wrong)


def test_what_is_promised_by_default_is_what_was_asked_for() -> None:
    assert ObjectivesSettings() == ObjectivesSettings(
        availability_percent=99.9, latency_percent=95.0, latency_seconds=0.2
    )
    assert RemoteWriteSettings(workspace_arn=WORKSPACE).region == "eu-central-1"
