"""What a deploy role may do to the cluster and its logs."""

from infra.delivery.network import launching
from infra.delivery.scope import Scope
from infra.identity import Permission

EKS = (
    "AssociateAccessPolicy",
    "AssociateEncryptionConfig",
    "CreateAccessEntry",
    "CreateAddon",
    "CreateCluster",
    "CreateNodegroup",
    "CreatePodIdentityAssociation",
    "DeleteAccessEntry",
    "DeleteAddon",
    "DeleteCluster",
    "DeleteNodegroup",
    "DeletePodIdentityAssociation",
    "DisassociateAccessPolicy",
    "TagResource",
    "UntagResource",
    "UpdateAccessEntry",
    "UpdateAddon",
    "UpdateClusterConfig",
    "UpdateClusterVersion",
    "UpdateNodegroupConfig",
    "UpdateNodegroupVersion",
    "UpdatePodIdentityAssociation",
)

LOGS = (
    "AssociateKmsKey",
    "CreateLogGroup",
    "DeleteLogGroup",
    "DeleteMetricFilter",
    "DeleteRetentionPolicy",
    "DisassociateKmsKey",
    "PutMetricFilter",
    "PutRetentionPolicy",
    "TagResource",
    "UntagResource",
)

LOG_GROUPS = (
    "{name}-*",
    "/aws/eks/{name}/*",
    "/aws/rds/instance/{name}-*",
    "/aws/elasticache/{name}-*",
    "aws-waf-logs-{name}-*",  # WAF writes to groups of this name only
)


def cluster(scope: Scope) -> dict[str, Permission]:
    """The EKS cluster of the environment's name with all that hangs on it, and log groups."""
    kinds = ("nodegroup", "addon", "access-entry", "podidentityassociation")
    return {
        "Cluster": Permission(
            actions=[f"eks:{action}" for action in EKS],
            resources=scope.arns("eks", "cluster/{name}", *(f"{kind}/{{name}}/*" for kind in kinds)),
        ),
        **launching(scope),
        "Logs": Permission(
            actions=[f"logs:{action}" for action in LOGS],
            resources=scope.arns("logs", *(f"log-group:{group}" for group in LOG_GROUPS)),
        ),
        # Flow logs to S3 and WAF's logs are deliveries, which have no resource level; nor has who may deliver.
        "LogDeliveries": Permission(
            actions=[
                "logs:CreateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:DeleteResourcePolicy",
                "logs:PutResourcePolicy",
                "logs:UpdateLogDelivery",
            ],
            resources=["*"],
        ),
    }
