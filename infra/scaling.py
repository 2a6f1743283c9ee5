"""How many pods of a workload run: what moves their number, and what a drain must leave."""

from collections.abc import Mapping

import pulumi_kubernetes as kubernetes
from pydantic import Field, model_validator

from infra.settings import Section


class AutoscalingSettings(Section):
    """How a HorizontalPodAutoscaler moves the number of pods."""

    min_replicas: int = Field(ge=1)
    max_replicas: int = Field(ge=1, le=100)
    cpu_percent: int = Field(70, ge=10, le=95)
    """Target of the container's mean CPU use, in percent of its request."""
    memory_percent: int = Field(80, ge=10, le=95)
    """Target of the mean memory use, in percent of the request."""

    @model_validator(mode="after")
    def _there_is_room(self) -> "AutoscalingSettings":
        if self.max_replicas < self.min_replicas:
            raise ValueError(f"max_replicas {self.max_replicas} is below min_replicas {self.min_replicas}")
        return self


class DisruptionBudgetSettings(Section):
    """How many pods a drain may take at a time: one of the two."""

    min_available: int | None = Field(None, ge=1)
    max_unavailable: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _one_of_two(self) -> "DisruptionBudgetSettings":
        if (self.min_available is None) == (self.max_unavailable is None):
            raise ValueError("set either min_available or max_unavailable")
        return self


def autoscaler_spec(
    deployment: str, container: str, settings: AutoscalingSettings
) -> kubernetes.autoscaling.v2.HorizontalPodAutoscalerSpecArgsDict:
    """Scales up at once and down slowly."""
    return {
        "scale_target_ref": {"api_version": "apps/v1", "kind": "Deployment", "name": deployment},
        "min_replicas": settings.min_replicas,
        "max_replicas": settings.max_replicas,
        "metrics": [
            {
                # Of the container, not the pod: a sidecar's idle request must not hide the application's load.
                "type": "ContainerResource",
                "container_resource": {
                    "name": "cpu",
                    "container": container,
                    "target": {"type": "Utilization", "average_utilization": settings.cpu_percent},
                },
            },
            {
                "type": "Resource",
                "resource": {
                    "name": "memory",
                    "target": {"type": "Utilization", "average_utilization": settings.memory_percent},
                },
            },
        ],
        "behavior": {
            "scale_down": {
                "stabilization_window_seconds": 300,
                "policies": [{"type": "Percent", "value": 50, "period_seconds": 60}],
            },
            "scale_up": {
                "stabilization_window_seconds": 60,
                "policies": [{"type": "Percent", "value": 100, "period_seconds": 30}],
            },
        },
    }


def budget_spec(
    labels: Mapping[str, str], settings: DisruptionBudgetSettings
) -> kubernetes.policy.v1.PodDisruptionBudgetSpecArgsDict:
    """What an eviction must leave running."""
    spec: kubernetes.policy.v1.PodDisruptionBudgetSpecArgsDict = {
        "selector": {"match_labels": dict(labels)},
        # A broken pod never blocks a node upgrade (KEP-3017).
        "unhealthy_pod_eviction_policy": "AlwaysAllow",
    }
    if settings.min_available is not None:
        spec["min_available"] = settings.min_available
    if settings.max_unavailable is not None:
        spec["max_unavailable"] = settings.max_unavailable
    return spec
