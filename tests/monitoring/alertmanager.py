"""What a stack gives Alertmanager, as files of this machine, and a real Alertmanager on them."""

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import yaml

from infra.monitoring.receivers import SECRETS_FOLDER
from infra.pods import SECRET_KEY
from tests.app.servers import Server, eventually, free_port
from tests.monitoring.tools import tools
from tests.unit.plan import planned_with

RULES = "kubernetes:monitoring.coreos.com/v1:PrometheusRule"


def values_of(stack: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The chart's key `alertmanager` as the stack registers it, with changed settings."""
    release = planned_with(stack, changes).only("kubernetes:helm.sh/v3:Release", "monitoring-release")
    found: dict[str, Any] = json.loads(json.dumps(release.inputs["values"]["alertmanager"]))
    return found


def own_alerts(stack: str, changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every alerting rule of the stack's own PrometheusRules."""
    return [
        rule
        for rules in planned_with(stack, changes).of(RULES)
        for group in rules.inputs["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]


def written(values: Mapping[str, Any], folder: Path) -> Path:
    """Alertmanager's file and templates in a folder, as operator and chart would mount them, with the folder's own paths."""
    text = json.dumps(values["config"])
    config = json.loads(
        text.replace(SECRETS_FOLDER, f"{folder}/secrets").replace("/etc/alertmanager/config", str(folder))
    )
    for name, template in values["templateFiles"].items():
        (folder / name).write_text(template)
    path = folder / "alertmanager.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def give_secrets(folder: Path, secrets: Mapping[str, str]) -> None:
    """Files as the operator mounts them, one folder for each Secret."""
    for name, value in secrets.items():
        place = folder / "secrets" / name
        place.mkdir(parents=True)
        (place / SECRET_KEY).write_text(value)


def hurry(route: dict[str, Any]) -> None:
    """Shortens what Alertmanager waits for others of a group; what it repeats, and which route takes what, stays."""
    if "group_wait" in route:
        beat = route["repeat_interval"] == "50s"
        route |= {"group_wait": "1s", "group_interval": "1s", **({"repeat_interval": "500ms"} if beat else {})}
    for child in route.get("routes", []):
        hurry(child)


@dataclass
class Alertmanager:
    """A running Alertmanager on loopback."""

    config: Path
    authority: Path
    """Of the certificates that it believes, beside the system's."""

    def __post_init__(self) -> None:
        self.port = free_port()
        folder = self.config.parent
        command = [
            *(str(tools().alertmanager), f"--config.file={self.config}", f"--storage.path={folder / 'data'}"),
            *(f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="),
        ]
        self.server = Server(command, folder / "alertmanager.log", {"SSL_CERT_FILE": str(self.authority)})

    @property
    def url(self) -> str:
        """Where its API is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start and wait until it takes alerts."""
        self.server.start()
        eventually(lambda: httpx.get(f"{self.url}/-/ready").is_success, what=f"ready: {self.server.lines()}")

    def stop(self) -> None:
        """Stop it."""
        self.server.stop()

    def fire(self, *alerts: Mapping[str, Any]) -> None:
        """Hand over alerts that fire, all in one request as Prometheus does."""
        self._post([{**alert} for alert in alerts])

    def resolve(self, *alerts: Mapping[str, Any]) -> None:
        """The same alerts, over since now."""
        over = datetime.now(UTC).isoformat()
        self._post([{**alert, "endsAt": over} for alert in alerts])

    def amtool(self, *arguments: str) -> str:
        """What amtool answers that asks this Alertmanager; fails when it fails."""
        command = [tools().amtool, f"--alertmanager.url={self.url}", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def _post(self, alerts: list[dict[str, Any]]) -> None:
        answer = httpx.post(f"{self.url}/api/v2/alerts", json=alerts)
        assert answer.is_success, answer.text


def alert_of(rule: Mapping[str, Any], namespace: str, **labels: str) -> dict[str, Any]:
    """An alert as Prometheus sends it for one of our rules; what the rule's text takes from its result is left as it is."""
    annotations = {name: re.sub(r"{{.*?}}", "?", text) for name, text in rule["annotations"].items()}
    return {
        "labels": {"alertname": rule["alert"], "namespace": namespace, **rule["labels"], **labels},
        "annotations": annotations,
    }
