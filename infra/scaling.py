"""How many pods of a workload run: what moves their number, and what a drain must leave."""

from collections.abc import Mapping
from dataclasses import dataclass

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
    requests_per_second: int | None = Field(None, ge=1, le=100_000)
    """Target of the mean requests a second of a pod, as its metric `http_requests_total` counts them; beside CPU and memory, and
    whichever wants most pods wins. Needs `monitoring` and `add_ons.keda`."""

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


@dataclass(frozen=True)
class Pace:
    """How fast the number of pods moves in one direction: `percent` of them in a `period` after a `window`, both in seconds."""

    window: int
    percent: int
    period: int


UP = Pace(window=60, percent=100, period=30)
DOWN = Pace(window=300, percent=50, period=60)
"""REQUIREMENTS W2."""

KEDA_MAY_FOLLOW = {"validations.keda.sh/hpa-ownership": "false"}
"""On an autoscaler: KEDA's webhook would refuse a ScaledObject for the same Deployment, and while an update goes from one to the
other, both are there. Kubernetes lets neither act then, until one is gone."""


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
                "stabilization_window_seconds": DOWN.window,
                "policies": [{"type": "Percent", "value": DOWN.percent, "period_seconds": DOWN.period}],
            },
            "scale_up": {
                "stabilization_window_seconds": UP.window,
                "policies": [{"type": "Percent", "value": UP.percent, "period_seconds": UP.period}],
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
