"""The cache: Valkey on ElastiCache, as nodes or serverless, that only TLS clients with an IAM token can enter."""

import base64
import hashlib

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.cache_settings import CacheSettings
from infra.cache_stores import Ground, replication_group, serverless_cache
from infra.connections import VALKEY_PORT, CacheConnection
from infra.fence import DataNetwork, fence, tail

APPLICATION_ACCESS = "on ~* &* +@all -@dangerous +info"
"""Valkey ACL of the application: every key and channel, no administration (no FLUSHALL, KEYS, CONFIG)."""


class Cache(pulumi.ComponentResource):
    """ElastiCache for Valkey: encrypted at rest and in transit, one endpoint, over the zones.

    Type token: `marlinspike:cache:Cache`. Makes a security group with one ingress rule for each client, an IAM user with its
    user group, and either a replication group or a serverless cache (infra/cache_stores.py).
    A change of `kind` replaces the cache and empties it; one of `restore_from` replaces it by one with a snapshot's content.
    """

    connection: CacheConnection
    """For the application's user."""
    endpoint: Output[str]
    """Host name of the primary; survives a failover."""
    user_arn: Output[str]
    arn: Output[str]
    """Of the replication group or the serverless cache: where IAM lets the user in."""
    member_ids: list[Output[str]]
    """What CloudWatch calls each node (dimension `CacheClusterId`), whoever is the primary; none of a serverless cache."""

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
        group_id = fence(name, "Valkey, for its clients only", network, VALKEY_PORT, child)
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
        identifier = _identifier(name, settings.restore_from)
        ground = Ground(
            identifier=identifier,
            subnet_ids=network.subnet_ids,
            security_group_id=group_id,
            user_group_id=users.id,
            key_arn=key_arn,
            protect=protect,
            # The fence's id is new each time the stack is made, the identifier with each snapshot that fills a cache: two final
            # snapshots never share a name.
            final_snapshot=Output.concat(identifier, "-final-", tail(group_id)),
        )
        serverless = settings.kind == "serverless"
        store = (
            serverless_cache(name, settings, ground, self)
            if serverless
            else replication_group(name, settings, ground, self)
        )
        self.endpoint = store.endpoint
        self.user_arn = user.arn
        self.arn = store.arn
        self.member_ids = store.member_ids
        self.connection = CacheConnection(
            host=self.endpoint,
            user=user_name,
            authentication="iam",
            tls=True,
            name=identifier,
            serverless=serverless,
        )
        self.register_outputs({"endpoint": self.endpoint})


def _identifier(name: str, snapshot: str | None) -> str:
    """What ElastiCache calls a cache: one that a snapshot fills is made while the one before serves, and needs a name of its own.

    Six characters longer, which STACK_NAME_LENGTH in stacks/settings.py leaves room for.
    """
    if snapshot is None:
        return name
    return f"{name}-{base64.b32encode(hashlib.sha256(snapshot.encode()).digest())[:5].decode().lower()}"
