"""Scaling by requests a second: KEDA asks Prometheus and makes the HorizontalPodAutoscaler (decision 28)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions

from infra.naming import object_labels
from infra.scaling import DOWN, UP, AutoscalingSettings, Pace

RATE_MINUTES = 2
"""Over which requests are counted: four scrapes of 30 s, so that one that is missed does not look like a drop by half."""


@dataclass(frozen=True)
class RequestMetrics:
    """Where requests are counted, and what must be there before something is scaled by them."""

    server_address: str
    """Of Prometheus, as `http://host:port`."""
    metric: str
    depends_on: Sequence[pulumi.Resource] = ()
    """KEDA's release, which brings the kind, and outlives its objects."""


def scale_by_requests(
    workload: str,
    deployment: str,
    namespace: Input[str],
    settings: AutoscalingSettings,
    metrics: RequestMetrics,
    after: pulumi.Resource,
    parent: pulumi.Resource,
) -> kubernetes.apiextensions.CustomResource:
    """The ScaledObject of one Deployment.

    KEDA makes of it an autoscaler `keda-hpa-<deployment>` with the CPU and memory targets, bounds and pace of the program's own.
    Pods are told by their names, `<deployment>-<revision>-<pod>`: versions that stand side by side are counted each by itself.
    """
    query = Output.format(
        'sum(rate({0}{{job="{1}",namespace="{2}",pod=~"{3}-[a-z0-9]+-[a-z0-9]+"}}[{4}m]))',
        metrics.metric,
        workload,
        namespace,
        deployment,
        RATE_MINUTES,
    )
    return kubernetes.apiextensions.CustomResource(
        f"{deployment}-scaled-object",
        api_version="keda.sh/v1alpha1",
        kind="ScaledObject",
        metadata={"name": deployment, "namespace": namespace, "labels": object_labels(workload)},
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment},
            "minReplicaCount": settings.min_replicas,
            "maxReplicaCount": settings.max_replicas,
            "advanced": {
                "horizontalPodAutoscalerConfig": {"behavior": {"scaleUp": _rules(UP), "scaleDown": _rules(DOWN)}}
            },
            "triggers": [
                _utilization("cpu", settings.cpu_percent, workload),
                _utilization("memory", settings.memory_percent),
                {
                    "type": "prometheus",
                    "metricType": "AverageValue",
                    "metadata": {
                        "serverAddress": metrics.server_address,
                        "query": query,
                        "threshold": str(settings.requests_per_second),
                        # No series: a version that gets no requests yet, or none any more. Prometheus away: an error, and the
                        # autoscaler takes no pod away as long as it lasts.
                        "ignoreNullValues": "true",
                    },
                },
            ],
        },
        opts=ResourceOptions(parent=parent, depends_on=[after, *metrics.depends_on]),
    )


def _utilization(resource: str, percent: int, container: str | None = None) -> dict[str, Any]:
    metadata = {"value": str(percent)}
    if container:
        metadata["containerName"] = container
    return {"type": resource, "metricType": "Utilization", "metadata": metadata}


def _rules(pace: Pace) -> dict[str, Any]:
    return {
        "stabilizationWindowSeconds": pace.window,
        "policies": [{"type": "Percent", "value": pace.percent, "periodSeconds": pace.period}],
    }
