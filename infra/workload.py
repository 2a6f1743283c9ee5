"""The workload: a container with its service, its scaling, its spread and its disruption budget."""

from typing import Annotated, Literal

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions
from pydantic import Field, model_validator

from infra.binding import PublicEntry, bind
from infra.naming import object_labels, object_metadata, selector_labels
from infra.placement import ANY_NODE, Placement
from infra.pods import (
    ResourcesSettings,
    Runtime,
    container_security,
    environment,
    http_probe,
    mounts,
    pod_security,
    spread_over,
    volumes,
)
from infra.scaling import (
    AutoscalingSettings,
    DisruptionBudgetSettings,
    autoscaler_spec,
    budget_spec,
)
from infra.settings import SecretName, Section

HTTP_PORT = 5000
METRICS_PORT = 8080

READINESS_PATH = "/readyz"
"""Answers 200 once the application has started and reached its database, until it stops."""

WhenUnsatisfiable = Literal["ScheduleAnyway", "DoNotSchedule"]


class SpreadSettings(Section):
    """Whether pods may run unevenly spread where nothing better can be had."""

    zones: WhenUnsatisfiable = "ScheduleAnyway"
    hosts: WhenUnsatisfiable = "ScheduleAnyway"


class ShutdownSettings(Section):
    """How a pod leaves: unlisted first, then its server stops, in seconds."""

    grace_seconds: int = Field(60, ge=5, le=600)
    """After which the pod is killed."""
    pre_stop_seconds: int = Field(20, ge=0, le=120)
    """The pod still serves while load balancers take it off their lists; 5 gave 502s (load-balancer-controller#1064)."""
    server_seconds: int = Field(30, ge=1, le=300)
    """The server finishes running requests."""
    deregistration_delay_seconds: int = Field(30, ge=0, le=300)
    """How long the load balancer keeps connections to a pod that leaves."""


