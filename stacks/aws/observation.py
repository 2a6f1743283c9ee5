"""Who looks after the stack: monitoring in the cluster; alarms, budget and backups on AWS. What is not asked for is not made."""

import pulumi
from pulumi import Output, ResourceOptions

from infra.add_ons.external_secrets import NAME as EXTERNAL_SECRETS
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
from infra.external_secrets import ExternalSecrets
from infra.monitoring import grafana
from infra.monitoring import stack as monitoring
from infra.monitoring.dashboards.delivery import Dashboards
from infra.monitoring.rules import WorkloadMonitoring, monitor_of
from infra.monitoring.stack import MonitoringStack
from infra.namespace import Namespace
from infra.placement import placement_on
from infra.policies import Flow, NamespaceFence, Peer
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


def monitor(
    context: Context,
    foundation: Foundation,
    data: DataStores,
    compute: Compute,
    application: Application,
    observers: Observers,
) -> None:
    """Prometheus and what belongs to it, in a fenced namespace of its own, with the application's rules.

    Other workloads are scraped where they have metrics; what they mean, only their people know.
    """
    settings, here = context.settings.monitoring, compute.on_kubernetes
    if not settings.enabled:
        return
    # Node exporter reads the host's own figures, which `restricted` forbids.
    home = Namespace(monitoring.NAMESPACE, standard="privileged", opts=here)
    api_server = Flow(Peer(cidrs=foundation.network.control_plane_cidrs), ports=(monitoring.WEBHOOK_PORT,))
    NamespaceFence(monitoring.NAMESPACE, home.name, [api_server], opts=here)
    stack = MonitoringStack(
        monitoring.NAMESPACE,
        settings,
        home.name,
        compute.disks.storage_class,
        context.region,
        placement_on(context.settings.nodes, settings.node_group),
        depends_on=[
            compute.add_ons,
            *compute.controllers.admitting,
            *([observers.identities[grafana.ACCOUNT]] if settings.has_grafana else []),
            *_grafanas_secrets(context, compute, home),
        ],
        opts=here,
    )
    if settings.has_grafana:
        Dashboards(
            f"{monitoring.NAMESPACE}-dashboards",
            home.name,
            APP,
            NAMESPACE,
            context.region,
            data.database.identifier,
            Output.all(*data.cache.member_ids),
            opts=here,
        )
    WorkloadMonitoring(
        APP,
        application.namespace.name,
        NAMESPACE,
        settings.scrape_seconds,
        context.settings.app.least_replicas,
        stack.release,
        deployment=application.workload.deployment_name,
        opts=here,
    )
    for name, workload in context.settings.workloads.items():
        if workload.metrics_port is not None:
            after_release = ResourceOptions.merge(here, ResourceOptions(depends_on=[stack.release]))
            monitor_of(name, application.namespace.name, settings.scrape_seconds, opts=after_release)


def _grafanas_secrets(context: Context, compute: Compute, home: Namespace) -> list[pulumi.Resource]:
    """What Grafana finds as files; its pod waits for them."""
    names = grafana.secrets_of(context.settings.monitoring.grafana)
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
