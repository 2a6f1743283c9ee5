"""Logs and traces: whose they are, who may write them, and that nothing of either is there unless asked for."""

import json
import re
from typing import Any

import pytest
from pydantic import ValidationError

from infra.monitoring.fluent_bit import PROBES
from infra.monitoring.logs import LogSettings
from infra.monitoring.tracing import PERSONAL, TracingSettings, collector_configuration
from stacks.settings import SettingsError
from tests.unit.plan import planned, planned_with, settings_with

RELEASE = "kubernetes:helm.sh/v3:Release"
GROUP = "aws:cloudwatch/logGroup:LogGroup"
POLICY = "aws:iam/rolePolicy:RolePolicy"
NAMESPACE = "kubernetes:core/v1:Namespace"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
DOMAIN = "arn:aws:es:eu-west-3:111122223333:domain/logs"
OPENSEARCH = {"logs": {"opensearch": {"host": "vpc-logs.eu-west-3.es.amazonaws.com", "domain_arn": DOMAIN}}}


def sections(text: str) -> list[dict[str, str]]:
    """Fluent Bit's classic format: `[KIND]`, then indented keys and values."""
    found: list[dict[str, str]] = []
    for line in text.splitlines():
        if kind := re.fullmatch(r"\[([A-Z]+)\]", line):
            found.append({"kind": kind[1]})
        elif line.strip():
            name, value = line.strip().split(" ", 1)
            assert name not in found[-1], f"{name} stands twice"
            found[-1][name] = value
    return found


def fluent_bit(plan: Any) -> dict[str, Any]:
    values: dict[str, Any] = plan.only(RELEASE, "fluent-bit-release").inputs["values"]
    return values


def of(plan: Any, part: str) -> list[dict[str, str]]:
    return sections(fluent_bit(plan)["config"][part])


