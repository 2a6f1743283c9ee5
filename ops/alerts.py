"""Which alerts fire, asked of Prometheus by way of the API server: no port is forwarded, and no address is public."""

import json
from dataclasses import dataclass
from typing import Any

from infra.monitoring.stack import CHART, NAMESPACE, PROMETHEUS_PORT
from ops.cluster import Cluster

SERVICE = f"http:{CHART}-prometheus:{PROMETHEUS_PORT}"
"""`scheme:name:port`, as the API server's proxy wants it."""

PATH = f"/api/v1/namespaces/{NAMESPACE}/services/{SERVICE}/proxy"

ALWAYS = "Watchdog"
"""Fires as long as Prometheus works; its silence is what somebody hears of."""


@dataclass(frozen=True)
class Alert:
    """One that fires."""

    name: str
    severity: str
    since: str
    summary: str


def firing(cluster: Cluster) -> list[Alert]:
    """The worst first. Raises what the client raises where Prometheus can't be asked."""
    found: list[dict[str, Any]] = json.loads(cluster.get(f"{PATH}/api/v1/alerts"))["data"]["alerts"]
    alerts = [
        Alert(
            each["labels"]["alertname"],
            each["labels"].get("severity", ""),
            each["activeAt"][:19] + "Z",
            each["annotations"].get("summary", ""),
        )
        for each in found
        if each["state"] == "firing" and each["labels"]["alertname"] != ALWAYS
    ]
    order = {"critical": 0, "warning": 1}
    return sorted(alerts, key=lambda alert: (order.get(alert.severity, 2), alert.name, alert.since))
