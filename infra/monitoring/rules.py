"""What Prometheus scrapes of the application, and when somebody is told."""

from dataclasses import dataclass
from typing import Any, Literal

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

from infra.monitoring.stack import NAMESPACE
from infra.naming import object_metadata, selector_labels

RUNBOOKS = "https://github.com/marlinspike-platform/marlinspike/blob/main/docs/runbooks"

REQUESTS = "http_requests_total"
DURATION = "http_request_duration_seconds_bucket"
"""Names as the application exports them (app/metrics.py)."""


@dataclass(frozen=True)
class Alert:
    """One alerting rule. `expression` keeps the label `namespace`; `hold` is how long it must be true."""

    name: str
    expression: str
    hold: str
    severity: Literal["critical", "warning"]
    summary: str
    description: str

    def rule(self) -> dict[str, Any]:
        """The rule as the PrometheusRule object carries it."""
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": self.hold,
            "labels": {"severity": self.severity},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{RUNBOOKS}/{self.name}.md",
            },
        }


def alerts(name: str, namespace: str, least_replicas: int, deployment: str | None = None) -> list[Alert]:
    """The alerts of one workload. Fewer than two available pods is only an alert where two are promised.

    `deployment`: the one that serves, where it is not called like the workload.
    """
    scope = f'namespace="{namespace}"'
    job = f'job="{name}", {scope}'
    found = [
        Alert(
            name="ErrorRateHigh",
            # No traffic divides nothing by nothing, which is no number and no alert.
            expression=(
                f'sum by (namespace) (rate({REQUESTS}{{{job}, status=~"5.."}}[5m]))'
                f" / sum by (namespace) (rate({REQUESTS}{{{job}}}[5m])) > 0.05"
            ),
            hold="1m",
            severity="critical",
            summary=f"More than 5 % of the requests to {name} fail.",
            description="{{ $value | humanizePercentage }} of the requests in {{ $labels.namespace }} were answered with a 5xx.",
        ),
        Alert(
            name="LatencyHigh",
            expression=(f"histogram_quantile(0.95, sum by (namespace, le) (rate({DURATION}{{{job}}}[5m]))) > 1"),
            hold="5m",
            severity="warning",
            summary=f"One in twenty requests to {name} takes longer than a second.",
            description="The 95th percentile in {{ $labels.namespace }} is {{ $value | humanizeDuration }}.",
        ),
        Alert(
            name="WorkloadDown",
            # `absent` keeps the labels of a plain selector only.
            expression=f"sum by (namespace) (up{{{job}}}) == 0 or absent(up{{{job}}})",
            hold="5m",
            severity="critical",
            summary=f"No pod of {name} answers its metrics request.",
            description="Prometheus has reached no pod in {{ $labels.namespace }} for five minutes.",
        ),
    ]
    if least_replicas >= 2:
        found.append(
            Alert(
                name="AvailablePodsLow",
                expression=f'kube_deployment_status_replicas_available{{deployment="{deployment or name}", {scope}}} < 2',
                hold="1m",
                severity="critical",
                summary=f"{name} has fewer than two available pods.",
                description="{{ $value }} pods are available in {{ $labels.namespace }}; the next failure is an outage.",
            )
        )
    return found


class WorkloadMonitoring(pulumi.ComponentResource):
    """A ServiceMonitor in namespace `monitoring` and a PrometheusRule beside it, for one workload.

    Type token: `marlinspike:monitoring:WorkloadMonitoring`. Depends on the release that brings both kinds.
    """

    def __init__(
        self,
        name: str,
        namespace: Input[str],
        namespace_name: str,
        scrape_seconds: int,
        least_replicas: int,
        release: kubernetes.helm.v3.Release,
        deployment: str | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:monitoring:WorkloadMonitoring", name, {}, opts)
        after_release = ResourceOptions(parent=self, depends_on=[release])
        monitor_of(name, namespace, scrape_seconds, opts=after_release)
        kubernetes.apiextensions.CustomResource(
            f"{name}-rules",
            api_version="monitoring.coreos.com/v1",
            kind="PrometheusRule",
            metadata=object_metadata(name, NAMESPACE),
            spec={
                "groups": [
                    {
                        "name": name,
                        "rules": [alert.rule() for alert in alerts(name, namespace_name, least_replicas, deployment)],
                    }
                ]
            },
            opts=after_release,
        )
        self.register_outputs({})


def monitor_of(
    name: str, namespace: Input[str], scrape_seconds: int, opts: ResourceOptions
) -> kubernetes.apiextensions.CustomResource:
    """The ServiceMonitor of one workload, by its Service's port `metrics`."""
    return kubernetes.apiextensions.CustomResource(
        f"{name}-monitor",
        api_version="monitoring.coreos.com/v1",
        kind="ServiceMonitor",
        metadata=object_metadata(name, NAMESPACE),
        spec={
            "namespaceSelector": {"matchNames": [namespace]},
            "selector": {"matchLabels": selector_labels(name)},
            "endpoints": [{"port": "metrics", "path": "/metrics", "interval": f"{scrape_seconds}s"}],
        },
        opts=opts,
    )
