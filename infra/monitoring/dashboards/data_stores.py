"""PostgreSQL and Valkey as AWS measures them: what only CloudWatch knows."""

from collections.abc import Sequence

from infra.monitoring.dashboards.page import Metric, Page, Panel, Row, Statistic

UID = "marlinspike-data-stores"


def data_stores(region: str, database: str, cache_members: Sequence[str]) -> Page:
    """The dashboard of one database instance and the members of one cache, by their identifiers."""
    return Page(
        UID,
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
        rows=[_database(database), _cache(cache_members)],
    )


def _database(identifier: str) -> Row:
    def metric(name: str, statistic: Statistic, legend: str) -> Metric:
        return Metric("AWS/RDS", name, statistic, {"DBInstanceIdentifier": identifier}, legend)

    return Row(
        "Database",
        [
            Panel(
                "CPU",
                "Of the instance. For long above 80 %: find the statement in Performance Insights.",
                "percent",
                [metric("CPUUtilization", "Average", "CPU")],
                limits=(70, 90),
                most=100,
            ),
            Panel(
                "Connections",
                "All clients. The invariants keep the pods' pools below max_connections.",
                "short",
                [metric("DatabaseConnections", "Maximum", "connections")],
            ),
            Panel(
                "Latency",
                "Of one read or write of the disk.",
                "s",
                [metric("ReadLatency", "Average", "read"), metric("WriteLatency", "Average", "write")],
                limits=(0.01, 0.05),
            ),
            Panel(
                "Free memory",
                "Near zero the instance swaps, and everything is slow.",
                "bytes",
                [metric("FreeableMemory", "Minimum", "free")],
            ),
            Panel(
                "Free disk",
                "The disk grows by itself up to database.max_storage_gib; at zero nothing can be written.",
                "bytes",
                [metric("FreeStorageSpace", "Minimum", "free")],
            ),
            Panel(
                "Disk operations",
                "Reads and writes a second.",
                "iops",
                [metric("ReadIOPS", "Average", "reads"), metric("WriteIOPS", "Average", "writes")],
            ),
        ],
    )


def _cache(members: Sequence[str]) -> Row:
    def metric(name: str, statistic: Statistic) -> list[Metric]:
        return [Metric("AWS/ElastiCache", name, statistic, {"CacheClusterId": each}, each) for each in members]

    return Row(
        "Cache",
        [
            Panel(
                "Engine CPU",
                "Of the one thread that runs commands.",
                "percent",
                metric("EngineCPUUtilization", "Average"),
                limits=(70, 90),
                most=100,
            ),
            Panel(
                "Memory",
                "Full is normal for a cache; what is evicted tells whether it is too small.",
                "percent",
                metric("DatabaseMemoryUsagePercentage", "Average"),
                limits=(80, 95),
                most=100,
            ),
            Panel(
                "Evictions",
                "Keys thrown away for room. Sessions are among them: a lost one means a new login.",
                "short",
                metric("Evictions", "Sum"),
                limits=(1, 1000),
            ),
            Panel("Connections", "Clients of each member.", "short", metric("CurrConnections", "Maximum")),
            Panel(
                "Replication lag",
                "How far a replica is behind: what a failover would lose.",
                "s",
                metric("ReplicationLag", "Maximum"),
                limits=(1, 10),
            ),
        ],
    )
