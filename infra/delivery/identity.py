"""What a deploy role may do to roles, what it never may, and the bound of every role that it makes."""

from infra.delivery.scope import GITHUB, POLICY_PATH, Scope, boundary_arn, deploy_role, preview_role
from infra.identity import Permission
from infra.naming import PROJECT

PASSED_TO = (
    "backup.amazonaws.com",
    "ec2.amazonaws.com",
    "eks.amazonaws.com",
    "monitoring.rds.amazonaws.com",
    "pods.eks.amazonaws.com",
    "s3.amazonaws.com",
    "vpc-flow-logs.amazonaws.com",
)
"""Services that are handed one of the environment's roles."""

SERVICE_LINKED = (
    "autoscaling.amazonaws.com",
    "backup.amazonaws.com",
    "eks.amazonaws.com",
    "eks-nodegroup.amazonaws.com",
    "elasticache.amazonaws.com",
    "elasticloadbalancing.amazonaws.com",
    "rds.amazonaws.com",
    "reports.backup.amazonaws.com",
    "restore-testing.backup.amazonaws.com",
    "spot.amazonaws.com",
    "wafv2.amazonaws.com",
)
"""Services that make a role of their own when an account first uses them."""

WORKLOADS = (
    "acm",
    "autoscaling",
    "backup",
    "backup-storage",
    "cloudwatch",
    "ebs",
    "ec2",
    "ecr",
    "eks",
    "eks-auth",
    "elasticache",
    "elasticloadbalancing",
    "es",
    "events",
    "kms",
    "logs",
    "rds",
    "rds-db",
    "route53",
    "s3",
    "secretsmanager",
    "shield",
    "sns",
    "sqs",
    "ssm",
    "ssmmessages",
    "tag",
    "wafv2",
    "xray",
)
"""Services that the platform's own roles (cluster, nodes, controllers, backups, the application) have to do with."""


def roles(scope: Scope) -> dict[str, Permission]:
    """Roles of the environment's name, under the bound, handed to named services only."""
    role = scope.arns("iam", "role/{name}-*", region="")
    policy = scope.arns("iam", "policy/{name}-*", region="")
    bounded = {"StringEquals": {"iam:PermissionsBoundary": boundary_arn(scope.account_id)}}
    return {
        "BoundedRoles": Permission(
            [
                "iam:AttachRolePolicy",
                "iam:CreateRole",
                "iam:DeleteRolePolicy",
                "iam:DetachRolePolicy",
                "iam:PutRolePermissionsBoundary",
                "iam:PutRolePolicy",
            ],
            role,
            bounded,
        ),
        "Roles": Permission(
            [
                "iam:DeleteRole",
                "iam:TagRole",
                "iam:UntagRole",
                "iam:UpdateAssumeRolePolicy",
                "iam:UpdateRole",
                "iam:UpdateRoleDescription",
            ],
            role,
        ),
        "Policies": Permission(
            [
                "iam:CreatePolicy",
                "iam:CreatePolicyVersion",
                "iam:DeletePolicy",
                "iam:DeletePolicyVersion",
                "iam:TagPolicy",
                "iam:UntagPolicy",
            ],
            policy,
        ),
        "PassRoles": Permission(["iam:PassRole"], role, {"StringEquals": {"iam:PassedToService": list(PASSED_TO)}}),
        "ServiceLinkedRoles": Permission(
            ["iam:CreateServiceLinkedRole"],
            scope.arns("iam", "role/aws-service-role/*", region=""),
            {"StringEquals": {"iam:AWSServiceName": list(SERVICE_LINKED)}},
        ),
    }


def guard(scope: Scope) -> dict[str, Permission]:
    """No way to more rights: delivery's own roles, policies and issuer are out of reach, and a bound stays."""
    delivery = [
        *scope.arns("iam", f"role/{deploy_role('*')}", f"role/{preview_role('*')}", region=""),
        *scope.arns("iam", f"role/{PROJECT}-push", f"policy{POLICY_PATH}*", f"oidc-provider/{GITHUB}", region=""),
    ]
    changes = ("Add*", "Attach*", "Create*", "Delete*", "Detach*", "PassRole", "Put*", "Remove*", "Set*", "Tag*", "Un*")
    return {
        "DeliveryIsOutOfReach": Permission(
            [f"iam:{change}" for change in (*changes, "Update*")], delivery, effect="Deny"
        ),
        "BoundsStay": Permission(
            ["iam:DeleteRolePermissionsBoundary"], scope.arns("iam", "role/*", region=""), effect="Deny"
        ),
    }


def boundary(account_id: str) -> dict[str, Permission]:
    """The most that any role of any environment may do; by itself it grants nothing.

    Whole services, since a bound that knows each workload would change with each; what it is for is what it leaves out:
    IAM, Organizations, Billing, other roles. Roles are passed and service-linked ones made as AWS Backup and the load
    balancer controller need it.
    """
    scope = Scope(account_id, "*")
    return {
        "Workloads": Permission([f"{service}:*" for service in WORKLOADS], ["*"]),
        "LookAtRoles": Permission(["iam:Get*", "iam:List*"], ["*"]),
        "PassRoles": Permission(
            ["iam:PassRole"],
            scope.arns("iam", f"role/{PROJECT}-*", region=""),
            {"StringEquals": {"iam:PassedToService": list(PASSED_TO)}},
        ),
        "ServiceLinkedRoles": Permission(
            ["iam:CreateServiceLinkedRole"],
            scope.arns("iam", "role/aws-service-role/*", region=""),
            {"StringEquals": {"iam:AWSServiceName": list(SERVICE_LINKED)}},
        ),
    }
