"""Alarms of the database."""

from collections.abc import Callable, Mapping

from pulumi import Input
from pydantic import Field

from infra.alarms.alarm import Alarm, Formula, Metric
from infra.database import DatabaseSettings
from infra.instance_classes import INSTANCE_MEMORY_GIB
from infra.settings import Section

NAMESPACE = "AWS/RDS"

GIB = 2**30

CPU_CREDITS_PER_HOUR: Mapping[str, int] = {
    "db.t4g.micro": 12,
    "db.t4g.small": 24,
    "db.t4g.medium": 24,
    "db.t4g.large": 36,
}
"""What a burstable class earns (EC2, "Key concepts for burstable performance instances"); it saves up what 24 hours bring."""

CPU_BASELINE_PERCENT: Mapping[str, int] = {
    "db.t4g.micro": 10,
    "db.t4g.small": 20,
    "db.t4g.medium": 20,
    "db.t4g.large": 30,
}
"""Mean CPU at which a burstable class earns as much as it spends (the same page)."""


class DatabaseThresholds(Section):
    """Section `alarms.database`: from where on the database is in trouble."""

    free_storage_percent: int = Field(5, ge=1, le=9)
    """Of `database.storage_gib`. RDS enlarges the disk below 10 % (RDS, "Storage autoscaling"): less means that it could not."""

    connections_percent: int = Field(80, ge=10, le=100)
    """Of `database.max_connections`."""

    cpu_percent: int = Field(90, ge=10, le=100)
    """Mean over 15 minutes (CloudWatch, "Recommended alarms")."""

    cpu_credits_percent: int = Field(10, ge=1, le=90)
    """Of the credits that a burstable class can save up. RDS charges for what it spends beyond them."""

    disk_burst_percent: int = Field(20, ge=1, le=90)
    """Left of the instance's disk credits: without them, disks fall back to the class's own throughput."""

    free_memory_percent: int = Field(5, ge=1, le=50)
    """Of the instance's memory. PostgreSQL leaves most of it to the system's cache, which counts as freeable."""

    disk_queue: int = Field(16, ge=1)
    """Requests that wait for the disk. About one for each 1,000 IOPS is healthy (EBS, "I/O characteristics"); gp3 has 3,000."""


def database_alarms(thresholds: DatabaseThresholds, settings: DatabaseSettings, identifier: Input[str]) -> list[Alarm]:
    """The alarms of an instance."""

    def metric(name: str, statistic: str = "Average") -> Metric:
        return Metric(NAMESPACE, name, {"DBInstanceIdentifier": identifier}, statistic)

    return [
        Alarm(
            "DatabaseConnectionsHigh",
            metric("DatabaseConnections", "Maximum"),
            "GreaterThanThreshold",
            settings.max_connections * thresholds.connections_percent / 100,
            f"More than {thresholds.connections_percent} % of the database's {settings.max_connections} connections are taken. "
            "When they are used up, new pods fail.",
        ),
        Alarm(
            "DatabaseCpuHigh",
            metric("CPUUtilization"),
            "GreaterThanThreshold",
            thresholds.cpu_percent,
            "The database has been out of CPU for a quarter of an hour: queries wait.",
        ),
        Alarm(
            "DatabaseMemoryLow",
            metric("FreeableMemory", "Minimum"),
            "LessThanThreshold",
            INSTANCE_MEMORY_GIB[settings.instance_class] * GIB * thresholds.free_memory_percent / 100,
            "The database's instance is nearly out of memory; the system may end PostgreSQL, which then recovers for minutes.",
        ),
        *_disk(thresholds, settings.storage_gib, metric),
        *_cpu_credits(thresholds, settings.instance_class, metric("CPUCreditBalance"), metric("CPUUtilization")),
    ]


def _disk(thresholds: DatabaseThresholds, storage_gib: int, metric: Callable[[str, str], Metric]) -> list[Alarm]:
    return [
        Alarm(
            "DatabaseStorageLow",
            metric("FreeStorageSpace", "Minimum"),
            "LessThanThreshold",
            storage_gib * GIB * thresholds.free_storage_percent / 100,
            "The database's disk is nearly full, and RDS has not enlarged it. A full disk stops every write.",
        ),
        Alarm(
            "DatabaseDiskBurstLow",
            Formula(
                "MIN([bytes, requests])",
                {"bytes": metric("EBSByteBalance%", "Minimum"), "requests": metric("EBSIOBalance%", "Minimum")},
            ),
            "LessThanThreshold",
            thresholds.disk_burst_percent,
            "The database uses up its instance's disk credits; without them, its disk becomes as slow as the class's baseline.",
        ),
        Alarm(
            "DatabaseDiskQueueLong",
            metric("DiskQueueDepth", "Average"),
            "GreaterThanThreshold",
            thresholds.disk_queue,
            "Requests of the database have waited for the disk for a quarter of an hour.",
        ),
    ]


def _cpu_credits(thresholds: DatabaseThresholds, instance_class: str, balance: Metric, cpu: Metric) -> list[Alarm]:
    """Nothing for classes without credits. A new instance has none either: only one that spends them as well alarms."""
    if instance_class not in CPU_CREDITS_PER_HOUR:
        return []
    least = CPU_CREDITS_PER_HOUR[instance_class] * 24 * thresholds.cpu_credits_percent / 100
    return [
        Alarm(
            "DatabaseCpuCreditsLow",
            Formula(
                f"IF(balance < {least:g} AND cpu > {CPU_BASELINE_PERCENT[instance_class]}, 1, 0)",
                {"balance": balance, "cpu": cpu},
            ),
            "GreaterThanThreshold",
            0,
            f"The database spends more CPU than its burstable class {instance_class} earns, and its savings are nearly gone: "
            "from now on the surplus is charged.",
        )
    ]
