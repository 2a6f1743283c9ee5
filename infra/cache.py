"""The cache: a Valkey replication group on ElastiCache that only TLS clients with an IAM token can enter."""

from typing import Literal

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions
from pydantic import Field

from infra import versions
from infra.connections import CacheConnection
from infra.database import DataNetwork
from infra.fence import fence, tail
from infra.settings import Section

VALKEY_PORT = 6379

NodeType = Literal[
    "cache.t4g.micro",
    "cache.t4g.small",
    "cache.t4g.medium",
    "cache.m7g.large",
    "cache.m7g.xlarge",
    "cache.m7g.2xlarge",
    "cache.r7g.large",
    "cache.r7g.xlarge",
    "cache.r7g.2xlarge",
]
"""Graviton types that run Valkey (ElastiCache user guide, "Supported node types")."""

APPLICATION_ACCESS = "on ~* &* +@all -@dangerous +info"
"""Valkey ACL of the application: every key and channel, no administration (no FLUSHALL, KEYS, CONFIG)."""


class CacheSettings(Section):
    """Section `cache` of an AWS stack file."""

    node_type: NodeType = "cache.t4g.micro"

    nodes: int = Field(1, ge=1, le=6)
    """Primary and replicas together; at most one for each zone is useful."""

    snapshot_days: int = Field(0, ge=0, le=35)
    """How long daily snapshots are kept; 0 takes none."""

    keep_after_deletion: bool = False
    """Whether a deletion takes a final snapshot; apart from `protection`, which prevents it."""

    log_retention_days: Literal[7, 14, 30, 60, 90, 180, 365] = 30

    @property
    def fails_over(self) -> bool:
        """Whether a replica can take the primary's place."""
        return self.nodes > 1


class Cache(pulumi.ComponentResource):
    """ElastiCache for Valkey: encrypted at rest and in transit, one shard, replicas over the zones.

    Type token: `marlinspike:cache:Cache`. Makes a subnet group, a security group with one ingress rule for each client,
    a parameter group (`allkeys-lru`: the oldest unused keys make room; a lost session means a new log-in), an IAM user with
    its user group, a log group for the slow log, and the replication group.
    """

    connection: CacheConnection
    """For the application's user."""
    endpoint: Output[str]
    """Host name of the primary; survives a failover."""
    user_arn: Output[str]
    replication_group_arn: Output[str]
    member_ids: list[Output[str]]
    """What CloudWatch calls each node (dimension `CacheClusterId`), whoever is the primary."""

    def __init__(
        self,
        name: str,
        settings: CacheSettings,
        network: DataNetwork,
        key_arn: Input[str],
        protect: bool,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:cache:Cache", name, {}, opts)
        child = ResourceOptions(parent=self)
        subnets = aws.elasticache.SubnetGroup(f"{name}-subnets", subnet_ids=network.subnet_ids, opts=child)
        group_id = fence(name, "Valkey, for its clients only", network.vpc_id, VALKEY_PORT, network.clients, child)
        parameters = aws.elasticache.ParameterGroup(
            f"{name}-parameters",
            family=f"valkey{versions.VALKEY.split('.')[0]}",
            # Only what differs from ElastiCache's own defaults (a quarter of the memory reserved, statements above 10 ms in
            # the slow log): a default that is written down shows as a change for ever.
            parameters=[
                {"name": "maxmemory-policy", "value": "allkeys-lru"},
            ],
            opts=child,
        )
        user_name = f"{name}-app"
        user = aws.elasticache.User(
            f"{name}-user",
            # IAM log-in demands that both names are equal (ElastiCache user guide, "Authenticating with IAM").
            user_id=user_name,
            user_name=user_name,
            engine="valkey",
            access_string=APPLICATION_ACCESS,
            authentication_mode={"type": "iam"},
            opts=child,
        )
        users = aws.elasticache.UserGroup(
            f"{name}-users", user_group_id=f"{name}-users", engine="valkey", user_ids=[user.user_id], opts=child
        )
        slow_log = aws.cloudwatch.LogGroup(
            f"{name}-slow-log", retention_in_days=settings.log_retention_days, kms_key_id=key_arn, opts=child
        )
        group = aws.elasticache.ReplicationGroup(
            f"{name}-group",
            replication_group_id=name,  # part of what an IAM token signs
            description="Cache, sessions and rate limits",
            engine="valkey",
            engine_version=versions.VALKEY,
            node_type=settings.node_type,
            num_cache_clusters=settings.nodes,
            automatic_failover_enabled=settings.fails_over,
            multi_az_enabled=settings.fails_over,
            parameter_group_name=parameters.name,
            subnet_group_name=subnets.name,
            security_group_ids=[group_id],
            port=VALKEY_PORT,
            at_rest_encryption_enabled=True,
            kms_key_id=key_arn,
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            user_group_ids=[users.id],
            snapshot_retention_limit=settings.snapshot_days,
            snapshot_window="01:30-02:30",
            maintenance_window="sun:04:00-sun:05:00",
            # The fence's id is new each time the stack is made, so two final snapshots never share a name.
            final_snapshot_identifier=Output.concat(name, "-final-", tail(group_id))
            if settings.keep_after_deletion
            else None,
            auto_minor_version_upgrade=True,
            apply_immediately=False,
            log_delivery_configurations=[
                {
                    "destination": slow_log.name,
                    "destination_type": "cloudwatch-logs",
                    "log_format": "json",
                    "log_type": "slow-log",
                }
            ],
            opts=ResourceOptions(
                parent=self,
                protect=protect,
                # Large groups take longer to change or delete than the provider waits by itself (40 and 45 min).
                custom_timeouts=pulumi.CustomTimeouts(update="80m", delete="80m"),
            ),
        )
        self.endpoint = group.primary_endpoint_address
        self.user_arn = user.arn
        self.replication_group_arn = group.arn
        # ElastiCache numbers the members itself; a list of known length lets each have its alarms.
        self.member_ids = [Output.concat(group.id, f"-{number:03}") for number in range(1, settings.nodes + 1)]
        self.connection = CacheConnection(
            host=self.endpoint, user=user_name, authentication="iam", tls=True, name=name, port=VALKEY_PORT
        )
        self.register_outputs({"endpoint": self.endpoint})
