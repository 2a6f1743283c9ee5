"""Brings dashboards to Grafana: a ConfigMap each, which the chart's sidecar takes."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions

from infra.monitoring.dashboards.capacity import capacity
from infra.monitoring.dashboards.data_stores import UID as DATA_STORES
from infra.monitoring.dashboards.data_stores import data_stores
from infra.monitoring.dashboards.dependencies import dependencies
from infra.monitoring.dashboards.indicators import indicators
from infra.monitoring.dashboards.objectives import objectives
from infra.monitoring.dashboards.page import Page
from infra.monitoring.dashboards.saturation import saturation
from infra.monitoring.dashboards.service import service
from infra.monitoring.slo import ObjectivesSettings
from infra.naming import object_labels

DASHBOARD_LABEL = "grafana_dashboard"
DASHBOARD_LABEL_VALUE = "1"
"""What the sidecar looks for (kube-prometheus-stack, `grafana.sidecar.dashboards`)."""


def pages(namespace: str, workload: str, promised: ObjectivesSettings) -> list[Page]:
    """The dashboards that Prometheus fills; those of workloads begin with this one, of which so much is promised."""
    of_workloads = (indicators, service, saturation, dependencies)
    shown = [page(namespace, workload) for page in of_workloads]
    return [*shown, objectives(namespace, workload, promised), capacity()]


class Dashboards(pulumi.ComponentResource):
    """The dashboards of a stack, each a ConfigMap in Grafana's namespace.

    Type token: `marlinspike:monitoring:Dashboards`. `database` and `cache_members` are identifiers in AWS, of which CloudWatch
    tells in `region`.
    """

    def __init__(
        self,
        name: str,
        namespace: Input[str],
        workload: str,
        workload_namespace: str,
        promised: ObjectivesSettings,
        region: str,
        database: Input[str],
        cache_members: Input[Sequence[str]],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:monitoring:Dashboards", name, {}, opts)
        # Here, not above: Grafana's types take a fifth of a second, which a stack without Grafana need not pay.
        from infra.monitoring.dashboards.render import render  # noqa: PLC0415

        texts: dict[str, Input[str]] = {
            page.uid: render(page) for page in pages(workload_namespace, workload, promised)
        }
        texts[DATA_STORES] = Output.all(database, cache_members).apply(
            lambda known: render(data_stores(region, known[0], known[1]))
        )
        for uid, text in texts.items():
            labels = {**object_labels(uid), DASHBOARD_LABEL: DASHBOARD_LABEL_VALUE}
            kubernetes.core.v1.ConfigMap(
                f"{name}-{uid.removeprefix('marlinspike-')}",
                metadata={"name": uid, "namespace": namespace, "labels": labels},
                data={f"{uid}.json": text},
                opts=ResourceOptions(parent=self),
            )
        self.register_outputs({})
