"""Which snapshot a stack's cache may be filled with: what ElastiCache would refuse later, in minutes, is refused here at once."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from infra import versions
from infra.naming import PROJECT
from ops.aws import asked
from ops.cache.backup import elasticache
from ops.errors import OpsError
from ops.stack import Stack

BY_MEMORY = (
    "cache.t4g.micro",
    "cache.t4g.small",
    "cache.t4g.medium",
    "cache.m7g.large",
    "cache.m7g.xlarge",
    "cache.r7g.large",
    "cache.m7g.2xlarge",
    "cache.r7g.xlarge",
    "cache.r7g.2xlarge",
)
"""Node types from the smallest memory to the largest, 0.5 to 52.8 GiB (ElastiCache user guide, "Supported node types")."""


def source(stack: Stack, name: str) -> str:
    """What `cache.restore_from` says of a snapshot: its name, or of a serverless cache its ARN. Nothing is looked up."""
    account = stack.aws.account
    if stack.aws.cache.kind == "nodes":
        return name
    return f"arn:aws:elasticache:{account.region}:{account.id}:serverlesssnapshot:{name}"


def require(stack: Stack, name: str, final: str | None) -> None:
    """Raises OpsError with every reason why this snapshot can't fill the stack's cache.

    `final` is the snapshot that the cache leaves which serves now: ElastiCache would not delete that one if it were there.
    """
    serverless = stack.aws.cache.kind == "serverless"
    with asked("elasticache"):
        every = dict(_serverless(stack) if serverless else _of_nodes(stack))
    if name not in every:
        known = ", ".join(sorted(each for each, found in every.items() if _is_of(stack, found))[-5:])
        raise OpsError(
            f"there is no snapshot {name} of kind {stack.aws.cache.kind}. Of {stack.name} there are: {known or 'none'}"
        )
    reasons = [*_reasons(stack, every[name]), *([] if serverless else _reasons_of_nodes(stack, every[name]))]
    if final in every:
        reasons.append(
            f"the cache that serves now leaves the snapshot {final} when it goes, and there is one of that name; delete it, or "
            f"copy it first: aws elasticache copy-snapshot --source-snapshot-name {final} --target-snapshot-name NAME"
        )
    if reasons:
        lines = "\n".join(f"  {reason}" for reason in reasons)
        raise OpsError(
            f"{name} can't fill the cache of {stack.name}; nothing was touched.\n{lines}", {"faults": reasons}
        )


def _of_nodes(stack: Stack) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for page in elasticache(stack).get_paginator("describe_snapshots").paginate():
        for each in page["Snapshots"]:
            owner = each.get("ReplicationGroupId") or each.get("CacheClusterId", "")
            yield each["SnapshotName"], {**each, "owner": owner, "status": each["SnapshotStatus"]}


def _serverless(stack: Stack) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for page in elasticache(stack).get_paginator("describe_serverless_cache_snapshots").paginate():
        for each in page["ServerlessCacheSnapshots"]:
            made_of = each.get("ServerlessCacheConfiguration", {})
            yield (
                each["ServerlessCacheSnapshotName"],
                {
                    "owner": made_of.get("ServerlessCacheName", ""),
                    "status": each["Status"],
                    "Engine": made_of.get("Engine", ""),
                    "EngineVersion": made_of.get("MajorEngineVersion", ""),
                },
            )


def _is_of(stack: Stack, snapshot: Mapping[str, Any]) -> bool:
    """Whether a cache of this stack was copied, whichever snapshot had filled it, or a node of it."""
    return bool(
        re.fullmatch(rf"{PROJECT}-{re.escape(stack.name)}-cache(-[a-z2-7]{{5}})?(-[0-9]{{3}})?", snapshot["owner"])
    )


def _reasons(stack: Stack, snapshot: Mapping[str, Any]) -> Iterator[str]:
    if not _is_of(stack, snapshot):
        yield f"it is of {snapshot['owner']}, another environment's cache, with others' sessions; choose one of {stack.name}"
    if snapshot["status"] != "available":
        yield f"it is {snapshot['status']}; wait until it is available, or choose another one"
    if snapshot["Engine"] != "valkey":
        yield f"it is of engine {snapshot['Engine']}, and the cache runs valkey"
    elif _version(snapshot["EngineVersion"]) > _version(versions.VALKEY)[: len(_version(snapshot["EngineVersion"]))]:
        yield f"it is of Valkey {snapshot['EngineVersion']}, which {versions.VALKEY} can't read; upgrade infra/versions.py first"


def _reasons_of_nodes(stack: Stack, snapshot: Mapping[str, Any]) -> Iterator[str]:
    settings, kind = stack.aws.cache, snapshot["CacheNodeType"]
    if snapshot.get("NumNodeGroups", 1) > 1:
        yield f"it is of {snapshot['NumNodeGroups']} shards, and a cache without cluster mode has one"
    if kind in BY_MEMORY and BY_MEMORY.index(kind) > BY_MEMORY.index(settings.node_type):
        yield (
            f"it is of {kind}, and {settings.node_type} has less memory: the new cache would end as restore-failed; set "
            f"cache.node_type to {kind} and run pulumi up first"
        )
    if snapshot.get("AutomaticFailover") == "enabled" and not settings.fails_over:
        # The provider sends no `false` for Multi-AZ (hashicorp/terraform-provider-aws#49428), and the snapshot's own counts.
        yield "it is of a cache that fails over, which ElastiCache does not make of one node; set cache.nodes to 2 first"


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"[0-9]+", text)[:2])
