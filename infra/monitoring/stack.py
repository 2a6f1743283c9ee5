"""Prometheus, Alertmanager and Grafana: the kube-prometheus-stack chart, pinned, without EKS's blind targets."""

from typing import Annotated, Any, Literal

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions
from pydantic import Field, field_validator, model_validator

from infra import versions
from infra.charts import Chart, install
from infra.monitoring.alerting import alertmanager_values
from infra.monitoring.grafana import GrafanaSettings, grafana_values
from infra.monitoring.notifications import NotificationSettings
from infra.monitoring.remote_write import RemoteWriteSettings
from infra.monitoring.slo import ObjectivesSettings
from infra.naming import PROJECT
from infra.placement import ANY_NODE, Placement
from infra.settings import Mebibytes, Section

CHART = "kube-prometheus-stack"
REPOSITORY = "https://prometheus-community.github.io/helm-charts"

NAMESPACE = "monitoring"

PROMETHEUS_LABELS = {"app.kubernetes.io/name": "prometheus"}
"""On Prometheus' pods and no others (prometheus-operator, `ApplicationNameLabelKey`)."""

PROMETHEUS_PORT = 9090
PROMETHEUS_ADDRESS = f"http://{CHART}-prometheus.{NAMESPACE}.svc:{PROMETHEUS_PORT}"
"""The Service that the chart makes for a release of its own name."""

WEBHOOK_PORT = 10250
"""Where the operator's pod answers the API server, which asks it about every rule."""

USABLE = 0.85
"""Of Prometheus' disk; the rest is for its write-ahead log and for compaction (Prometheus, "Storage")."""

PROMETHEUS_ACCOUNT = f"{CHART}-prometheus"
"""Prometheus' service account, to which a role may be bound."""

LEAST_RETENTION_HOURS = 3 * 24
"""The longest window of a burn rate (infra/monitoring/slo.py)."""

