"""What Prometheus scrapes of a workload, what it computes of it, and when somebody is told."""

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

from infra.monitoring.alert import Watched, group
from infra.monitoring.exports import WatchedExports, export_alerts
from infra.monitoring.pods import pod_alerts
from infra.monitoring.recording import recordings
from infra.monitoring.service import dependency_alerts, request_alerts
from infra.monitoring.slo import ObjectivesSettings, budget_alerts
from infra.monitoring.stack import NAMESPACE
from infra.naming import object_metadata, selector_labels


def rule_groups(
    workload: Watched, objectives: ObjectivesSettings | None, exports: WatchedExports | None = None
) -> list[dict[str, Any]]:
    """The rules of one workload, by subject.

    With `objectives` those of the application too, which exports requests, database and cache (app/metrics.py); what other
    workloads' figures mean, only their people know. With `exports`, of the daily copies too.
    """
    found = [group("pods", workload, pod_alerts(workload))]
    if objectives is not None:
        found += [
            group("requests", workload, [*recordings(workload, objectives.latency_seconds), *request_alerts(workload)]),
            group("dependencies", workload, dependency_alerts(workload)),
            # In a group of its own: it reads what the one before has recorded.
            group("objectives", workload, budget_alerts(workload, objectives)),
        ]
    if exports is not None:
        found.append(group("exports", workload, export_alerts(exports)))
    return found


class WorkloadMonitoring(pulumi.ComponentResource):
    """A ServiceMonitor in namespace `monitoring`, where the workload is scraped, and a PrometheusRule beside it.

    Type token: `marlinspike:monitoring:WorkloadMonitoring`. Depends on the release that brings both kinds. `namespace` is that
    of the workload, once it exists.
    """

    def __init__(
        self,
        name: str,
        namespace: Input[str],
        workload: Watched,
        objectives: ObjectivesSettings | None,
        scrape_seconds: int,
        release: kubernetes.helm.v3.Release,
        exports: WatchedExports | None = None,
        depends_on: list[pulumi.Resource] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:monitoring:WorkloadMonitoring", name, {}, opts)
        after_release = ResourceOptions(parent=self, depends_on=[release, *(depends_on or [])])
        if workload.scraped:
            kubernetes.apiextensions.CustomResource(
                f"{name}-monitor",
                api_version="monitoring.coreos.com/v1",
                kind="ServiceMonitor",
                metadata=object_metadata(name, NAMESPACE),
                spec={
                    "namespaceSelector": {"matchNames": [namespace]},
                    "selector": {"matchLabels": selector_labels(name)},
                    "endpoints": [{"port": "metrics", "path": "/metrics", "interval": f"{scrape_seconds}s"}],
                },
                opts=after_release,
            )
        kubernetes.apiextensions.CustomResource(
            f"{name}-rules",
            api_version="monitoring.coreos.com/v1",
            kind="PrometheusRule",
            metadata=object_metadata(name, NAMESPACE),
            spec={"groups": rule_groups(workload, objectives, exports)},
            opts=after_release,
        )
        self.register_outputs({})
