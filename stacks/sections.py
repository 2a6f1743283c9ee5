"""Sections of a stack file that concern the composition as a whole, and so have no component in infra/."""

from typing import Annotated

from pydantic import Field

from infra.settings import Section


class AccountSettings(Section):
    """Section `account`: whose AWS account, and where in the world."""

    id: Annotated[str, Field(pattern=r"^[0-9]{12}$")]
    """Twelve digits; any other account is refused by the AWS provider."""

    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]

    bounded_roles: bool = False
    """Whether every role is bounded by the policy that the account's own stack makes; CI's deploy roles can make no others
    (docs/procedures/first-account.md)."""


class ProtectionSettings(Section):
    """Section `protection`: whether data and cluster resist deletion."""

    enabled: bool = False
    """Pulumi's `protect`, AWS's deletion protection, and final snapshots: all of them or none."""


class KubernetesSettings(Section):
    """Section `kubernetes` of a stack without AWS: which cluster."""

    context: str | None = None
    """Of the kubeconfig ($KUBECONFIG or ~/.kube/config); the current one when left out."""