SMALL = {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
"""Of each of the chart's small programs; CPU is not limited, since a throttled exporter is a target that is down."""

ALERTMANAGER_GIB = 1
"""Silences and the log of notifications: EBS's smallest disk."""


class MonitoringSettings(Section):
    """Section `monitoring` of a stack file."""

    mode: Literal["off", "on", "full"] = "off"
    """`full` adds Grafana and a second Alertmanager, and promises that somebody is told of alerts."""

    scrape_seconds: int = Field(30, ge=5, le=60)
    """A rate over two minutes, the shortest that is asked for, needs two samples."""

    retention: Annotated[str, Field(pattern=r"^[1-9][0-9]*(h|d)$")] = "7d"
    """How long Prometheus keeps its samples, three days at least; the oldest go earlier when its disk fills. The error budget of
    30 days is only shown where they are kept as long."""

    storage_gib: int = Field(20, ge=5, le=1000)
    """Prometheus' disk in GiB: a cluster of ten nodes writes about 1 GiB a day. A disk that exists does not grow by this alone:
    its claim must be changed too (Prometheus Operator, "Resizing Volumes")."""

    memory: Mebibytes = "2Gi"
    """Prometheus' own, asked for and not exceeded: some 10 KiB for each series, of which ten nodes have 100,000."""

    objectives: ObjectivesSettings = ObjectivesSettings()

    remote_write: RemoteWriteSettings | None = None
    """Off when left out."""

    node_group: str | None = None
    """Runs on nodes of this group of section `nodes`; what has a disk leaves the group where it has no node in the disk's
    zone."""

    grafana: GrafanaSettings = GrafanaSettings()

    notifications: NotificationSettings = NotificationSettings()
    """Who is told of alerts. Without it alerts are seen by those who look, in Alertmanager."""

    @model_validator(mode="after")
    def _sign_in_is_to_something(self) -> "MonitoringSettings":
        if self.grafana.sign_in and not self.has_grafana:
            raise ValueError(
                f"grafana.sign_in: mode is {self.mode}, which has no Grafana; set mode to full, or remove it"
            )
        return self

    @field_validator("retention")
    @classmethod
    def _windows_are_kept(cls, retention: str) -> str:
        if int(retention[:-1]) * (24 if retention.endswith("d") else 1) < LEAST_RETENTION_HOURS:
            raise ValueError(
                f"{retention} is shorter than the longest window of the alerts on error budgets; ask for 3d at least"
            )
        return retention

    @model_validator(mode="after")
    def _somebody_is_told(self) -> "MonitoringSettings":
        if self.mode == "full" and not self.notifications.receivers:
            raise ValueError(
                "mode is full, and nobody would be told of alerts; name pagerduty, slack, email or discord in notifications, "
                "or set mode to on"
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
    PrometheusRule and others: those objects must depend on it. Whatever leaves Prometheus and Alertmanager names the
    `environment`; Alertmanager's pods wait until the Secrets that it reads are there (`notifications.secrets`).
    """

    release: kubernetes.helm.v3.Release

    def __init__(
        self,
        name: str,
        settings: MonitoringSettings,
        namespace: Input[str],
        storage_class: Input[str],
        region: str,
        environment: str,
        placement: Placement = ANY_NODE,
        depends_on: list[pulumi.Resource] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:monitoring:MonitoringStack", name, {}, opts)
        self.release = install(
            f"{name}-release",
            Chart(CHART, versions.KUBE_PROMETHEUS_STACK, REPOSITORY),
            namespace,
            _values(settings, storage_class, region, environment, placement),
            ResourceOptions(parent=self, depends_on=depends_on),
            timeout=900,  # seconds; the first pull of six images on small nodes
        )
        self.register_outputs({"release": Output.from_input(CHART)})


def _values(
    settings: MonitoringSettings, storage_class: Input[str], region: str, environment: str, placement: Placement
) -> dict[str, Any]:
    placed = placement.values()
    with_disk = placement.preferred()
    alertmanager = alertmanager_values(settings.notifications, environment, replicated=settings.mode == "full")
    alertmanager["alertmanagerSpec"] |= {"storage": _claim(storage_class, ALERTMANAGER_GIB), **with_disk}
    return {
        # EKS shows nobody its etcd, scheduler and controller-manager: their targets would alarm for ever.
        "kubeEtcd": {"enabled": False},
        "kubeScheduler": {"enabled": False},
        "kubeControllerManager": {"enabled": False},
        "kubeProxy": {"enabled": False},
        "prometheus": {
            "serviceAccount": {"name": PROMETHEUS_ACCOUNT},
            "prometheusSpec": {
                "externalLabels": {"cluster": f"{PROJECT}-{environment}", "environment": environment},
                "scrapeInterval": f"{settings.scrape_seconds}s",
                "evaluationInterval": f"{settings.scrape_seconds}s",
                "retention": settings.retention,
                "retentionSize": f"{int(settings.storage_gib * 1024 * USABLE)}MB",  # of 2^20 bytes, as Prometheus counts
                "storageSpec": _claim(storage_class, settings.storage_gib),
                # Take monitors and rules of every release, not only those that carry this one's label.
                "serviceMonitorSelectorNilUsesHelmValues": False,
                "podMonitorSelectorNilUsesHelmValues": False,
                "ruleSelectorNilUsesHelmValues": False,
                "probeSelectorNilUsesHelmValues": False,
                "scrapeConfigSelectorNilUsesHelmValues": False,
                "resources": {
                    "requests": {"cpu": "200m", "memory": settings.memory},
                    "limits": {"memory": settings.memory},
                },
                **({"remoteWrite": [settings.remote_write.value()]} if settings.remote_write else {}),
                **with_disk,
            },
        },
        "alertmanager": alertmanager,
        "prometheusOperator": {
            "tls": {"internalPort": WEBHOOK_PORT},
            "admissionWebhooks": {"patch": dict(placed)},
            "resources": SMALL,
            **placed,
        },
        # One on every node, and no EKS add-on of the same: two would fight for the node's port 9100.
        "nodeExporter": {"enabled": True},
        "prometheus-node-exporter": {"resources": SMALL},
        "kube-state-metrics": {"resources": SMALL, **placed},
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
