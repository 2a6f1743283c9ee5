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
        change("nodes.application.labels", {"tier": "cheap"}, "update NodeGroup/marlinspike-dev-application"),
        change(
            "nodes.application.disk_gib",
            60,
            "update LaunchTemplate/marlinspike-dev-application",
            "update NodeGroup/marlinspike-dev-application",  # its nodes are replaced, a third at a time
        ),
    ],
    "staging": [
        change("database.backup_days", 14, "update Instance/marlinspike-staging-database-instance"),
        # Another type of instance is another group: the new one first.
        change(
            "nodes.application.instance_types",
            ["m8g.large"],
            *replacement("NodeGroup/marlinspike-staging-application"),
        ),
    ],
    "prod": [
        change("app.autoscaling.max_replicas", 18, "update HorizontalPodAutoscaler/app-autoscaler"),
        change("database.max_connections", 490, "update ParameterGroup/marlinspike-prod-database-parameters"),
        change("cache.snapshot_days", 8, "update ReplicationGroup/marlinspike-prod-cache-group"),
        change("nodes.system.desired", 3),  # the cluster autoscaler's from the beginning on
        change(
            "nodes.application-m8g",
            {"instance_types": ["m8g.xlarge"], "minimum": 3, "desired": 3, "maximum": 10, "serves": "application"},
            "create LaunchTemplate/marlinspike-prod-application-m8g",
            "create NodeGroup/marlinspike-prod-application-m8g",
        ),
        change(
            "cluster.namespace_editors",
            {},
            "delete AccessEntry/marlinspike-prod-111122223333-role-application-developers",
            "delete AccessPolicyAssociation/marlinspike-prod-111122223333-role-application-developers-editor",
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
