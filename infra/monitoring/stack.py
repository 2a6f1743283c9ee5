"""Prometheus, Alertmanager and Grafana: the kube-prometheus-stack chart, pinned, without EKS's blind targets."""

from typing import Annotated, Any, Literal

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions
from pydantic import Field, model_validator

from infra import versions
from infra.monitoring.grafana import GrafanaSettings, grafana_values
from infra.placement import ANY_NODE, Placement
from infra.settings import Section

CHART = "kube-prometheus-stack"
REPOSITORY = "https://prometheus-community.github.io/helm-charts"

NAMESPACE = "monitoring"

PROMETHEUS_LABELS = {"app.kubernetes.io/name": "prometheus"}
"""On Prometheus' pods and no others (prometheus-operator, `ApplicationNameLabelKey`)."""

WEBHOOK_PORT = 10250
"""Where the operator's pod answers the API server, which asks it about every rule."""

USABLE = 0.85
"""Of Prometheus' disk; the rest is for its write-ahead log and for compaction (Prometheus, "Storage")."""

ALERTMANAGER_GIB = 1
"""Silences and the log of notifications: EBS's smallest disk."""


class MonitoringSettings(Section):
    """Section `monitoring` of a stack file."""

    mode: Literal["off", "on", "full"] = "off"
    """`full` adds Grafana."""

    scrape_seconds: int = Field(30, ge=5, le=300)
    retention: Annotated[str, Field(pattern=r"^[1-9][0-9]*(h|d)$")] = "7d"
    """How long Prometheus keeps its samples; the oldest go earlier when its disk fills."""

    storage_gib: int = Field(20, ge=5, le=1000)
    """Prometheus' disk in GiB: a cluster of ten nodes writes about 1 GiB a day. A disk that exists does not grow by this alone:
    its claim must be changed too (Prometheus Operator, "Resizing Volumes")."""

    node_group: str | None = None
    """Runs on nodes of this group of section `nodes`; what has a disk leaves the group where it has no node in the disk's
    zone."""

    grafana: GrafanaSettings = GrafanaSettings()

    @model_validator(mode="after")
    def _sign_in_is_to_something(self) -> "MonitoringSettings":
        if self.grafana.sign_in and not self.has_grafana:
            raise ValueError(
                f"grafana.sign_in: mode is {self.mode}, which has no Grafana; set mode to full, or remove it"
            )
        return self

    @property
    def has_grafana(self) -> bool:
        """Whether there are dashboards, and somebody to show them."""
        return self.mode == "full"

    @property
    def enabled(self) -> bool:
        """Whether anything of monitoring is made."""
        return self.mode != "off"


class MonitoringStack(pulumi.ComponentResource):
    """The kube-prometheus-stack release; monitors and rules of any namespace and label are taken.

    Type token: `marlinspike:monitoring:MonitoringStack`. Brings the custom resource definitions of ServiceMonitor,
    PrometheusRule and others: those objects must depend on it.
    """

    release: kubernetes.helm.v3.Release

    def __init__(
        self,
        name: str,
        settings: MonitoringSettings,
        namespace: Input[str],
        storage_class: Input[str],
        region: str,
        placement: Placement = ANY_NODE,
        depends_on: list[pulumi.Resource] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:monitoring:MonitoringStack", name, {}, opts)
        self.release = kubernetes.helm.v3.Release(
            f"{name}-release",
            name=CHART,
            chart=CHART,
            version=versions.KUBE_PROMETHEUS_STACK,
            repository_opts=kubernetes.helm.v3.RepositoryOptsArgs(repo=REPOSITORY),
            namespace=namespace,
            create_namespace=False,
            atomic=True,
            timeout=900,  # seconds; the first pull of six images on small nodes
            values=_values(settings, storage_class, region, placement),
            opts=ResourceOptions(parent=self, depends_on=depends_on),
        )
        self.register_outputs({"release": Output.from_input(CHART)})


def _values(
    settings: MonitoringSettings, storage_class: Input[str], region: str, placement: Placement
) -> dict[str, Any]:
    placed = placement.values()
    with_disk = placement.preferred()
    return {
        # EKS shows nobody its etcd, scheduler and controller-manager: their targets would alarm for ever.
        "kubeEtcd": {"enabled": False},
        "kubeScheduler": {"enabled": False},
        "kubeControllerManager": {"enabled": False},
        "kubeProxy": {"enabled": False},
        "prometheus": {
            "prometheusSpec": {
                "scrapeInterval": f"{settings.scrape_seconds}s",
                "evaluationInterval": f"{settings.scrape_seconds}s",
                "retention": settings.retention,
                "retentionSize": f"{int(settings.storage_gib * 1024 * USABLE)}MB",  # of 2^20 bytes, as Prometheus counts
                "storageSpec": _claim(storage_class, settings.storage_gib),
                # Take monitors and rules of every release, not only those that carry this one's label.
                "serviceMonitorSelectorNilUsesHelmValues": False,
                "podMonitorSelectorNilUsesHelmValues": False,
                "ruleSelectorNilUsesHelmValues": False,
                **with_disk,
            }
        },
        "alertmanager": {"alertmanagerSpec": {"storage": _claim(storage_class, ALERTMANAGER_GIB), **with_disk}},
        "prometheusOperator": {
            "tls": {"internalPort": WEBHOOK_PORT},
            "admissionWebhooks": {"patch": dict(placed)},
            **placed,
        },
        "kube-state-metrics": dict(placed),
        "grafana": {**grafana_values(settings.grafana, region, enabled=settings.has_grafana), **placed},
    }


def _claim(storage_class: Input[str], gib: int) -> dict[str, Any]:
    return {
        "volumeClaimTemplate": {
            "spec": {
                "storageClassName": storage_class,
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": f"{gib}Gi"}},
            }
        }
    }
