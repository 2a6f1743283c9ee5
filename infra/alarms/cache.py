"""Alarms of the cache, one set for each member of the replication group."""

from collections.abc import Sequence

from pulumi import Input
from pydantic import Field

from infra.alarms.alarm import Alarm, Metric
from infra.settings import Section

NAMESPACE = "AWS/ElastiCache"

MOST_CONNECTIONS = 65_000
"""Clients that a node accepts (ElastiCache user guide, parameter `maxclients`)."""


class CacheThresholds(Section):
    """Section `alarms.cache`: from where on a member of the cache is in trouble."""

    evictions: int = Field(1_000, ge=1)
    """Keys in five minutes that make room for others, three times in succession. Some are normal: the policy is `allkeys-lru`."""

    memory_percent: int = Field(90, ge=10, le=100)
    """Of the memory for data; at 100 % keys are evicted."""

    engine_cpu_percent: int = Field(90, ge=10, le=100)
    """Of the one core that runs commands (CloudWatch, "Recommended alarms")."""

    connections_percent: int = Field(80, ge=1, le=100)
    """Of the 65,000 clients that a node accepts."""

    replication_lag_seconds: int = Field(30, ge=1)
    """By which a replica may be behind; a failover loses that much."""


def cache_alarms(thresholds: CacheThresholds, member_ids: Sequence[Input[str]]) -> list[Alarm]:
    """The alarms of a replication group's members; lag only where somebody can lag."""
    return [
        alarm
        for number, member in enumerate(member_ids, start=1)
        for alarm in _member(thresholds, f"{number:03}", member, replicated=len(member_ids) > 1)
    ]


def _member(thresholds: CacheThresholds, number: str, member: Input[str], *, replicated: bool) -> list[Alarm]:
    def alarm(name: str, metric: str, threshold: float, means: str, statistic: str = "Average") -> Alarm:
        measured = Metric(NAMESPACE, metric, {"CacheClusterId": member}, statistic)
        return Alarm(f"Cache{name}", measured, "GreaterThanThreshold", threshold, f"Member {number}: {means}", number)

    found = [
        alarm(
            "EvictionsHigh",
            "Evictions",
            thresholds.evictions,
            "keys that are still wanted may make room for others; people whose session goes must log in again.",
            "Sum",
        ),
        alarm(
            "MemoryHigh",
            "DatabaseMemoryUsagePercentage",
            thresholds.memory_percent,
            "its memory is nearly full; the keys that were unused longest go next.",
        ),
        alarm(
            "CpuHigh",
            "EngineCPUUtilization",
            thresholds.engine_cpu_percent,
            "its one core for commands has had no time left for a quarter of an hour.",
        ),
        alarm(
            "ConnectionsHigh",
            "CurrConnections",
            MOST_CONNECTIONS * thresholds.connections_percent / 100,
            f"more than {thresholds.connections_percent} % of its {MOST_CONNECTIONS} connections are taken.",
            "Maximum",
        ),
    ]
    if replicated:  # which member is the primary changes with a failover; it sends no lag
        found.append(
            alarm(
                "ReplicationLagging",
                "ReplicationLag",
                thresholds.replication_lag_seconds,
                f"it is more than {thresholds.replication_lag_seconds} s behind the primary; a failover would lose that much.",
            )
        )
    return found
