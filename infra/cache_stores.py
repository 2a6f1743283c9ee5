"""What holds the cache's data: a replication group of nodes, or a serverless cache."""

from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra import versions
from infra.cache_settings import CacheSettings

VALKEY_PORT = 6379

LOGS = ("slow-log", "engine-log")
"""What ElastiCache writes to CloudWatch, as JSON, each to a group of its own; the slow log has commands above 10 ms."""


@dataclass(frozen=True)
class Ground:
    """What either kind of store stands on."""

    identifier: str
    """What ElastiCache calls it; part of what an IAM token signs."""
    subnet_ids: list[Output[str]]
    security_group_id: Output[str]
    user_group_id: Output[str]
    key_arn: Input[str]
    protect: bool
    final_snapshot: Output[str]


@dataclass(frozen=True)
class Store:
    """What the rest of the program needs to know of either kind."""

    endpoint: Output[str]
    arn: Output[str]
    member_ids: list[Output[str]] = field(default_factory=list)
    serverless_name: Output[str] | None = None


def replication_group(name: str, settings: CacheSettings, ground: Ground, parent: pulumi.Resource) -> Store:
    """One shard, replicas over the zones, with its subnet and parameter groups and its logs.

    `allkeys-lru`: the oldest unused keys make room; a lost session means a new log-in.
    """
    child = ResourceOptions(parent=parent)
    subnets = aws.elasticache.SubnetGroup(f"{name}-subnets", subnet_ids=ground.subnet_ids, opts=child)
    parameters = _parameters(name, settings, child)
    logs = {
        log: aws.cloudwatch.LogGroup(
            f"{name}-{log}", retention_in_days=settings.log_retention_days, kms_key_id=ground.key_arn, opts=child
        )
        for log in LOGS
    }
    group = aws.elasticache.ReplicationGroup(
        f"{name}-group",
        replication_group_id=ground.identifier,
        snapshot_name=settings.restore_from,
        description="Cache, sessions and rate limits",
        engine="valkey",
        engine_version=versions.VALKEY,
        node_type=settings.node_type,
        num_cache_clusters=settings.nodes,
        automatic_failover_enabled=settings.fails_over,
        multi_az_enabled=settings.fails_over,
        parameter_group_name=parameters.name,
        subnet_group_name=subnets.name,
        security_group_ids=[ground.security_group_id],
        port=VALKEY_PORT,
        at_rest_encryption_enabled=True,
        kms_key_id=ground.key_arn,
        transit_encryption_enabled=True,
        transit_encryption_mode="required",
        user_group_ids=[ground.user_group_id],
        snapshot_retention_limit=settings.snapshot_days,
        snapshot_window=settings.snapshot_window,
        maintenance_window=settings.maintenance_window,
        final_snapshot_identifier=ground.final_snapshot if settings.keep_after_deletion else None,
        auto_minor_version_upgrade=True,
        apply_immediately=False,
        log_delivery_configurations=[
            {"destination": group.name, "destination_type": "cloudwatch-logs", "log_format": "json", "log_type": log}
            for log, group in logs.items()
        ],
        opts=ResourceOptions(
            parent=parent,
            protect=ground.protect,
            # Large groups take longer to change or delete than the provider waits by itself (40 and 45 min).
            custom_timeouts=pulumi.CustomTimeouts(update="80m", delete="80m"),
        ),
    )
    # ElastiCache numbers the members itself; a list of known length lets each have its alarms.
    members = [Output.concat(group.id, f"-{number:03}") for number in range(1, settings.nodes + 1)]
    return Store(group.primary_endpoint_address, group.arn, member_ids=members)


def _parameters(name: str, settings: CacheSettings, opts: ResourceOptions) -> aws.elasticache.ParameterGroup:
    return aws.elasticache.ParameterGroup(
        f"{name}-parameters",
        family=f"valkey{_major()}",
        # Not what ElastiCache does by itself: a quarter of the memory reserved, commands above 10 ms in the slow log.
        parameters=[
            {"name": parameter, "value": value}
            for parameter, value in {"maxmemory-policy": "allkeys-lru", **settings.parameters}.items()
        ],
        opts=opts,
    )


def serverless_cache(name: str, settings: CacheSettings, ground: Ground, parent: pulumi.Resource) -> Store:
    """A cache without nodes, in all zones of its subnets; always encrypted in transit.

    It speaks as a cluster does: commands on several keys need keys of one slot (a common `{tag}`). What makes room is the
    oldest unused key that has an end (`volatile-lru`, ElastiCache's own choice).
    """
    cache = aws.elasticache.ServerlessCache(
        f"{name}-serverless",
        name=ground.identifier,
        snapshot_arns_to_restores=[settings.restore_from] if settings.restore_from else None,
        description="Cache, sessions and rate limits",
        engine="valkey",
        major_engine_version=_major(),
        cache_usage_limits={
            "data_storage": {"maximum": settings.data_gib, "unit": "GB"},
            "ecpu_per_seconds": [{"maximum": settings.ecpu_per_second}],
        },
        kms_key_id=ground.key_arn,
        subnet_ids=ground.subnet_ids,
        security_group_ids=[ground.security_group_id],
        user_group_id=ground.user_group_id,
        snapshot_retention_limit=settings.snapshot_days,
        daily_snapshot_time=settings.snapshot_window.split("-")[0] if settings.snapshot_days else None,
        opts=ResourceOptions(parent=parent, protect=ground.protect),
    )
    return Store(cache.endpoints.apply(lambda found: str(found[0].address)), cache.arn, serverless_name=cache.name)


def _major() -> str:
    return versions.VALKEY.split(".")[0]
