"""Changed settings, and what each must do to a stack that is up: no more and no fewer operations.

All changes of one stack go into one preview, so that a new line here costs next to nothing. An operation is written as
`update Instance/marlinspike-prod-database-instance`; a replacement shows as `create-replacement`, `replace` and
`delete-replaced`, in the order in which the engine does them.
"""

from dataclasses import dataclass
from typing import Any

REPLACED = ("create-replacement", "replace", "delete-replaced")


@dataclass(frozen=True)
class Change:
    """One setting of a stack file and the operations to which its change leads."""

    setting: str
    value: Any
    operations: frozenset[str]


def change(setting: str, value: Any, *operations: str) -> Change:
    return Change(setting, value, frozenset(operations))


def replacement(resource: str) -> tuple[str, ...]:
    """The operations of a replacement that makes the new one first."""
    return tuple(f"{operation} {resource}" for operation in REPLACED)


CHANGES: dict[str, list[Change]] = {
    "dev": [
        change("app.log_level", "info", "update Deployment/app-deployment"),
    ],
    "staging": [
        change("database.backup_days", 14, "update Instance/marlinspike-staging-database-instance"),
    ],
    "prod": [
        change(
            "storage.noncurrent_days",
            60,
            "update BucketLifecycleConfiguration/marlinspike-prod-files-lifecycle",
        ),
        change("app.autoscaling.max_replicas", 18, "update HorizontalPodAutoscaler/app-autoscaler"),
        change("database.max_connections", 490, "update ParameterGroup/marlinspike-prod-database-parameters"),
        change("cache.snapshot_days", 8, "update ReplicationGroup/marlinspike-prod-cache-group"),
    ],
    "local": [
        change("app.replicas", 2, "update Deployment/app-deployment"),
    ],
}

REFUSED: dict[str, list[tuple[str, Any, str]]] = {
    # What may never be replaced where protection is on: setting, value, the protected resource.
    "prod": [("database.database", "other", "Instance/marlinspike-prod-database-instance")],
}
