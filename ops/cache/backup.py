"""`cache backup`: a snapshot of the cache, beside the daily ones that ElastiCache takes by itself."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3  # type: ignore[import-untyped]

from app.exports.place import name_for
from ops.aws import asked, identifier
from ops.command import Result, Session
from ops.errors import OpsError
from ops.stack import Stack
from stacks.settings import LocalSettings

PATIENCE_SECONDS = 3600
"""A snapshot of a few GiB takes minutes (ElastiCache user guide, "Taking manual backups"); AWS promises no time."""
POLL_SECONDS = 10.0

REPLICATION_GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"
SERVERLESS = "aws:elasticache/serverlessCache:ServerlessCache"


def cache_backup(session: Session) -> Result:
    """Take a snapshot of the cache and wait until it is there. The cache serves meanwhile; nobody deletes the snapshot.

    Of `nodes` a replica is read where there is one. Bring it back by: cache restore NAME.

    Examples: `python -m ops cache backup --stack prod`
    """
    stack = session.stack
    refuse_on_local(stack)
    if stack.rehearsed:
        raise OpsError(
            "a rehearsal's cache is simulated, and holds nothing; take the snapshot of the real one, without --rehearsed"
        )
    name = new_name(stack)
    if session.would(f"take the snapshot {name}"):
        return {"snapshot": name}
    return {"snapshot": name, "seconds": round(take(stack, name, session.report.say), 1)}


def refuse_on_local(stack: Stack) -> None:
    """Raises OpsError where the cache is a pod of the cluster."""
    if isinstance(stack.platform, LocalSettings):
        raise OpsError(
            f"the cache of {stack.name} is one Valkey pod, whose append-only file and snapshots lie on its own volume: it comes "
            "back with its content by itself, and no copy is made beside it. For a copy of that volume take the cluster's "
            "VolumeSnapshots; the content itself is sessions and answers that are computed again"
        )


def new_name(stack: Stack) -> str:
    """Of a snapshot that begins now."""
    return f"{stack.name}-cache-{name_for(datetime.now(tz=UTC))}"


def take(stack: Stack, name: str, say: Callable[[str], None]) -> float:
    """Take a snapshot and wait for it; returns the seconds that it took. Raises OpsError where it fails."""
    snapshot = _serverless(stack, name) if stack.aws.cache.kind == "serverless" else _of_nodes(stack, name)
    say(f"{name} is begun")
    seconds = _wait(snapshot, name)
    say(f"{name} is there after {seconds:.0f} s")
    return seconds


def elasticache(stack: Stack) -> Any:
    """boto3's client in the stack's region."""
    return boto3.client("elasticache", region_name=str(stack.outputs["region"]))


def _of_nodes(stack: Stack, name: str) -> Callable[[], str]:
    client, group = elasticache(stack), identifier(stack, REPLICATION_GROUP)
    with asked("elasticache"):
        client.create_snapshot(ReplicationGroupId=group, SnapshotName=name)
    return lambda: str(client.describe_snapshots(SnapshotName=name)["Snapshots"][0]["SnapshotStatus"])


def _serverless(stack: Stack, name: str) -> Callable[[], str]:
    client, store = elasticache(stack), identifier(stack, SERVERLESS)
    with asked("elasticache"):
        client.create_serverless_cache_snapshot(ServerlessCacheSnapshotName=name, ServerlessCacheName=store)
    described = client.describe_serverless_cache_snapshots
    return lambda: str(described(ServerlessCacheSnapshotName=name)["ServerlessCacheSnapshots"][0]["Status"])


def _wait(status: Callable[[], str], name: str) -> float:
    """Seconds until the snapshot is there. Raises OpsError where it fails, or takes too long."""
    began = time.monotonic()
    while True:
        with asked("elasticache"):
            found = status()
        seconds = time.monotonic() - began
        if found == "available":
            return seconds
        if found == "failed":
            raise OpsError(
                f"the snapshot {name} failed; ElastiCache says why: aws elasticache describe-events --duration 60"
            )
        if seconds > PATIENCE_SECONDS:
            raise OpsError(
                f"the snapshot {name} is {found} after {seconds:.0f} s; it goes on: look at it in ElastiCache"
            )
        time.sleep(POLL_SECONDS)
