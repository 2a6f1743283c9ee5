"""Prometheus and what belongs to it, in a fenced namespace of its own, with the rules of every workload."""

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output

from infra.add_ons.keda import NAME as KEDA
from infra.exports.jobs import DAILY
from infra.identity import WorkloadIdentity
from infra.monitoring import grafana, stack
from infra.monitoring.alert import Watched
from infra.monitoring.dashboards.delivery import Dashboards
from infra.monitoring.exports import WatchedExports
from infra.monitoring.rules import WorkloadMonitoring
from infra.monitoring.stack import MonitoringStack
from infra.namespace import Namespace
from infra.placement import placement_on
from infra.policies import Flow, NamespaceFence, Peer
from infra.workload import Workload
from infra.workload_settings import WorkloadSettings
from stacks.aws.application import Application
from stacks.aws.compute import Compute
from stacks.aws.context import Context
from stacks.aws.data_stores import DataStores
from stacks.aws.foundation import Foundation
from stacks.aws.observers import Observers
from stacks.aws.secret_files import secret_files
from stacks.names import APP, NAMESPACE


def monitor(
    context: Context,
    foundation: Foundation,
    data: DataStores,
    compute: Compute,
    application: Application,
    observers: Observers,
) -> None:
    """What the section asks for; nothing where its mode is off.

    The further workloads are scraped where they have metrics; what those mean, only their people know.
    """
    settings, here = context.settings.monitoring, compute.on_kubernetes
    if not settings.enabled:
        return
    # Node exporter reads the host's own figures, which `restricted` forbids.
    home = Namespace(stack.NAMESPACE, standard="privileged", opts=here)
    _fence(context, foundation, compute, home)
    made = MonitoringStack(
        stack.NAMESPACE,
        settings,
        home.name,
        compute.disks.storage_class,
        context.region,
        context.stack,
        placement_on(context.settings.nodes, settings.node_group),
        depends_on=_before(context, foundation, compute, observers, home),
        opts=here,
    )
    if settings.has_grafana:
        Dashboards(
            f"{stack.NAMESPACE}-dashboards",
            home.name,
            APP,
            NAMESPACE,
            settings.objectives,
            context.region,
            data.database.identifier,
            Output.all(*data.cache.member_ids),
            opts=here,
        )
    workloads = {APP: context.settings.app, **context.settings.workloads}
    for name, workload in {APP: application.workload, **application.further}.items():
        _look_at(context, compute, name, workloads[name], workload, application.namespace, made.release)


def _fence(context: Context, foundation: Foundation, compute: Compute, home: Namespace) -> None:
    """Who may call into the namespace: the API server, for the operator's webhook, and KEDA, which asks Prometheus."""
    callers = [Flow(Peer(cidrs=foundation.network.control_plane_cidrs), ports=(stack.WEBHOOK_PORT,))]
    if context.settings.add_ons.keda:
        callers.append(Flow(Peer(namespace=KEDA), ports=(stack.PROMETHEUS_PORT,)))
    NamespaceFence(stack.NAMESPACE, home.name, callers, opts=compute.on_kubernetes)


def _before(
    context: Context, foundation: Foundation, compute: Compute, observers: Observers, home: Namespace
) -> list[pulumi.Resource]:
    """What the release waits for."""
    settings = context.settings.monitoring
    before: list[pulumi.Resource] = [compute.add_ons, *compute.controllers.admitting]
    if settings.remote_write:
        writer = WorkloadIdentity(
            f"{context.name}-prometheus",
            foundation.cluster.name,
            stack.NAMESPACE,
            stack.PROMETHEUS_ACCOUNT,
            settings.remote_write.permissions,
            opts=context.on_aws,
        )
        before.append(writer)
    grafanas = grafana.secrets_of(settings.grafana)
    names = [*settings.notifications.secrets.values(), *grafanas]
    secrets = secret_files(f"{stack.NAMESPACE}-secrets", names, home.name, context, compute)
    if settings.has_grafana:
        before.append(observers.identities[grafana.ACCOUNT])
        # Grafana is part of the release, which fails where its pod waits. Alertmanager is the operator's: charts need not wait
        # for a value that nobody has set yet, and the `up` says so in the end.
        before += secrets if grafanas else ()
    return before


def _look_at(
    context: Context,
    compute: Compute,
    name: str,
    settings: WorkloadSettings,
    workload: Workload,
    namespace: Namespace,
    release: kubernetes.helm.v3.Release,
) -> None:
    """Scrapes one workload and asks after its health. The application has objectives and daily copies beside that."""
    monitoring, copies = context.settings.monitoring, context.settings.exports
    exports = WatchedExports(NAMESPACE, DAILY, copies.missing_hours) if copies and name == APP else None
    WorkloadMonitoring(
        name,
        namespace.name,
        Watched(
            name,
            NAMESPACE,
            least_replicas=settings.least_replicas,
            autoscaled=settings.autoscaling is not None,
            scraped=settings.metrics_port is not None,
            grafana_url=monitoring.grafana.sign_in.root_url if monitoring.grafana.sign_in else None,
        ),
        monitoring.objectives if name == APP else None,
        monitoring.scrape_seconds,
        release,
        exports,
        # Rules that ask for pods come after the pods, or a first `up` would begin with an alert.
        depends_on=[workload],
        opts=compute.on_kubernetes,
    )
