"""How much is lost and how long it takes when a whole region is lost: derived from a plan, not promised by hand.

RPO (recovery point objective): the age of the newest copy in the second region. RTO (recovery time objective): from the loss to
the application answering there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rehearsal.critical_path import Link, Resource, critical_path
from rehearsal.durations import RESTORE_SECONDS_PER_GIB, seconds

DECISION_SECONDS = 30 * 60
"""Until somebody was told, has looked, and has decided to leave the region: a health check alarms after minutes, people take
longer (docs/procedures/second-region.md)."""

DATABASE = "aws:rds/instance:Instance"


@dataclass(frozen=True)
class Copy:
    """What carries a kind of data to the second region, and how old the copy is at worst, in minutes."""

    by: str
    minutes: int
    source: str


COPIES: Mapping[str, Copy] = {
    DATABASE: Copy(
        "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication",
        15,
        'RDS user guide, "Restoring to a specified time": logs are stored every 5 minutes; "Replicating automated backups": '
        "copied as soon as they are ready (10 minutes for that are an assumption)",
    ),
    "aws:s3/bucket:Bucket": Copy(
        "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
        15,
        'S3 user guide, "S3 Replication Time Control": 99.9 % of objects within 15 minutes',
    ),
    "aws:ecr/repository:Repository": Copy(
        "aws:ecr/replicationConfiguration:ReplicationConfiguration",
        30,
        'ECR user guide, "Private image replication": most images within 30 minutes',
    ),
}
"""By the type that holds data. Secrets are replicated at once by their own `replicas`; logs and the cache are not recovered."""


def recovery_point_minutes(types: Iterable[str]) -> dict[str, float]:
    """For each kind of data among the types of a plan's resources: the age of its copy, infinite where nothing copies it."""
    present = set(types)
    return {
        kind: copy.minutes if copy.by in present else float("inf") for kind, copy in COPIES.items() if kind in present
    }


def recovery_chain(plan: Iterable[Resource], database_gib: int) -> list[Link]:
    """The longest chain of an `up` that restores a database of that size, after the decision; `ready` counts from the loss."""

    def duration(resource_type: str, name: str) -> int:
        restoring = RESTORE_SECONDS_PER_GIB * database_gib if resource_type == DATABASE else 0
        return seconds(resource_type, name) + restoring

    return [
        Link(link.key, link.type, link.seconds, link.ready + DECISION_SECONDS) for link in critical_path(plan, duration)
    ]
