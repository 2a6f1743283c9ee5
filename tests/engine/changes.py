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
        change(
            # The listener has the new certificate before the old one goes; the load balancer stays what it is.
            "edge.domain",
            "new.example.com",
            *replacement("Certificate/edge-certificate"),
            *replacement("Record/edge-proof"),
            *replacement("CertificateValidation/edge-validation"),
            *replacement("Record/edge-record"),
            "update Listener/edge-https",
            "update ListenerRule/edge-domain",
        ),
    ],
    "staging": [
        change("database.backup_days", 14, "update Instance/marlinspike-staging-database-instance"),
        change("edge.firewall.mode", "block", "update WebAcl/edge-firewall"),
        change("app.shutdown.deregistration_delay_seconds", 25, "update TargetGroup/edge-targets"),
    ],
    "prod": [
        change("app.autoscaling.max_replicas", 18, "update HorizontalPodAutoscaler/app-autoscaler"),
        change("database.max_connections", 490, "update ParameterGroup/marlinspike-prod-database-parameters"),
        change("cache.snapshot_days", 8, "update ReplicationGroup/marlinspike-prod-cache-group"),
        change("edge.idle_timeout_seconds", 50, "update LoadBalancer/edge-balancer"),
        change(
            "edge.access_log_retention_days",
            180,
            "update BucketLifecycleConfiguration/edge-logs-lifecycle",
            "update LogGroup/aws-waf-logs-edge",
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
