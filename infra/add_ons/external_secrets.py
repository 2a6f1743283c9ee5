"""External Secrets: secrets of AWS Secrets Manager, where somebody needs them as a Kubernetes Secret."""

from infra import versions
from infra.add_ons.controller import Controller, Platform
from infra.charts import Chart
from infra.placement import Placement

NAME = "external-secrets"
REPOSITORY = "https://charts.external-secrets.io"


def external_secrets(platform: Platform, placement: Placement) -> Controller:
    """The operator, which reads the secrets of this stack only; where they are in Vault, it has no role on AWS."""
    placed = placement.values()
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
        permissions=platform.secrets,
    )
