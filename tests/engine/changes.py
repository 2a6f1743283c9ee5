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


STAGING_ALARM = "MetricAlarm/marlinspike-staging-alarms"

EMAIL_REPLACED = (
    "create TopicSubscription/marlinspike-staging-alarms-other@example.com",
    "delete TopicSubscription/marlinspike-staging-alarms-platform@example.com",
)

RESTORE_TEST_MADE = (
    "create RestoreTestingPlan/marlinspike-staging-backup-restore-test",
    "create RestoreTestingSelection/marlinspike-staging-backup-restore-test",
    f"create {STAGING_ALARM}-RestoreTestFailed",
)

CHANGES: dict[str, list[Change]] = {
    "dev": [
        change("app.log_level", "info", "update Deployment/app-deployment"),
    ],
    "staging": [
        change("database.backup_days", 14, "update Instance/marlinspike-staging-database-instance"),
        change("alarms.cache.evictions", 500, *(f"update {STAGING_ALARM}-CacheEvictionsHigh-00{n}" for n in (1, 2))),
        change("alarms.emails", ["other@example.com"], *EMAIL_REPLACED),
        change("backup.restore_test", True, *RESTORE_TEST_MADE),
    ],
    "prod": [
        change("app.autoscaling.max_replicas", 18, "update HorizontalPodAutoscaler/app-autoscaler"),
        change(
            "database.max_connections",
            490,
            "update ParameterGroup/marlinspike-prod-database-parameters",
            "update MetricAlarm/marlinspike-prod-alarms-DatabaseConnectionsHigh",
        ),
        change("cache.snapshot_days", 8, "update ReplicationGroup/marlinspike-prod-cache-group"),
        change("budget.monthly_usd", 2500, "update Budget/marlinspike-prod-budget-monthly"),
        change("backup.daily_days", 30, "update Plan/marlinspike-prod-backup-plan"),
        change(
            "backup.lock", {"maximum_days": 400}, *replacement("VaultLockConfiguration/marlinspike-prod-backup-vault")
        ),
    ],
    "local": [
        change("app.replicas", 2, "update Deployment/app-deployment"),
    ],
}

REFUSED: dict[str, list[tuple[str, Any, str]]] = {
    # What may never be replaced where protection is on: setting, value, the protected resource.
    "prod": [("database.database", "other", "Instance/marlinspike-prod-database-instance")],
}
