"""Changed settings, and what each must do to a stack that is up: no more and no fewer operations.

All changes of one stack go into one preview, so that a new line here costs next to nothing. An operation is written as
`update Instance/marlinspike-prod-database-instance`; a replacement shows as `create-replacement`, `replace` and
`delete-replaced`, in the order in which the engine does them.
"""

from dataclasses import dataclass
from typing import Any

from infra.endpoints import SERVICES

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


def operations(operation: str, *resources: str) -> tuple[str, ...]:
    return tuple(f"{operation} {resource}" for resource in resources)


FOURTH_ZONE = (
    *(
        f"create {kind}/marlinspike-staging-{subnet}-d"
        for kind in ("Subnet", "RouteTableAssociation")
        for subnet in ("public", "private", "data", "control-plane")
    ),
    *operations(
        "create",
        "RouteTable/marlinspike-staging-private-d",
        "Route/marlinspike-staging-private-d-default",
        "SubnetCidrReservation/marlinspike-staging-prefixes-d",
    ),
    *operations(
        "update",
        "VpcEndpoint/marlinspike-staging-s3",
        "SubnetGroup/marlinspike-staging-database-subnets",
        "SubnetGroup/marlinspike-staging-cache-subnets",
        "NetworkPolicy/marlinspike-app",
        "NetworkPolicy/marlinspike-database-migrate",
        "NetworkPolicy/marlinspike-database-bootstrap",
    ),
    # EKS changes a group's subnets by no other way. The cluster stays in the zones that it was made with.
    *replacement("NodeGroup/marlinspike-staging-application"),
)

FLOW_LOGS_IN_S3 = (
    *operations(
        "create",
        "Bucket/marlinspike-dev-flow-logs-bucket",
        "BucketOwnershipControls/marlinspike-dev-flow-logs-ownership",
        "BucketPublicAccessBlock/marlinspike-dev-flow-logs-private",
        "BucketServerSideEncryptionConfiguration/marlinspike-dev-flow-logs-encryption",
        "BucketLifecycleConfiguration/marlinspike-dev-flow-logs-lifecycle",
        "BucketPolicy/marlinspike-dev-flow-logs-policy",
        "FlowLog/marlinspike-dev-flow-logs-to-s3",
    ),
    *operations(
        "delete",
        "FlowLog/marlinspike-dev-flow-logs-to-cloudwatch",
        "RolePolicy/marlinspike-dev-flow-logs-policy",
        "Role/marlinspike-dev-flow-logs-role",
        "LogGroup/marlinspike-dev-flow-logs-group",
    ),
)

NO_ENDPOINTS = (
    *(f"delete VpcEndpoint/marlinspike-prod-endpoints-{service.replace('.', '-')}" for service in SERVICES),
    *operations(
        "delete",
        "InterfaceEndpoints/marlinspike-prod-endpoints",
        "SecurityGroup/marlinspike-prod-endpoints-group",
        "SecurityGroupIngressRule/marlinspike-prod-endpoints-from-vpc",
    ),
    "update NetworkPolicy/marlinspike-database-bootstrap",
)

CHANGES: dict[str, list[Change]] = {
    "dev": [
        change("app.log_level", "info", "update Deployment/app-deployment"),
        change(
            "network.nat_gateways",
            "zone",
            *(f"create {kind}/marlinspike-dev-nat-{zone}" for kind in ("Eip", "NatGateway") for zone in "bc"),
            *(f"update Route/marlinspike-dev-private-{zone}-default" for zone in "bc"),
        ),
        change("network.flow_logs.destination", "s3", *FLOW_LOGS_IN_S3),
    ],
    "staging": [
        change("database.backup_days", 14, "update Instance/marlinspike-staging-database-instance"),
        change("network.zones", ["a", "b", "c", "d"], *FOURTH_ZONE),
    ],
    "prod": [
        change("app.autoscaling.max_replicas", 18, "update HorizontalPodAutoscaler/app-autoscaler"),
        change("database.max_connections", 490, "update ParameterGroup/marlinspike-prod-database-parameters"),
        change("cache.snapshot_days", 8, "update ReplicationGroup/marlinspike-prod-cache-group"),
        change("network.interface_endpoints", False, *NO_ENDPOINTS),
    ],
    "local": [
        change("app.replicas", 2, "update Deployment/app-deployment"),
    ],
}

REFUSED: dict[str, list[tuple[str, Any, str]]] = {
    # What may never be replaced where protection is on: setting, value, the protected resource.
    "prod": [("database.database", "other", "Instance/marlinspike-prod-database-instance")],
}
