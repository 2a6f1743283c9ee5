"""Prometheus, Alertmanager and Grafana: the kube-prometheus-stack chart, pinned, without EKS's blind targets."""

from typing import Annotated, Any, Literal

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions
from pydantic import Field

from infra import versions
from infra.placement import ANY_NODE, Placement
from infra.settings import Section

CHART = "kube-prometheus-stack"
REPOSITORY = "https://prometheus-community.github.io/helm-charts"

NAMESPACE = "monitoring"


class MonitoringSettings(Section):
    """Section `monitoring` of a stack file."""

    mode: Literal["off", "on", "full"] = "off"
    """`full` adds Grafana."""

    scrape_seconds: int = Field(30, ge=5, le=300)
    retention: Annotated[str, Field(pattern=r"^[1-9][0-9]*(h|d)$")] = "7d"
    """How long Prometheus keeps its samples, on a volume of its pod: they go when it moves to another node."""

    node_group: str | None = None
    """Runs only on nodes of this group of section `nodes`."""

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
        placement: Placement = ANY_NODE,
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
            values=_values(settings, placement),
            opts=ResourceOptions(parent=self),
        )
        self.register_outputs({"release": Output.from_input(CHART)})


def _values(settings: MonitoringSettings, placement: Placement) -> dict[str, Any]:
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
                "retentionSize": "8GB",  # the older samples go before the volume is full
                "storageSpec": {"emptyDir": {"sizeLimit": "10Gi"}},
                # Take monitors and rules of every release, not only those that carry this one's label.
                "serviceMonitorSelectorNilUsesHelmValues": False,
                "podMonitorSelectorNilUsesHelmValues": False,
                "ruleSelectorNilUsesHelmValues": False,
                **placement.values(),
            }
        },
        "alertmanager": {"alertmanagerSpec": placement.values()},
        "prometheusOperator": placement.values(),
        "kube-state-metrics": placement.values(),
        "grafana": {
            "enabled": settings.mode == "full",
            # Empty takes the place of the chart's well-known default: it draws one by chance and keeps it in its Secret.
            "adminPassword": "",
            **placement.values(),
        },
    }
