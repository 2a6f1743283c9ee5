"""Alertmanager's own tool reads the configuration of each environment, and says to whom each alert goes."""

import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra.monitoring.routing import CAUSES
from tests.monitoring.alertmanager import own_alerts, values_of, written
from tests.monitoring.tools import tools

WITH_DISCORD: dict[str, Any] = {
    "secrets.alerts-discord": {"description": "URL of the webhook of Discord's channel"},
    "monitoring.notifications.discord": {"webhook_secret": "alerts-discord"},
}
QUIET_SLACK: dict[str, Any] = {"monitoring.notifications.slack.least_severity": "warning"}
NONE: dict[str, Any] = {"monitoring.notifications": None}

PLACES: dict[str, tuple[str, Mapping[str, Any]]] = {
    "prod": ("prod", {}),
    "prod with discord": ("prod", WITH_DISCORD),
    "prod with a quiet slack": ("prod", QUIET_SLACK),
    "staging": ("staging", {}),
    "staging without anybody": ("staging", NONE),
}

PAGED = "pagerduty,slack,email"
TOLD = "slack,email"

ROUTES = [
    ("prod", "alertname=ErrorRateHigh severity=critical namespace=marlinspike", PAGED),
    ("prod", "alertname=LatencyHigh severity=warning namespace=marlinspike", TOLD),
    ("prod", "alertname=CPUThrottlingHigh severity=info namespace=marlinspike", "slack"),
    ("prod", "alertname=Watchdog severity=none", "heartbeat"),
    ("prod", "alertname=InfoInhibitor severity=none namespace=marlinspike", "null"),
    # Nobody's alert is dropped: a severity that nobody knows, or none.
    ("prod", "alertname=SomebodysOwn severity=urgent namespace=other", "slack"),
    ("prod", "alertname=SomebodysOwn", "slack"),
    ("prod with discord", "alertname=ErrorRateHigh severity=critical", "pagerduty,slack,discord,email"),
    ("prod with discord", "alertname=LatencyHigh severity=warning", "slack,discord,email"),
    ("prod with discord", "alertname=CPUThrottlingHigh severity=info", "slack,discord"),
    ("prod with a quiet slack", "alertname=LatencyHigh severity=warning", TOLD),
    ("prod with a quiet slack", "alertname=CPUThrottlingHigh severity=info", "null"),
    ("staging", "alertname=ErrorRateHigh severity=critical", "slack"),
    ("staging", "alertname=LatencyHigh severity=warning", "slack"),
    ("staging", "alertname=CPUThrottlingHigh severity=info", "slack"),
    ("staging", "alertname=Watchdog severity=none", "null"),
    ("staging", "alertname=InfoInhibitor severity=none", "null"),
    ("staging without anybody", "alertname=ErrorRateHigh severity=critical", "null"),
    ("staging without anybody", "alertname=SomebodysOwn", "null"),
]


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def of(place: str) -> Path:
        return written(values_of(*PLACES[place]), tmp_path_factory.mktemp("alertmanager"))

    return of


def amtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tools().amtool, *arguments], capture_output=True, text=True, check=False)


def receivers(config: Path, labels: list[str]) -> str:
    done = amtool("config", "routes", "test", f"--config.file={config}", *labels)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("place", PLACES)
def test_alertmanager_accepts_the_configuration_and_its_templates(configuration: Any, place: str) -> None:
    done = amtool("check-config", configuration(place))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SUCCESS") == 2, done.stdout  # the file, and the template that it names


def test_a_wrong_configuration_is_refused(configuration: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(configuration("prod").read_text().replace("api_url_file", "api_url_fil"))
    assert amtool("check-config", wrong).returncode != 0


@pytest.mark.parametrize(("place", "labels", "expected"), ROUTES)
def test_an_alert_goes_to(configuration: Any, place: str, labels: str, expected: str) -> None:
    verify = f"--verify.receivers={expected}"
    config = f"--config.file={configuration(place)}"
    done = amtool("config", "routes", "test", config, verify, *labels.split())
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("place", ["prod", "staging", "staging without anybody"])
def test_the_table_has_a_line_for_every_receiver(place: str) -> None:
    ways = {receiver for where, _, expected in ROUTES if where == place for receiver in expected.split(",")}
    config = values_of(*PLACES[place])["config"]
    named = {route.get("receiver") for route in routes(config["route"])}
    assert named == ways


def routes(route: dict[str, Any]) -> list[dict[str, Any]]:
    return [route, *(found for child in route.get("routes", []) for found in routes(child))]


@pytest.mark.parametrize(("stack", "critical", "warning"), [("prod", PAGED, TOLD), ("staging", "slack", "slack")])
def test_every_alert_of_ours_reaches_those_whom_its_severity_asks_for(
    configuration: Any, stack: str, critical: str, warning: str
) -> None:
    rules = own_alerts(stack, {})
    assert len(rules) >= 3
    for rule in rules:
        labels = {"alertname": rule["alert"], "namespace": "marlinspike", **rule["labels"]}
        found = receivers(configuration(stack), [f"{name}={value}" for name, value in labels.items()])
        assert found == {"critical": critical, "warning": warning}[rule["labels"]["severity"]], rule["alert"]


def test_every_alert_that_silences_or_is_silenced_exists() -> None:
    ours = {rule["alert"] for rule in own_alerts("prod", {})}
    named = {name for cause in CAUSES for name in (cause.alert, *cause.consequences)}
    assert named <= ours
    # What silences itself, or two alerts that silence each other, would tell nobody.
    assert not {cause.alert for cause in CAUSES if cause.alert in cause.consequences}
    pairs = {(cause.alert, name) for cause in CAUSES for name in cause.consequences}
    assert not {pair for pair in pairs if pair[::-1] in pairs}
