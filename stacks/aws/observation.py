"""Who looks after the stack: monitoring in the cluster; alarms, budget and backups on AWS. What is not asked for is not made."""

import pulumi
from pulumi import Output

from infra.add_ons.external_secrets import NAME as EXTERNAL_SECRETS
from infra.add_ons.keda import NAME as KEDA
from infra.alarms.alarm import Alarm
from infra.alarms.alarms import Alarms, AlarmSettings
from infra.alarms.backup import backup_alarms
from infra.alarms.cache import cache_alarms
from infra.alarms.database import database_alarms
from infra.alarms.edge import certificate_alarms, load_balancer_alarms
from infra.alarms.network import nat_gateway_alarms, subnet_alarms
from infra.backup import BackedUp, Backup, RestoreTarget
from infra.budget import Budget
from infra.edge import Edge
from infra.exports.jobs import DAILY
from infra.identity import WorkloadIdentity
from infra.monitoring import grafana
from infra.monitoring import stack as monitoring
from infra.monitoring.alert import Watched
from infra.monitoring.dashboards.delivery import Dashboards
from infra.monitoring.exports import WatchedExports
from infra.monitoring.rules import WorkloadMonitoring
from infra.monitoring.stack import MonitoringStack
from infra.namespace import Namespace
from infra.placement import placement_on
from infra.policies import Flow, NamespaceFence, Peer
from infra.secret_store import ExternalSecrets
from infra.workload_settings import WorkloadSettings
from stacks.aws.application import Application
from stacks.aws.compute import Compute
from stacks.aws.context import APP, NAMESPACE, Context
from stacks.aws.data_stores import DataStores
from stacks.aws.foundation import Foundation
from stacks.aws.observers import Observers


def watch(context: Context, foundation: Foundation, data: DataStores, edge: Edge | None) -> None:
    """Backups, alarms and budget."""
    settings, database, key_arn = context.settings, data.database, foundation.key.arn
    backup = None
    if settings.backup:
        backup = Backup(
            f"{context.name}-backup",
            settings.backup,
            BackedUp(databases=[database.arn]),
            RestoreTarget(database.subnet_group_name, database.security_group_id),
            key_arn,
            context.protect,
            copy=context.second_region,
            opts=context.on_aws,
        )
    topic_arn = None
    if settings.alarms:
        alarms = Alarms(
            f"{context.name}-alarms",
            settings.alarms,
            context.account_id,
            key_arn,
            _alarms(context, settings.alarms, foundation, data, edge, backup),
            [database.identifier],
            opts=context.on_aws,
        )
        topic_arn = alarms.topic_arn
    if settings.budget:
        Budget(f"{context.name}-budget", settings.budget, context.tags, topic_arn, opts=context.on_aws)


def _alarms(
    context: Context,
    thresholds: AlarmSettings,
    foundation: Foundation,
    data: DataStores,
    edge: Edge | None,
    backup: Backup | None,
) -> list[Alarm]:
    settings, network = context.settings, foundation.network
    subnets = dict(zip(settings.network.zones, network.private_subnet_ids, strict=True))
    found = [
        *database_alarms(thresholds.database, settings.database, data.database.identifier),
        *cache_alarms(thresholds.cache, data.cache.member_ids),
        *nat_gateway_alarms(thresholds.network, network.nat_gateway_ids),
        *subnet_alarms(thresholds.network, context.account_id, context.region, network.vpc_id, subnets),
    ]
    if edge:
        found += load_balancer_alarms(thresholds.edge, edge.load_balancer_arn_suffix, edge.target_group_arn_suffix)
        found += certificate_alarms(thresholds.edge, edge.certificate_arn)
    if settings.backup and backup:
        copies = backup.copy_vault_arn is not None
        found += backup_alarms(backup.vault_name, copies=copies, restore_test=settings.backup.restore_test)
    return found


