"""Whoever is named is told, by a secret's name and never by its value; what would tell nobody is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from infra.monitoring.notifications import NotificationSettings
from stacks.settings import SettingsError
from tests.unit.plan import Plan, planned, planned_with, settings_with

RELEASE = "kubernetes:helm.sh/v3:Release"
SECRET = "kubernetes:external-secrets.io/v1:ExternalSecret"  # noqa: S105 - the type
STORE = "kubernetes:external-secrets.io/v1:SecretStore"

SLACK = {"channel": "#alerts", "webhook_secret": "alerts-slack"}
EMAIL = {
    "to": ["platform@example.com"],
    "sender": "alerts@example.com",
    "smarthost": "smtp.example.com:587",
    "username": "alerts",
    "password_secret": "alerts-smtp",
}


def alertmanager(plan: Plan) -> dict[str, Any]:
    found: dict[str, Any] = plan.only(RELEASE, "monitoring-release").inputs["values"]["alertmanager"]
    return found


@pytest.mark.parametrize(
    ("stack", "secrets"),
    [
        ("staging", ["alerts-slack"]),
        ("prod", ["alerts-heartbeat", "alerts-pagerduty", "alerts-slack", "alerts-smtp"]),
    ],
)
def test_alertmanager_finds_each_secret_as_a_file(stack: str, secrets: list[str]) -> None:
    plan = planned(stack)
    values = alertmanager(plan)
    assert values["alertmanagerSpec"]["secrets"] == secrets
    fetched = [each for each in plan.of(SECRET) if each.inputs["metadata"]["namespace"] == "monitoring"]
    assert sorted(each.inputs["metadata"]["name"] for each in fetched) == secrets
    for each in fetched:
        assert each.inputs["spec"]["data"][0]["secretKey"] == "value"
        # Neither waits for the other: a first `up` takes no longer, and a value that is missing holds up Alertmanager alone.
        assert not plan.comes_before(each.key, "Release/monitoring-release")
        assert plan.comes_before("Release/external-secrets-release", each.key)
    assert [each.inputs["metadata"]["namespace"] for each in plan.of(STORE)] == ["monitoring"]
    read = str(values["config"])
    assert all(f"/etc/alertmanager/secrets/{secret}/value" in read for secret in secrets)


SECRET_FIELDS = {"api_url", "routing_key", "service_key", "auth_password", "auth_secret", "webhook_url", "url"}


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_no_field_that_holds_a_secret_is_written(stack: str) -> None:
    fields = {
        field
        for receiver in alertmanager(planned(stack))["config"]["receivers"]
        for kind, written in receiver.items()
        if kind != "name"
        for field in written[0]
    }
    assert not fields & SECRET_FIELDS
    assert "api_url_file" in fields, "the fields are there to be looked at"


def test_alertmanager_stands_twice_and_apart_where_people_are_paged() -> None:
    values = alertmanager(planned("prod"))
    assert values["alertmanagerSpec"]["replicas"] == 2
    assert values["alertmanagerSpec"]["podAntiAffinity"] == "hard"
    assert values["alertmanagerSpec"]["podAntiAffinityTopologyKey"] == "topology.kubernetes.io/zone"
    assert values["podDisruptionBudget"] == {"enabled": True, "minAvailable": 1}
    assert "nodeAffinity" in values["alertmanagerSpec"]["affinity"]
    # A budget of one pod that must be there would hold up every drain.
    alone = alertmanager(planned("staging"))
    assert "podDisruptionBudget" not in alone
    assert "replicas" not in alone["alertmanagerSpec"]


def test_every_key_of_the_charts_own_configuration_is_written() -> None:
    # Helm merges maps: what is left out stays as the chart has it (values.yaml of kube-prometheus-stack, alertmanager.config).
    config = alertmanager(planned_with("staging", {"monitoring.notifications": None}))["config"]
    assert config.keys() == {"global", "inhibit_rules", "route", "receivers", "templates"}
    assert config["global"].keys() == {"resolve_timeout"}
    defaults = {"group_by", "group_wait", "group_interval", "repeat_interval", "receiver", "routes"}
    assert config["route"].keys() == defaults


def test_messages_name_the_environment() -> None:
    for stack in ("staging", "prod"):
        [(name, text)] = alertmanager(planned(stack))["templateFiles"].items()
        assert name.endswith(".tmpl")
        assert f'{{{{ define "platform.environment" }}}}{stack}{{{{ end }}}}' in text


def test_without_notifications_nothing_is_fetched_and_nobody_is_told() -> None:
    plan = planned_with("staging", {"monitoring.notifications": None})
    assert (plan.of(STORE), plan.of(SECRET)) == ([], [])
    values = alertmanager(plan)
    assert values["alertmanagerSpec"]["secrets"] == []
    assert [receiver["name"] for receiver in values["config"]["receivers"]] == ["null"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"monitoring.notifications": None},
            "monitoring: mode is full, and nobody would be told of alerts; name pagerduty",
        ),
        (
            {"monitoring.notifications": {"heartbeat": {"url_secret": "alerts-heartbeat"}}},
            "monitoring: mode is full, and nobody would be told of alerts",
        ),
        (
            {"monitoring.notifications.slack": None, "monitoring.notifications.email": None},
            "nobody would be told of warnings: pagerduty takes critical alerts only; lower its least_severity",
        ),
        (
            {"secrets.alerts-slack": None, "secrets.alerts-smtp": None},
            r"(?s)slack.webhook_secret: alerts-slack is not in section secrets.*known are alerts-heartbeat, alerts-pagerduty"
            r".*email.password_secret: alerts-smtp is not",
        ),
        ({"add_ons.external_secrets": False}, "monitoring.notifications: nothing brings its secrets into the cluster"),
        ({"monitoring.notifications.slak": SLACK}, "notifications.slak: unknown setting; did you mean slack?"),
        (
            {"monitoring.notifications.slack.webhook": "https://hooks.slack.example/T0"},
            "slack.webhook: unknown setting; did you mean webhook_secret?",
        ),
        (
            {"monitoring.notifications.heartbeat": {"url": "http://alive.example"}},
            r"heartbeat.url: unknown setting \(known: url_secret\)",
        ),
        (
            {"monitoring.notifications.heartbeat.url_secret": "https://alive.example/0123"},
            "heartbeat.url_secret: string should match pattern",
        ),
    ],
)
def test_what_would_tell_nobody_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        settings_with("prod", changes)


def test_where_monitoring_is_off_its_receivers_need_no_secrets() -> None:
    settings_with("prod", {"monitoring.mode": "off", "add_ons.external_secrets": False, "secrets": None})


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"slack": {**SLACK, "channel": "alerts"}}, "slack.channel\n.*should match pattern"),
        ({"slack": {**SLACK, "webhook_secret": ""}}, "slack.webhook_secret\n.*should match pattern"),
        ({"slack": {**SLACK, "least_severity": "page"}}, "should be 'critical', 'warning' or 'info'"),
        ({"slack": {"channel": "#alerts"}}, "slack.webhook_secret\n.*Field required"),
        ({"pagerduty": {}}, "pagerduty.routing_key_secret\n.*Field required"),
        ({"pagerduty": {"routing_key_secret": "R0UTINGKEY0123456789abcdef"}}, "should match pattern"),
        ({"email": {**EMAIL, "to": ["platform"]}}, "email.to.0\n.*should match pattern"),
        ({"email": {**EMAIL, "to": []}}, "email.to\n.*at least 1 item"),
        ({"email": {**EMAIL, "sender": "alerts@localhost"}}, "email.sender\n.*should match pattern"),
        ({"email": {**EMAIL, "smarthost": "smtp.example.com"}}, "email.smarthost\n.*should match pattern"),
        ({"email": {**EMAIL, "username": ""}}, "email.username\n.*at least 1 character"),
        ({"email": {**EMAIL, "password": "x"}}, "email.password\n.*Extra inputs"),
        ({"discord": {"webhook_secret": "https://discord.example/api"}}, "should match pattern"),
        ({"heartbeat": {"url_secret": ""}}, "heartbeat.url_secret\n.*should match pattern"),
        (
            {"slack": SLACK, "discord": {"webhook_secret": "alerts-slack"}},
            "slack.webhook_secret and discord.webhook_secret name the same secret alerts-slack",
        ),
        ({"discord": {"webhook_secret": "a", "least_severity": "critical"}}, "nobody would be told of warnings"),
    ],
)
def test_a_wrong_way_of_telling_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        NotificationSettings(**wrong)


OPERATOR_KNOWS = {
    "slack_configs": "send_resolved api_url_file channel title title_link fallback text",
    "pagerduty_configs": "send_resolved routing_key_file description severity source class group client client_url links details",
    "email_configs": "send_resolved to from smarthost auth_username auth_password_file require_tls headers html text",
    "discord_configs": "send_resolved webhook_url_file title message",
    "webhook_configs": "send_resolved url_file",
}
"""Fields of the operator's own types (prometheus-operator, pkg/alertmanager/types.go), as far as they are used here."""


def test_no_field_is_written_that_the_operator_would_refuse() -> None:
    plan = planned_with(
        "prod",
        {
            "secrets.alerts-discord": {"description": "URL of the webhook of Discord's channel"},
            "monitoring.notifications.discord": {"webhook_secret": "alerts-discord"},
        },
    )
    written = {
        kind: {*fields}
        for receiver in alertmanager(plan)["config"]["receivers"]
        for kind, [fields] in ((kind, value) for kind, value in receiver.items() if kind != "name")
    }
    assert written == {kind: {*fields.split()} for kind, fields in OPERATOR_KNOWS.items()}
