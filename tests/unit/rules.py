"""The rules that shipped stacks register, as Prometheus would read them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.unit.plan import planned, planned_with

RULES = "kubernetes:monitoring.coreos.com/v1:PrometheusRule"

SECOND = {"image": "example.com/mailer:1.2.0", "metrics_port": 9090, "replicas": 2}
"""A workload of section `workloads` that is scraped."""


@dataclass(frozen=True)
class AlertRule:
    """One alerting rule as registered."""

    name: str
    expression: str
    hold: str
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def key(self) -> tuple[str, str, str]:
        """Alert, severity and window: no other rule of the workload has the same."""
        return self.name, self.labels["severity"], self.labels.get("window", "")


def groups(stack: str = "prod", workload: str = "app") -> list[dict[str, Any]]:
    """The groups of one workload's PrometheusRule; `mailer` is a further workload that is scraped."""
    plan = planned(stack) if workload == "app" else planned_with(stack, {"workloads.mailer": SECOND})
    found: list[dict[str, Any]] = plan.only(RULES, f"{workload}-rules").inputs["spec"]["groups"]
    return found


def rules(stack: str = "prod", workload: str = "app") -> Iterator[dict[str, Any]]:
    """Alerting and recording rules, in their order."""
    for group in groups(stack, workload):
        yield from group["rules"]


def every_alert(stack: str = "prod", workload: str = "app") -> list[AlertRule]:
    """Every alerting rule of a workload."""
    return [
        AlertRule(rule["alert"], rule["expr"], rule["for"], rule["labels"], rule["annotations"])
        for rule in rules(stack, workload)
        if "alert" in rule
    ]
