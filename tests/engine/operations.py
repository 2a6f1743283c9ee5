"""What the engine does when a setting changes, as in `update Instance/marlinspike-prod-database-instance`.

A replacement shows as `create-replacement`, `replace` and `delete-replaced`, in the order in which the engine does them.
"""

from infra.endpoints import SERVICES

REPLACED = ("create-replacement", "replace", "delete-replaced")


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
        "LoadBalancer/marlinspike-staging-edge-balancer",
        "NetworkPolicy/marlinspike-app",
        "NetworkPolicy/marlinspike-database-migrate",
        "NetworkPolicy/marlinspike-database-bootstrap",
        "NetworkPolicy/marlinspike-database-dump",
        "NetworkPolicy/marlinspike-database-restore",
        "NetworkPolicy/marlinspike-objects-export",
        "NetworkPolicy/monitoring-fence",
    ),
    # EKS changes a group's subnets by no other way. The cluster stays in the zones that it was made with.
    *replacement("NodeGroup/marlinspike-staging-application"),
)

FLOW_LOGS_IN_S3 = (
    *operations(
        "create",
        "Bucket/marlinspike-dev-flow-logs",
        "Bucket/marlinspike-dev-flow-logs-bucket",
        "BucketVersioning/marlinspike-dev-flow-logs-versioning",
        "BucketOwnershipControls/marlinspike-dev-flow-logs-ownership",
        "BucketPublicAccessBlock/marlinspike-dev-flow-logs-public-access",
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
    "update NetworkPolicy/marlinspike-database-restore",
)

STAGING_ALARM = "MetricAlarm/marlinspike-staging-alarms"

CACHE_ALARMS = ("ConnectionsHigh", "CpuHigh", "EvictionsHigh", "MemoryHigh", "ReplicationLagging")

EMAIL_REPLACED = (
    "create TopicSubscription/marlinspike-staging-alarms-other@example.com",
    "delete TopicSubscription/marlinspike-staging-alarms-platform@example.com",
)

RESTORE_TEST_MADE = (
    "create RestoreTestingPlan/marlinspike-staging-backup-restore-test",
    "create RestoreTestingSelection/marlinspike-staging-backup-restore-test",
    f"create {STAGING_ALARM}-RestoreTestFailed",
)


SECOND_WORKLOAD = (
    *operations(
        "create",
        "Workload/echo",
        "ServiceAccount/echo-account",
        "Service/echo-service",
        "Deployment/echo-deployment",
        "NetworkPolicy/marlinspike-echo",
    ),
    "update ResourceQuota/marlinspike-quota",
)

COPIERS = ("database-dump", "database-restore", "objects-export")

DAILY_COPIES = (
    *operations(
        "create",
        "ExportsBucket/marlinspike-dev-exports",
        "Bucket/marlinspike-dev-exports",
        *(
            f"{kind}/marlinspike-dev-exports-{part}"
            for kind, part in (
                ("Bucket", "bucket"),
                ("BucketVersioning", "versioning"),
                ("BucketOwnershipControls", "ownership"),
                ("BucketPublicAccessBlock", "public-access"),
                ("BucketServerSideEncryptionConfiguration", "encryption"),
                ("BucketLifecycleConfiguration", "lifecycle"),
                ("BucketPolicy", "policy"),
            )
        ),
        "Exports/exports",
        "ClusterRole/objects-export-role",
        "ClusterRoleBinding/objects-export-binding",
        *(f"CronJob/{each}" for each in COPIERS),
        *(f"ServiceAccount/{each}-account" for each in COPIERS),
        *(f"NetworkPolicy/marlinspike-{each}" for each in COPIERS),
        *(f"WorkloadIdentity/marlinspike-dev-{each}" for each in COPIERS),
        *(f"Role/marlinspike-dev-{each}-role" for each in COPIERS),
        *(f"RolePolicy/marlinspike-dev-{each}-policy" for each in COPIERS),
        *(f"PodIdentityAssociation/marlinspike-dev-{each}-association" for each in COPIERS),
    ),
)
