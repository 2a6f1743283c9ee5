"""PostgreSQL and Valkey as AWS measures them: what only CloudWatch knows."""

from collections.abc import Mapping, Sequence
from typing import Literal

from infra.monitoring.dashboards.page import Metric, Page, Panel, Row

Statistic = Literal["Average", "Maximum", "Minimum", "Sum"]


def data_stores(region: str, database: str, cache_members: Sequence[str]) -> Page:
    """The dashboard of one database instance and the members of one cache, by their identifiers."""
    instance = {"DBInstanceIdentifier": database}

    def rds(name: str, statistic: Statistic, legend: str) -> Metric:
        return Metric("AWS/RDS", name, statistic, instance, legend)

    def cache(name: str, statistic: Statistic) -> list[Metric]:
        members: list[Mapping[str, str]] = [{"CacheClusterId": member} for member in cache_members]
        return [Metric("AWS/ElastiCache", name, statistic, each, each["CacheClusterId"]) for each in members]

    return Page(
        "marlinspike-data-stores",
        "Database and cache",
        "RDS and ElastiCache, from CloudWatch: a point a minute, some minutes late.",
        runbooks=(
            "DatabaseCpuHigh",
            "DatabaseConnectionsHigh",
            "DatabaseStorageLow",
            "CacheCpuHigh",
            "CacheMemoryHigh",
        ),
        source="cloudwatch",
        region=region,
        rows=[
            Row(
                "Database",
                [
                    Panel(
                        "CPU",
                        "Of the instance. For long above 80 %: find the statement in Performance Insights.",
                        "percent",
                        [rds("CPUUtilization", "Average", "CPU")],
                        warn_at=70,
                        bad_at=90,
                        most=100,
                    ),
                    Panel(
                        "Connections",
                        "All clients. The invariants keep the pods' pools below max_connections.",
                        "short",
                        [rds("DatabaseConnections", "Maximum", "connections")],
                    ),
                    Panel(
                        "Latency",
                        "Of one read or write of the disk.",
                        "s",
                        [rds("ReadLatency", "Average", "read"), rds("WriteLatency", "Average", "write")],
                        warn_at=0.01,
                        bad_at=0.05,
                    ),
                    Panel(
                        "Free memory",
                        "Near zero the instance swaps, and everything is slow.",
                        "bytes",
                        [rds("FreeableMemory", "Minimum", "free")],
                    ),
                    Panel(
                        "Free disk",
                        "The disk grows by itself up to database.max_storage_gib; at zero nothing can be written.",
                        "bytes",
                        [rds("FreeStorageSpace", "Minimum", "free")],
                    ),
                    Panel(
                        "Disk operations",
                        "Reads and writes a second.",
                        "iops",
                        [rds("ReadIOPS", "Average", "reads"), rds("WriteIOPS", "Average", "writes")],
                    ),
                ],
            ),
            Row(
                "Cache",
                [
                    Panel(
                        "Engine CPU",
                        "Of the one thread that runs commands.",
                        "percent",
                        cache("EngineCPUUtilization", "Average"),
                        warn_at=70,
                        bad_at=90,
                        most=100,
                    ),
                    Panel(
                        "Memory",
                        "Full is normal for a cache; what is evicted tells whether it is too small.",
                        "percent",
                        cache("DatabaseMemoryUsagePercentage", "Average"),
                        warn_at=80,
                        bad_at=95,
                        most=100,
                    ),
                    Panel(
                        "Evictions",
                        "Keys thrown away for room. Sessions are among them: a lost one means a new login.",
                        "short",
                        cache("Evictions", "Sum"),
                        warn_at=1,
                        bad_at=1000,
                    ),
                    Panel("Connections", "Clients of each member.", "short", cache("CurrConnections", "Maximum")),
                    Panel(
                        "Replication lag",
                        "How far a replica is behind: what a failover would lose.",
                        "s",
                        cache("ReplicationLag", "Maximum"),
                        warn_at=1,
                        bad_at=10,
                    ),
                ],
            ),
        ],
    )
