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
        change("database.storage_gib", 40, "update Instance/marlinspike-dev-database-instance"),
        change(
            "database.monitoring_seconds",
            60,
            "update Instance/marlinspike-dev-database-instance",
            "create Role/marlinspike-dev-database-monitoring",
            "create RolePolicyAttachment/marlinspike-dev-database-monitoring",
        ),
        change("database.extensions", ["pg_trgm"], *replacement("Job/database-bootstrap")),
        change(
            "cache.kind",
            "serverless",
            "create ServerlessCache/marlinspike-dev-cache-serverless",
            "delete ReplicationGroup/marlinspike-dev-cache-group",
            "delete ParameterGroup/marlinspike-dev-cache-parameters",
            "delete SubnetGroup/marlinspike-dev-cache-subnets",
            "delete LogGroup/marlinspike-dev-cache-slow-log",
            "delete LogGroup/marlinspike-dev-cache-engine-log",
            "update RolePolicy/app-policy",
            "update Deployment/app-deployment",
        ),
    ],
    "staging": [
        change("database.backup_days", 14, "update Instance/marlinspike-staging-database-instance"),
        change("database.instance_class", "db.t4g.large", "update Instance/marlinspike-staging-database-instance"),
        change("database.multi_az", False, "update Instance/marlinspike-staging-database-instance"),
        change(
            "database.parameters", {"work_mem": "8192"}, "update ParameterGroup/marlinspike-staging-database-parameters"
        ),
        change("cache.node_type", "cache.t4g.medium", "update ReplicationGroup/marlinspike-staging-cache-group"),
        change("cache.nodes", 3, "update ReplicationGroup/marlinspike-staging-cache-group"),
    ],
    "prod": [
        change("app.autoscaling.max_replicas", 18, "update HorizontalPodAutoscaler/app-autoscaler"),
        change("database.max_connections", 490, "update ParameterGroup/marlinspike-prod-database-parameters"),
        change("database.insights", "advanced", "update Instance/marlinspike-prod-database-instance"),
        change("cache.snapshot_days", 8, "update ReplicationGroup/marlinspike-prod-cache-group"),
    ],
    "local": [
        change("app.replicas", 2, "update Deployment/app-deployment"),
    ],
}

REFUSED: dict[str, list[tuple[str, Any, str]]] = {
    # What may never be replaced where protection is on: setting, value, the protected resource.
    "prod": [
        ("database.database", "other", "Instance/marlinspike-prod-database-instance"),
        ("cache", {"kind": "serverless"}, "ReplicationGroup/marlinspike-prod-cache-group"),
    ],
}
