"""External Secrets: secrets of AWS Secrets Manager, where somebody needs them as a Kubernetes Secret."""

from infra import versions
from infra.add_ons.controller import Chart, Controller, Platform
from infra.identity import Permission
from infra.placement import Placement

NAME = "external-secrets"
REPOSITORY = "https://charts.external-secrets.io"


def external_secrets(platform: Platform, placement: Placement) -> Controller:
    """The operator, which reads the secrets of this stack only: those whose name begins with the cluster's and a slash."""
    placed = placement.values()
    region = platform.region
    return Controller(
        Chart(NAME, versions.EXTERNAL_SECRETS, REPOSITORY),
        namespace=NAME,
        values={
            "serviceAccount": {"name": NAME},
            "replicaCount": 2,
            "leaderElect": True,
            "podDisruptionBudget": {"enabled": True, "minAvailable": 1},
            "webhook": {"replicaCount": 2, "podDisruptionBudget": {"enabled": True, "minAvailable": 1}, **placed},
            "certController": dict(placed),
            **placed,
        },
        permissions={
            "SecretsOfThisStack": Permission(
                actions=["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
                resources=[f"arn:aws:secretsmanager:{region}:{platform.account_id}:secret:{platform.cluster}/*"],
            ),
            "TheirKey": Permission(
                actions=["kms:Decrypt"],
                resources=[platform.key_arn],
                conditions={"StringEquals": {"kms:ViaService": f"secretsmanager.{region}.amazonaws.com"}},
            ),
        },
    )