def statements(plan: Any, account: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(plan.only(POLICY, f"marlinspike-prod-{account}-policy").inputs["policy"])[
        "Statement"
    ]
    return found


def test_logs_are_kept_thirty_days_in_a_group_that_the_program_makes() -> None:
    plan = planned("prod")
    group = plan.only(GROUP, "marlinspike-prod-workload-logs-group").inputs
    assert group["retentionInDays"] == 30
    assert group["kmsKeyId"] == plan.key_arn
    [output] = of(plan, "outputs")
    assert output["Name"] == "cloudwatch_logs"
    assert output["log_group_name"] == "marlinspike-prod-workload-logs-group"
    assert output["auto_create_group"] == "Off"
    assert "log_retention_days" not in output


def test_the_shipper_may_write_to_its_log_group_and_nowhere_else() -> None:
    plan = planned("prod")
    [statement] = statements(plan, "fluent-bit")
    assert "logs:CreateLogGroup" not in statement["Action"]
    arn = "arn:aws:test:eu-west-3:111122223333:marlinspike-prod-workload-logs-group"
    assert statement["Resource"] == [arn, f"{arn}:*"]


def test_opensearch_takes_the_place_of_cloudwatch() -> None:
    plan = planned_with("prod", OPENSEARCH)
    assert not [group for group in plan.of(GROUP) if "workload-logs" in group.name]
    [statement] = statements(plan, "fluent-bit")
    assert (statement["Action"], statement["Resource"]) == (["es:ESHttpPost"], [f"{DOMAIN}/*"])
    [output] = of(plan, "outputs")
    assert output["Name"] == "opensearch"
    assert (output["tls"], output["tls.verify"], output["AWS_Auth"]) == ("On", "On", "On")


def test_what_a_container_writes_is_put_together_merged_and_only_then_masked() -> None:
    filters = of(planned("prod"), "filters")
    assert [each["Name"] for each in filters] == ["multiline", "kubernetes", "grep", "grep", "lua"]
    merge = filters[1]
    assert (merge["Merge_Log"], merge["Keep_Log"], merge["Buffer_Size"]) == ("On", "Off", "0")
    [read] = of(planned("prod"), "inputs")
    assert read["multiline.parser"] == "cri"
    assert "fluent-bit" in read["Exclude_Path"]
    assert (
        merge["Kube_Tag_Prefix"]
        == read["Tag"].replace("*", "") + read["Path"][1:].rsplit("/", 1)[0].replace("/", ".") + "."
    )


def test_what_is_kept_while_the_destination_is_away_has_a_bound() -> None:
    plan = planned("prod")
    [read], [output], [service] = of(plan, "inputs"), of(plan, "outputs"), of(plan, "service")
    assert read["storage.type"] == "filesystem"
    assert read["Mem_Buf_Limit"] == "16M"
    assert output["storage.total_limit_size"] == "256M"
    assert output["Retry_Limit"] != "False"
    assert service["storage.path"].startswith("/var/log/")
    assert fluent_bit(plan)["daemonSetVolumes"] == [{"name": "varlog", "hostPath": {"path": "/var/log"}}]


@pytest.mark.parametrize("route", ["/healthz", "/readyz", "/health", "/quotes/health", "/users/health"])
def test_probes_are_noise(route: str) -> None:
    assert re.search(PROBES, route)


@pytest.mark.parametrize("route", ["/quotes", "/quotes/{id}", "/healthzz", "/a/b/health"])
def test_what_people_ask_is_none(route: str) -> None:
    assert not re.search(PROBES, route)


def test_the_shipper_has_a_namespace_of_its_own_where_it_may_see_the_node() -> None:
    plan = planned("prod")
    labels = plan.only(NAMESPACE, "logging-namespace").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"
    fence = next(each for each in plan.of(NETWORK_POLICY) if each.name == "logging-fence")
    assert fence.inputs["spec"]["ingress"] == [{"from": [{"podSelector": {}}]}]
    values = fluent_bit(plan)
    assert values["tolerations"] == [{"operator": "Exists"}]
    assert values["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert values["testFramework"] == {"enabled": False}


@pytest.mark.parametrize("account", ["fluent-bit", "otel-collector"])
def test_an_agent_has_its_rights_before_it_runs(account: str) -> None:
    plan = planned("prod")
    association = plan.only(
        "aws:eks/podIdentityAssociation:PodIdentityAssociation", f"marlinspike-prod-{account}-association"
    )
    release = plan.only(RELEASE, f"{account}-release")
    assert association.inputs["serviceAccount"] == release.inputs["values"]["serviceAccount"]["name"] == account
    assert association.inputs["namespace"] == release.inputs["namespace"]
    assert plan.comes_before(association.key, release.key)


def test_traces_go_to_xray_with_what_tells_of_people_taken_out() -> None:
    plan = planned("prod")
    [statement] = statements(plan, "otel-collector")
    assert statement["Action"] == ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    assert statement["Condition"] == {"StringEquals": {"aws:RequestedRegion": "eu-west-3"}}
    configuration = plan.only(RELEASE, "otel-collector-release").inputs["values"]["alternateConfig"]
    assert configuration["exporters"] == {"awsxray": {"region": "eu-west-3"}}
    [pipeline] = configuration["service"]["pipelines"].values()
    assert pipeline["processors"] == ["memory_limiter", "attributes/personal", "batch"]
    deleted = {action["key"] for action in configuration["processors"]["attributes/personal"]["actions"]}
    assert {"client.address", "url.query", "user_agent.original"} <= deleted == set(PERSONAL)


@pytest.mark.parametrize("endpoint", [None, "http://jaeger-collector.jaeger.svc:4318"])
def test_every_part_of_the_collectors_pipeline_is_declared_and_every_declared_part_is_used(
    endpoint: str | None,
) -> None:
    configuration = collector_configuration(TracingSettings(otlp_endpoint=endpoint), "eu-west-3")
    [pipeline] = configuration["service"]["pipelines"].values()
    for kind in ("receivers", "processors", "exporters"):
        assert set(pipeline[kind]) == configuration[kind].keys()
    assert set(configuration["service"]["extensions"]) == configuration["extensions"].keys()


def test_jaeger_needs_no_right_on_aws() -> None:
    plan = planned_with("prod", {"tracing": {"otlp_endpoint": "http://jaeger-collector.jaeger.svc:4318"}})
    assert not [policy for policy in plan.of(POLICY) if "otel" in policy.name]
    configuration = plan.only(RELEASE, "otel-collector-release").inputs["values"]["alternateConfig"]
    assert configuration["exporters"] == {"otlphttp": {"endpoint": "http://jaeger-collector.jaeger.svc:4318"}}


@pytest.mark.parametrize(("stack", "ratio"), [("prod", "0.05"), ("staging", "0.5")])
def test_the_application_sends_its_share_of_traces_to_the_collector_and_may(stack: str, ratio: str) -> None:
    plan = planned(stack)
    [deployment] = [each for each in plan.of(DEPLOYMENT) if each.name.startswith("app")]
    [container] = deployment.inputs["spec"]["template"]["spec"]["containers"]
    told = {each["name"]: each.get("value") for each in container["env"]}
    assert told["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://otel-collector.tracing.svc:4318"
    assert told["OTEL_TRACES_SAMPLER_ARG"] == ratio
    values = plan.only(RELEASE, "otel-collector-release").inputs["values"]
    assert values["fullnameOverride"] == "otel-collector"
    policy = next(each for each in plan.of(NETWORK_POLICY) if each.name == "marlinspike-app").inputs["spec"]
    ways = [rule for rule in policy["egress"] if any("namespaceSelector" in to for to in rule["to"])]
    assert {"port": 4318, "protocol": "TCP"} in [port for rule in ways for port in rule["ports"]]


def test_nothing_of_logs_and_traces_is_there_unless_asked_for() -> None:
    plan = planned("dev")
    assert not [
        each for each in plan.resources if re.search("fluent-bit|otel|^logging|^tracing|workload-logs", each.name)
    ]
    [deployment] = [each for each in plan.of(DEPLOYMENT) if each.name.startswith("app")]
    [container] = deployment.inputs["spec"]["template"]["spec"]["containers"]
    assert not [each["name"] for each in container["env"] if each["name"].startswith(("OTEL_", "SENTRY_"))]


def test_errors_are_told_to_sentry_with_its_address_as_a_file() -> None:
    changes = {
        "app.sentry_dsn": "sentry",
        "app.secrets": ["sentry"],
        "secrets.sentry": {"description": "Where errors are told."},
        "add_ons.external_secrets": True,
    }
    [deployment] = [each for each in planned_with("prod", changes).of(DEPLOYMENT) if each.name.startswith("app")]
    [container] = deployment.inputs["spec"]["template"]["spec"]["containers"]
    told = {each["name"]: each.get("value") for each in container["env"]}
    assert told["SENTRY_DSN_FILE"] == "/var/run/secrets/marlinspike/sentry"
    assert told["SENTRY_ENVIRONMENT"] == "prod"
    with pytest.raises(
        SettingsError, match="sentry_dsn: sentry is not in secrets, so there is no such file; add it there"
    ):
        settings_with("prod", {"app.sentry_dsn": "sentry"})


def test_opensearch_keeps_logs_by_its_own_policy() -> None:
    with pytest.raises(ValidationError, match="retention_days is CloudWatch's"):
        LogSettings.model_validate({"retention_days": 30, **OPENSEARCH["logs"]})
