"""Sections of a stack file that concern the composition as a whole, and so have no component in infra/."""

from infra.settings import AccountId, Region, Section


class AccountSettings(Section):
    """Section `account`: whose AWS account, and where in the world."""

    id: AccountId
    """Twelve digits; any other account is refused by the AWS provider."""

    region: Region

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
