"""RDS's instance classes: their memory, and how many connections it bears."""

from collections.abc import Mapping

INSTANCE_MEMORY_GIB: Mapping[str, int] = {
    "db.t4g.micro": 1,
    "db.t4g.small": 2,
    "db.t4g.medium": 4,
    "db.t4g.large": 8,
    "db.m7g.large": 8,
    "db.m7g.xlarge": 16,
    "db.m7g.2xlarge": 32,
    "db.r7g.large": 16,
    "db.r7g.xlarge": 32,
    "db.r7g.2xlarge": 64,
}
"""Memory in GiB of the instance classes that can be chosen (AWS, "Hardware specifications for DB instance classes")."""

USABLE_MEMORY = 0.9
"""Part of an instance's memory that RDS counts on: the operating system and its own agents take the rest (an estimate)."""

BYTES_PER_CONNECTION = 9_531_392
"""RDS's own default is `DBInstanceClassMemory / 9531392` connections (RDS user guide, "Maximum number of connections")."""


def bearable_connections(instance_class: str) -> int:
    """How many sessions of PostgreSQL an instance class has memory for. Raises ValueError for a class that is not known."""
    if instance_class not in INSTANCE_MEMORY_GIB:
        raise ValueError(
            f"instance_class {instance_class} is not known; choose one of {', '.join(INSTANCE_MEMORY_GIB)}, "
            "or add it with its memory to infra/instance_classes.py"
        )
    return int(INSTANCE_MEMORY_GIB[instance_class] * 2**30 * USABLE_MEMORY / BYTES_PER_CONNECTION)
