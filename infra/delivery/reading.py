"""What both roles read: how things are set, never what they hold; and the state of Pulumi."""

from infra.delivery.scope import Scope
from infra.identity import Permission
from infra.naming import PROJECT

METADATA = (
    "acm:DescribeCertificate",
    "acm:ListTagsForCertificate",
    "autoscaling:Describe*",
    "backup:Describe*",
    "backup:GetBackup*",
    "backup:GetRestoreTesting*",
    "backup:List*",
    "budgets:ListTagsForResource",
    "budgets:ViewBudget",
    "cloudfront:Get*",
    "cloudfront:List*",
    "cloudwatch:Describe*",
    "cloudwatch:GetDashboard",
    "cloudwatch:ListTagsForResource",
    "ec2:Describe*",
    "ec2:GetManagedPrefixListEntries",
    "ec2:GetSubnetCidrReservations",
    "ecr:Describe*",
    "ecr:GetLifecyclePolicy",
    "ecr:GetRepositoryPolicy",
    "ecr:List*",
    "eks:Describe*",
    "eks:List*",
    "elasticache:Describe*",
    "elasticache:ListTagsForResource",
    "elasticloadbalancing:Describe*",
    "events:Describe*",
    "events:List*",
    "iam:GetOpenIDConnectProvider",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListInstanceProfilesForRole",
    "iam:ListPolicyVersions",
    "iam:ListRolePolicies",
    "kms:Describe*",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListAliases",
    "kms:ListResourceTags",
    "logs:Describe*",
    "logs:ListTagsForResource",
    "rds:Describe*",
    "rds:ListTagsForResource",
    "route53:Get*",
    "route53:List*",
    "s3:GetAccelerateConfiguration",
    "s3:GetBucket*",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:ListTagsForResource",
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetResourcePolicy",
    "sns:GetSubscriptionAttributes",
    "sns:GetTopicAttributes",
    "sns:ListTagsForResource",
    "ssm:DescribeParameters",
    "ssm:ListTagsForResource",
    "wafv2:GetIPSet",
    "wafv2:GetLoggingConfiguration",
    "wafv2:GetWebACL",
    "wafv2:GetWebACLForResource",
    "wafv2:List*",
)
"""How the services' resources are configured. AWS's own ReadOnlyAccess also reads objects, logs, messages and parameters."""


def reading(scope: Scope) -> dict[str, Permission]:
    """The configuration of everything in the account: describing knows no names in most services, and changes nothing."""
    return {
        "Metadata": Permission(METADATA, ["*"]),
        "BucketsExist": Permission(["s3:ListBucket"], [f"arn:aws:s3:::{scope.name}-*"]),
        "OwnParameters": Permission(
            ["ssm:GetParameter", "ssm:GetParameters"],
            scope.arns("ssm", "parameter/{name}-*", f"parameter/{PROJECT}/{scope.environment}/*"),
        ),
    }


def blind(state_bucket: str | None) -> dict[str, Permission]:
    """Whatever else is granted one day: no secret's value, no object but Pulumi's state."""
    objects = (
        Permission(["s3:GetObject*"], [f"arn:aws:s3:::{state_bucket}/*"], effect="Deny", all_but=True)
        if state_bucket
        else Permission(["s3:GetObject*"], ["arn:aws:s3:::*/*"], effect="Deny")
    )
    return {"NoSecrets": Permission(["secretsmanager:GetSecretValue"], ["*"], effect="Deny"), "NoObjects": objects}


def state(scope: Scope, bucket: str | None, key_arn: str | None, *, write: bool) -> dict[str, Permission]:
    """The environment's part of Pulumi's state in a bucket (Pulumi, "Managing state & backend options": AWS S3).

    Its own stack with history, backups and locks, and what all stacks share to read; the key encrypts the bucket or the
    stack's secrets.
    """
    permissions: dict[str, Permission] = {}
    if bucket:
        root = f"arn:aws:s3:::{bucket}/.pulumi"
        stack = f"{PROJECT}/{scope.environment}"
        own = [
            f"{root}/stacks/{stack}.*",
            f"{root}/history/{stack}/*",
            f"{root}/backups/{stack}/*",
            f"{root}/locks/organization/{stack}/*",
        ]
        permissions["StateList"] = Permission(["s3:ListBucket", "s3:GetBucketLocation"], [f"arn:aws:s3:::{bucket}"])
        permissions["StateRead"] = Permission(["s3:GetObject"], [*own, f"{root}/meta.yaml"])
        if write:
            permissions["StateWrite"] = Permission(["s3:DeleteObject", "s3:PutObject"], own)
    if key_arn:
        use = ["kms:Decrypt", *(["kms:Encrypt", "kms:GenerateDataKey"] if write else [])]
        permissions["StateKey"] = Permission(use, [key_arn])
    return permissions
