"""What a PrometheusRule consists of, as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from infra.release import VERSIONS

RUNBOOKS = "https://github.com/marlinspike-platform/marlinspike/blob/main/docs/runbooks"

AS_LONG_AS_CONSEQUENCES = "7m"
"""A cause silences its consequences while it fires (infra/monitoring/routing.py), and those look back five minutes. If it ended
at once, somebody would be woken by them after all is well again."""

SERVICE_PAGE = "marlinspike-service"
"""Of infra/monitoring/dashboards/service.py: the dashboard that messages lead to."""

Severity = Literal["critical", "warning"]
"""`critical` wakes somebody, `warning` can wait for the morning."""


@dataclass(frozen=True)
class Alert:
    """One alerting rule. Every result of `expression` keeps the label `namespace`; `hold` is how long it must be true.

    Several rules may share a name, which is that of their page in docs/runbooks; `labels` then tell them apart.
    """

    name: str
    expression: str
    hold: str
    severity: Severity
    summary: str
    description: str
    labels: Mapping[str, str] = field(default_factory=dict)
    lingers: str | None = None
    """How long it goes on firing after it is over."""

    def rule(self) -> dict[str, Any]:
        """The rule as the PrometheusRule object carries it."""
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": self.hold,
            **({"keep_firing_for": self.lingers} if self.lingers else {}),
            "labels": {"severity": self.severity, **self.labels},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{RUNBOOKS}/{self.name}.md",
            },
        }


@dataclass(frozen=True)
class Recording:
    """One recording rule, named `level:metric:operations` as Prometheus' documentation asks ("Recording rules")."""

    name: str
    expression: str

    def rule(self) -> dict[str, Any]:
        """The rule as the PrometheusRule object carries it."""
        return {"record": self.name, "expr": self.expression}


@dataclass(frozen=True)
class Watched:
    """The workload that rules are about."""

    name: str
    """Of its container, and of the Service by which it is scraped: the label `job`. In a blue-green release that Service leads to
    the version that serves, and Prometheus sees no other."""

    namespace: str
    least_replicas: int = 1
    autoscaled: bool = False
    scraped: bool = True
    grafana_url: str | None = None
    """Where people open Grafana, for the link in messages; none where only `kubectl port-forward` leads there."""

    @property
    def annotations(self) -> dict[str, str]:
        """What every alert of the workload tells beside what is its own."""
        if self.grafana_url is None:
            return {}
        chosen = f"var-namespace={self.namespace}&var-workload={self.name}"
        return {"dashboard_url": f"{self.grafana_url.rstrip('/')}/d/{SERVICE_PAGE}?{chosen}"}

    @property
    def job(self) -> str:
        """Selects what its pods export."""
        return f'job="{self.name}", namespace="{self.namespace}"'

    @property
    def container(self) -> str:
        """Selects what kubelet and kube-state-metrics say of its containers, whatever version they are of."""
        return f'container="{self.name}", namespace="{self.namespace}"'

    @property
    def versions(self) -> str:
        """Matches the names of its Deployments and autoscalers: its own, or one for each version of a blue-green release."""
        return f"{self.name}{VERSIONS}"


def group(name: str, workload: Watched, rules: Sequence[Alert | Recording]) -> dict[str, Any]:
    """A group of rules of a workload, which Prometheus evaluates in this order."""
    found = [rule.rule() for rule in rules]
    for rule in found:
        if "annotations" in rule:
            rule["annotations"] |= workload.annotations
    return {"name": f"{workload.name}-{name}", "rules": found}
