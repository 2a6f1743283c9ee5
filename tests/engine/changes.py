"""Changed settings, and what each must do to a stack that is up: no more and no fewer operations.

All changes of one stack go into one preview, so that a new line here costs next to nothing. How operations are written:
tests/engine/operations.py.
"""

from dataclasses import dataclass
from typing import Any

from infra.release import colour_of
from tests.engine.operations import (
    CACHE_ALARMS,
    DAILY_COPIES,
    EMAIL_REPLACED,
    FLOW_LOGS_IN_S3,
    FOURTH_ZONE,
    NO_ENDPOINTS,
    RESTORE_TEST_MADE,
    SECOND_WORKLOAD,
    STAGING_ALARM,
    operations,
    replacement,
)


@dataclass(frozen=True)
class Change:
    """One setting of a stack file and the operations to which its change leads."""

    setting: str
    value: Any
    operations: frozenset[str]


def change(setting: str, value: Any, *operations: str) -> Change:
    return Change(setting, value, frozenset(operations))


ECHO = {"image": "111122223333.dkr.ecr.eu-west-3.amazonaws.com/echo:1.0"}

PROD_IMAGE = "111122223333.dkr.ecr.eu-west-3.amazonaws.com/marlinspike/app:0.1.0"

CHANGES: dict[str, list[Change]] = {
    "dev": [
        change("workloads.echo", ECHO, *SECOND_WORKLOAD),
        change(
            "add_ons.external_secrets",
            True,
            "create WorkloadIdentity/marlinspike-dev-external-secrets",
            "create Role/marlinspike-dev-external-secrets-role",
            "create RolePolicy/marlinspike-dev-external-secrets-policy",
            "create PodIdentityAssociation/marlinspike-dev-external-secrets-association",
            "create Namespace/external-secrets",
            "create Namespace/external-secrets-namespace",
            "create Release/external-secrets-release",
        ),
        change("exports.start_hour", 1, *DAILY_COPIES),
        change("app.log_level", "info", "update Deployment/app-deployment"),
        change("app.faults_enabled", True, "update Deployment/app-deployment"),
        change(
            "network.nat_gateways",
            "zone",
            *(f"create {kind}/marlinspike-dev-nat-{zone}" for kind in ("Eip", "NatGateway") for zone in "bc"),
            *(f"update Route/marlinspike-dev-private-{zone}-default" for zone in "bc"),
        ),
        change("network.flow_logs.destination", "s3", *FLOW_LOGS_IN_S3),
        change("nodes.application.labels", {"tier": "cheap"}, "update NodeGroup/marlinspike-dev-application"),
        change(
            "nodes.application.disk_gib",
            60,
            "update LaunchTemplate/marlinspike-dev-application",
            "update NodeGroup/marlinspike-dev-application",  # its nodes are replaced, a third at a time
        ),
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
            "update RolePolicy/marlinspike-dev-app-policy",
            "update Deployment/app-deployment",
        ),
        change(
            # The listener has the new certificate before the old one goes; the load balancer stays what it is.
            "edge.domain",
            "new.example.com",
            *replacement("Certificate/marlinspike-dev-edge-certificate"),
            *replacement("Record/marlinspike-dev-edge-proof"),
            *replacement("CertificateValidation/marlinspike-dev-edge-validation"),
            *replacement("Record/marlinspike-dev-edge-record"),
            "update Listener/marlinspike-dev-edge-https",
            "update ListenerRule/marlinspike-dev-edge-domain",
        ),
    ],
    "staging": [
        # A place, what fetches its value, and the file in the pods.
        change(
            "secrets.payment-api",
            {"description": "Token of the payment provider"},
            "create Secret/marlinspike-staging-payment-api",
        ),
        change(
            "app.secrets",
            ["payment-api"],
            "create ExternalSecrets/secrets",
            "create SecretStore/secrets-store",
            "create ExternalSecret/secrets-payment-api",
            "update Deployment/app-deployment",
        ),
        change(
            "cluster.operators",
            ["arn:aws:iam::111122223333:role/on-call"],
            "create AccessEntry/marlinspike-staging-111122223333-role-on-call",
        ),
        change("namespace.quota", {"pods": 40}, "update ResourceQuota/marlinspike-quota"),
        change("monitoring.storage_gib", 40, "update Release/monitoring-release"),
        change("logs.retention_days", 60, "update LogGroup/marlinspike-staging-workload-logs-group"),
        change("tracing.sample_ratio", 1.0, "update Deployment/app-deployment"),
        change("monitoring.objectives", {"availability_percent": 99.5}, "update PrometheusRule/app-rules"),
        change(
            "monitoring.remote_write",
            {"workspace_arn": "arn:aws:aps:eu-west-3:111122223333:workspace/ws-0a1b2c3d-1111-2222-3333-444455556666"},
            "create WorkloadIdentity/marlinspike-staging-prometheus",
            *(
                f"create {kind}/marlinspike-staging-prometheus-{part}"
                for kind, part in (
                    ("Role", "role"),
                    ("RolePolicy", "policy"),
                    ("PodIdentityAssociation", "association"),
                )
            ),
            "update Release/monitoring-release",
        ),
        change(
            "secrets.alerts-discord",
            {"description": "URL of the webhook of Discord's channel"},
            "create Secret/marlinspike-staging-alerts-discord",
        ),
        change(
            "monitoring.notifications.discord",
            {"webhook_secret": "alerts-discord"},
            "create ExternalSecret/monitoring-secrets-alerts-discord",
            "update Release/monitoring-release",
        ),
        change("database.backup_days", 14, "update Instance/marlinspike-staging-database-instance"),
        change("network.zones", ["a", "b", "c", "d"], *FOURTH_ZONE),
        # Another type of instance is another group: the new one first.
        change(
            "nodes.application.instance_types",
            ["m8g.large"],
            *replacement("NodeGroup/marlinspike-staging-application"),
        ),
        change(
            "database.instance_class",
            "db.t4g.large",
            "update Instance/marlinspike-staging-database-instance",
            *(f"update {STAGING_ALARM}-Database{what}Low" for what in ("CpuCredits", "Memory")),
        ),
        change("database.multi_az", False, "update Instance/marlinspike-staging-database-instance"),
        change(
            "database.parameters", {"work_mem": "8192"}, "update ParameterGroup/marlinspike-staging-database-parameters"
        ),
        change("cache.node_type", "cache.t4g.medium", "update ReplicationGroup/marlinspike-staging-cache-group"),
        change(
            "cache.nodes",
            3,
            "update ReplicationGroup/marlinspike-staging-cache-group",
            *(f"create {STAGING_ALARM}-Cache{what}-003" for what in CACHE_ALARMS),
        ),
        change("edge.firewall.mode", "block", "update WebAcl/marlinspike-staging-edge-firewall"),
        change("app.shutdown.deregistration_delay_seconds", 25, "update TargetGroup/marlinspike-staging-edge-targets"),
        change("alarms.cache.evictions", 500, *(f"update {STAGING_ALARM}-CacheEvictionsHigh-00{n}" for n in (1, 2))),
        change("alarms.emails", ["other@example.com"], *EMAIL_REPLACED),
        change("backup.restore_test", True, *RESTORE_TEST_MADE),
        change("exports.start_hour", 1, "update CronJob/database-dump", "update CronJob/objects-export"),
        change("exports.missing_hours", 50, "update PrometheusRule/app-rules"),
    ],
    "prod": [
        change(
            "workloads.echo",
            ECHO,
            *SECOND_WORKLOAD,
            *operations("create", "WorkloadMonitoring/echo", "PrometheusRule/echo-rules"),
        ),
        change(
            "add_ons.cluster_autoscaler",
            False,
            "delete WorkloadIdentity/marlinspike-prod-cluster-autoscaler",
            "delete Role/marlinspike-prod-cluster-autoscaler-role",
            "delete RolePolicy/marlinspike-prod-cluster-autoscaler-policy",
            "delete PodIdentityAssociation/marlinspike-prod-cluster-autoscaler-association",
            "delete Release/cluster-autoscaler-release",
        ),
        change(
            "app.autoscaling.max_replicas",
            18,
            f"update HorizontalPodAutoscaler/app-{colour_of(PROD_IMAGE)}-autoscaler",
            "update ResourceQuota/marlinspike-quota",
        ),
        change("database.max_connections", 490, "update ParameterGroup/marlinspike-prod-database-parameters"),
        change("database.insights", "advanced", "update Instance/marlinspike-prod-database-instance"),
        change("cache.snapshot_days", 8, "update ReplicationGroup/marlinspike-prod-cache-group"),
        change("network.interface_endpoints", False, *NO_ENDPOINTS),
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
        change("edge.idle_timeout_seconds", 50, "update LoadBalancer/marlinspike-prod-edge-balancer"),
        change(
            "edge.access_log_retention_days",
            180,
            "update BucketLifecycleConfiguration/marlinspike-prod-edge-logs-lifecycle",
            "update LogGroup/aws-waf-logs-marlinspike-prod-edge",
        ),
        change(
            "database.max_connections",
            490,
            "update ParameterGroup/marlinspike-prod-database-parameters",
            "update MetricAlarm/marlinspike-prod-alarms-DatabaseConnectionsHigh",
        ),
        change("budget.monthly_usd", 2500, "update Budget/marlinspike-prod-budget-monthly"),
        change("backup.daily_days", 30, "update Plan/marlinspike-prod-backup-plan"),
        change(
            "backup.lock",
            {"maximum_days": 400},
            *replacement("VaultLockConfiguration/marlinspike-prod-backup-vault"),
            *replacement("VaultLockConfiguration/marlinspike-prod-backup-copy"),
        ),
        change("exports.keep_days", 60, "update BucketLifecycleConfiguration/marlinspike-prod-exports-lifecycle"),
        change(
            "storage.noncurrent_days",
            60,
            "update BucketLifecycleConfiguration/marlinspike-prod-files-lifecycle",
            "update BucketLifecycleConfiguration/marlinspike-prod-files-copy-lifecycle",
        ),
    ],
    "local": [
        change("app.replicas", 2, "update Deployment/app-deployment", "update ResourceQuota/marlinspike-quota"),
        change(
            # The Service turns; with a load balancer of the program's the listener's rule (tests/ops/test_maintenance.py).
            "app.maintenance",
            {"retry_after_seconds": 900},
            *operations(
                "create",
                "Workload/app-maintenance",
                "ServiceAccount/app-maintenance-account",
                "Service/app-maintenance-service",
                "Deployment/app-maintenance-deployment",
                "NetworkPolicy/marlinspike-app-maintenance",
            ),
            "update Service/app-service",
            "update ResourceQuota/marlinspike-quota",
        ),
    ],
}

REFUSED: dict[str, list[tuple[str, Any, str]]] = {
    "prod": [
        ("database.database", "other", "Instance/marlinspike-prod-database-instance"),
        ("cache", {"kind": "serverless"}, "ReplicationGroup/marlinspike-prod-cache-group"),
        # `ops cache restore` takes the protection of this one group away.
        ("cache.restore_from", "prod-cache-2026", "ReplicationGroup/marlinspike-prod-cache-group"),
    ],
}
