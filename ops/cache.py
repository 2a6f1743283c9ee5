"""`cache backup`: a snapshot of the cache, beside the daily ones that ElastiCache takes by itself."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3  # type: ignore[import-untyped]
import typer

from app.exports.place import name_for
from ops.aws import asked, identifier
from ops.command import Result, Session, command
from ops.errors import OpsError
from ops.stack import Stack
from stacks.settings import LocalSettings

PATIENCE_SECONDS = 3600
"""A snapshot of a few GiB takes minutes (ElastiCache user guide, "Taking manual backups"); AWS promises no time."""
POLL_SECONDS = 10.0

cache = typer.Typer(
    no_args_is_help=True, help="The cache: sessions, and answers that are computed again when they are lost."
)


def cache_backup(session: Session) -> Result:
    """Take a snapshot of the cache and wait until it is there. The cache serves meanwhile; nobody deletes the snapshot.

    Of `nodes` a replica is read where there is one. What a snapshot is good for: docs/procedures/restore.md.

    Examples: `python -m ops cache backup --stack prod`
    """
    stack = session.stack
    if isinstance(stack.platform, LocalSettings):
        raise OpsError(
            f"the cache of {stack.name} keeps nothing on a disk: sessions are made anew, answers computed again"
        )
    if stack.rehearsed:
        raise OpsError(
            "a rehearsal's cache is simulated, and holds nothing; take the snapshot of the real one, without --rehearsed"
        )
    serverless = stack.aws.cache.kind == "serverless"
    name = f"{stack.name}-cache-{name_for(datetime.now(tz=UTC))}"
    if session.would(f"take the snapshot {name}"):
        return {"snapshot": name}
    snapshot = _serverless(stack, name) if serverless else _of_nodes(stack, name)
    session.report.say(f"{name} is begun")
    seconds = _wait(snapshot, name)
    session.report.say(f"{name} is there after {seconds:.0f} s")
    return {"snapshot": name, "seconds": round(seconds, 1)}


def _client(stack: Stack) -> Any:
    return boto3.client("elasticache", region_name=str(stack.outputs["region"]))


def _of_nodes(stack: Stack, name: str) -> Callable[[], str]:
    client, group = _client(stack), identifier(stack, "aws:elasticache/replicationGroup:ReplicationGroup")
    with asked("elasticache"):
        client.create_snapshot(ReplicationGroupId=group, SnapshotName=name)
    return lambda: str(client.describe_snapshots(SnapshotName=name)["Snapshots"][0]["SnapshotStatus"])


def _serverless(stack: Stack, name: str) -> Callable[[], str]:
    client, store = _client(stack), identifier(stack, "aws:elasticache/serverlessCache:ServerlessCache")
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


cache.command("backup")(command(cache_backup))
