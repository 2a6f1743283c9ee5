"""Who pods are, to Kubernetes and by Pod Identity to AWS."""

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

from infra.naming import object_metadata


def service_account(
    name: str, namespace: Input[str], parent: pulumi.Resource, logical_name: str | None = None
) -> kubernetes.core.v1.ServiceAccount:
    """Makes a service account. Its pods get no token for the Kubernetes API unless they ask for it themselves."""
    return kubernetes.core.v1.ServiceAccount(
        f"{logical_name or name}-account",
        metadata=object_metadata(name, namespace),
        automount_service_account_token=False,
        opts=ResourceOptions(parent=parent),
    )
