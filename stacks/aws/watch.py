"""What AWS itself does for the stack: backups, alarms, a budget. What is not asked for is not made."""

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
from stacks.aws.context import Context
from stacks.aws.data_stores import DataStores
from stacks.aws.foundation import Foundation


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