class WorkloadSettings(Section):
    """Section `app` of a stack file."""

    image: Annotated[str, Field(pattern=r"^[\w.:/-]+(:[\w.-]+|@sha256:[0-9a-f]{64})$")]
    """By digest, or by a tag that never moves."""

    replicas: int | None = Field(None, ge=1, le=100)
    """Number of pods where there is no autoscaling; 1 when left out."""

    autoscaling: AutoscalingSettings | None = None
    disruption_budget: DisruptionBudgetSettings | None = None
    spread: SpreadSettings = SpreadSettings()
    shutdown: ShutdownSettings = ShutdownSettings()
    resources: ResourcesSettings = ResourcesSettings()

    node_group: str | None = None
    """Runs only on nodes of this group of section `nodes`."""

    secrets: tuple[SecretName, ...] = ()
    """Names from section `secrets`: each is a file in /var/run/secrets/marlinspike, renewed while the pod runs."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"

    database_pool_size: int = Field(5, ge=1, le=100)
    """Connections that one pod holds at most."""

    @model_validator(mode="after")
    def _no_moving_tag(self) -> "WorkloadSettings":
        if self.image.endswith(":latest"):
            raise ValueError("image ends with :latest, which means another image each day; name a version or a digest")
        return self

    @model_validator(mode="after")
    def _one_decides_on_the_number(self) -> "WorkloadSettings":
        if self.autoscaling and self.replicas is not None:
            raise ValueError("replicas and autoscaling both decide on the number of pods; leave one of them out")
        return self

    @property
    def least_replicas(self) -> int:
        """Pods that are promised at any time without a disruption."""
        return self.autoscaling.min_replicas if self.autoscaling else self.replicas or 1

    @property
    def most_replicas(self) -> int:
        """Pods that can run at once outside a rollout."""
        return self.autoscaling.max_replicas if self.autoscaling else self.replicas or 1


class Workload(pulumi.ComponentResource):
    """A container in production form.

    Type token: `marlinspike:workload:Workload`. Makes a service account without a token, a Service, a Deployment, and where
    the settings ask for them a HorizontalPodAutoscaler and a PodDisruptionBudget. With `public`, its pods are targets of that
    load balancer.
    """

    service_name: Output[str]
    deployment: kubernetes.apps.v1.Deployment

    def __init__(
        self,
        name: str,
        settings: WorkloadSettings,
        namespace: Input[str],
        runtime: Runtime,
        depends_on: list[pulumi.Resource],
        placement: Placement = ANY_NODE,
        public: PublicEntry | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:workload:Workload", name, {}, opts)
        child = ResourceOptions(parent=self)
        metadata = object_metadata(name, namespace)
        account = kubernetes.core.v1.ServiceAccount(
            f"{name}-account", metadata=metadata, automount_service_account_token=False, opts=child
        )
        service = kubernetes.core.v1.Service(
            f"{name}-service",
            # The Service comes before the pods, so that load balancers know them from the first one on.
            metadata={**metadata, "annotations": {"pulumi.com/skipAwait": "true"}},
            spec={
                "selector": selector_labels(name),
                "ports": [
                    {"name": "http", "port": 80, "target_port": "http", "protocol": "TCP"},
                    {"name": "metrics", "port": METRICS_PORT, "target_port": "metrics", "protocol": "TCP"},
                ],
            },
            opts=child,
        )
        binding = [bind(name, namespace, service, public, self)] if public else []
        self.deployment = kubernetes.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=metadata,
            spec=_deployment_spec(name, settings, runtime, placement),
            opts=ResourceOptions(
                parent=self,
                depends_on=[account, service, *binding, *depends_on],
                # The autoscaler owns the number of pods (pulumi-kubernetes#2491).
                ignore_changes=["spec.replicas"] if settings.autoscaling else None,
            ),
        )
        if settings.autoscaling:
            kubernetes.autoscaling.v2.HorizontalPodAutoscaler(
                f"{name}-autoscaler",
                metadata=metadata,
                spec=autoscaler_spec(name, settings.autoscaling),
                opts=ResourceOptions(parent=self, depends_on=[self.deployment]),
            )
        if settings.disruption_budget:
            kubernetes.policy.v1.PodDisruptionBudget(
                f"{name}-disruption-budget",
                metadata=metadata,
                spec=budget_spec(name, settings.disruption_budget),
                opts=child,
            )
        self.service_name = service.metadata.name.apply(str)
        self.register_outputs({"serviceName": self.service_name})


def _deployment_spec(
    name: str, settings: WorkloadSettings, runtime: Runtime, placement: Placement
) -> kubernetes.apps.v1.DeploymentSpecArgsDict:
    spec: kubernetes.apps.v1.DeploymentSpecArgsDict = {
        "selector": {"match_labels": selector_labels(name)},
        "strategy": {"type": "RollingUpdate", "rolling_update": {"max_unavailable": 0, "max_surge": "25%"}},
        "min_ready_seconds": 5,
        "progress_deadline_seconds": 300,
        "revision_history_limit": 5,
        "template": {
            "metadata": {"labels": object_labels(name)},
            "spec": placement.applied_to(_pod_spec(name, settings, runtime)),
        },
    }
    if not settings.autoscaling:
        spec["replicas"] = settings.least_replicas
    return spec


def _pod_spec(name: str, settings: WorkloadSettings, runtime: Runtime) -> kubernetes.core.v1.PodSpecArgsDict:
    labels = selector_labels(name)
    return {
        "service_account_name": name,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "security_context": pod_security(),
        "termination_grace_period_seconds": settings.shutdown.grace_seconds,
        "topology_spread_constraints": [
            spread_over("topology.kubernetes.io/zone", settings.spread.zones, labels),
            spread_over("kubernetes.io/hostname", settings.spread.hosts, labels),
        ],
        "volumes": volumes(runtime.secret_name, settings.secrets),
        "containers": [
            {
                "name": name,
                "image": settings.image,
                "image_pull_policy": "IfNotPresent",  # neither a digest nor a version's tag ever moves
                "ports": [
                    {"name": "http", "container_port": HTTP_PORT, "protocol": "TCP"},
                    {"name": "metrics", "container_port": METRICS_PORT, "protocol": "TCP"},
                ],
                "env": environment(runtime.environment),
                "resources": settings.resources.requirements(),
                "security_context": container_security(),
                "volume_mounts": mounts(runtime.secret_name, settings.secrets),
                "startup_probe": http_probe("/healthz", "http", period=1, failures=30, timeout=2),
                "readiness_probe": http_probe(READINESS_PATH, "http", period=5, failures=2, timeout=2),
                "liveness_probe": http_probe("/healthz", "http", period=10, failures=6, timeout=5),
                # `sleep` needs no shell in the image (GA since Kubernetes 1.34, KEP-3960).
                "lifecycle": {"pre_stop": {"sleep": {"seconds": settings.shutdown.pre_stop_seconds}}},
            }
        ],
    }