def _secrets(context: Context, compute: Compute, home: Namespace) -> list[pulumi.Resource]:
    """What Alertmanager and Grafana find as files; none where nobody is told and nobody signs in."""
    settings = context.settings.monitoring
    names = [*settings.notifications.secrets.values(), *grafana.secrets_of(settings.grafana)]
    if not names:
        return []
    return [
        ExternalSecrets(
            f"{monitoring.NAMESPACE}-secrets",
            context.settings.secret_store,
            names,
            home.name,
            context.owner,
            context.region,
            depends_on=[compute.controllers.releases[EXTERNAL_SECRETS], compute.add_ons],
            opts=compute.on_kubernetes,
        )
    ]


def monitor(
    context: Context,
    foundation: Foundation,
    data: DataStores,
    compute: Compute,
    application: Application,
    observers: Observers,
) -> None:
    """Prometheus and what belongs to it, in a fenced namespace of its own, with the rules of every workload.

    The further ones are scraped where they have metrics; what those mean, only their people know.
    """
    settings, here = context.settings.monitoring, compute.on_kubernetes
    if not settings.enabled:
        return
    # Node exporter reads the host's own figures, which `restricted` forbids.
    home = Namespace(monitoring.NAMESPACE, standard="privileged", opts=here)
    api_server = Flow(Peer(cidrs=foundation.network.control_plane_cidrs), ports=(monitoring.WEBHOOK_PORT,))
    callers = [api_server]
    if context.settings.add_ons.keda:
        callers.append(Flow(Peer(namespace=KEDA), ports=(monitoring.PROMETHEUS_PORT,)))
    NamespaceFence(monitoring.NAMESPACE, home.name, callers, opts=here)
    before: list[pulumi.Resource] = [compute.add_ons, *compute.controllers.admitting]
    if settings.remote_write:
        writer = WorkloadIdentity(
            f"{context.name}-prometheus",
            foundation.cluster.name,
            monitoring.NAMESPACE,
            monitoring.PROMETHEUS_ACCOUNT,
            settings.remote_write.permissions,
            opts=context.on_aws,
        )
        before.append(writer)
    secrets = _secrets(context, compute, home)
    if settings.has_grafana:
        before.append(observers.identities[grafana.ACCOUNT])
        # Grafana is part of the release, which fails where its pod waits. Alertmanager is the operator's: charts need not wait
        # for a value that nobody has set yet, and the `up` says so in the end.
        before += secrets if grafana.secrets_of(settings.grafana) else []
    stack = MonitoringStack(
        monitoring.NAMESPACE,
        settings,
        home.name,
        compute.disks.storage_class,
        context.region,
        context.stack,
        placement_on(context.settings.nodes, settings.node_group),
        depends_on=before,
        opts=here,
    )
    if settings.has_grafana:
        Dashboards(
            f"{monitoring.NAMESPACE}-dashboards",
            home.name,
            APP,
            NAMESPACE,
            settings.objectives,
            context.region,
            data.database.identifier,
            Output.all(*data.cache.member_ids),
            opts=here,
        )
    copies = context.settings.exports
    exports = WatchedExports(NAMESPACE, DAILY, copies.missing_hours) if copies else None
    made = {APP: application.workload, **application.further}
    workloads: dict[str, WorkloadSettings] = {APP: context.settings.app, **context.settings.workloads}
    for name, workload in workloads.items():
        WorkloadMonitoring(
            name,
            application.namespace.name,
            Watched(
                name,
                NAMESPACE,
                least_replicas=workload.least_replicas,
                autoscaled=workload.autoscaling is not None,
                scraped=workload.metrics_port is not None,
                grafana_url=settings.grafana.sign_in.root_url if settings.grafana.sign_in else None,
            ),
            settings.objectives if name == APP else None,
            settings.scrape_seconds,
            stack.release,
            exports if name == APP else None,
            # Rules that ask for pods come after the pods, or a first `up` would begin with an alert.
            depends_on=[made[name]],
            opts=here,
        )
