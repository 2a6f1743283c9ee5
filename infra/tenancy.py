"""What a namespace of workloads has beside them: a quota, limits, roles for people, and a default account without a token."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

from infra.naming import PLATFORM_LABELS
from infra.quota import Demand, QuotaSettings, limit_range_spec, quota_spec
from infra.roles import make_roles
from infra.settings import Section

DEFAULT_ACCOUNT = "default"
"""Kubernetes' own name for the service account of pods that name none."""


class NamespaceSettings(Section):
    """Section `namespace` of a stack file: what the workloads' namespace allows."""

    quota: QuotaSettings = QuotaSettings()


class Tenancy(pulumi.ComponentResource):
    """Quota, limit range, the roles `viewer` and `operator`, and the default service account of a namespace.

    Type token: `marlinspike:tenancy:Tenancy`. It comes before the pods: a quota without a limit range refuses those that ask for
    nothing, and a limit range acts on new pods only. `existing` is a provider that may take over what is there already:
    Kubernetes makes the default service account by itself, a moment after the namespace.
    """

    def __init__(
        self,
        name: str,
        settings: NamespaceSettings,
        namespace: Input[str],
        demands: Sequence[Demand],
        existing: kubernetes.Provider,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:tenancy:Tenancy", name, {}, opts)
        child = ResourceOptions(parent=self)
        kubernetes.core.v1.LimitRange(
            f"{name}-limits",
            metadata={"name": "containers", "namespace": namespace, "labels": PLATFORM_LABELS},
            spec=limit_range_spec(demands),
            opts=child,
        )
        kubernetes.core.v1.ResourceQuota(
            f"{name}-quota",
            metadata={"name": "workloads", "namespace": namespace, "labels": PLATFORM_LABELS},
            spec=quota_spec(settings.quota, demands),
            opts=child,
        )
        kubernetes.core.v1.ServiceAccount(
            f"{name}-default-account",
            metadata={"name": DEFAULT_ACCOUNT, "namespace": namespace},
            automount_service_account_token=False,
            # It goes with its namespace: Kubernetes would make a deleted one again at once, with a token.
            opts=ResourceOptions(parent=self, provider=existing, retain_on_delete=True),
        )
        make_roles(name, namespace, self)
        self.register_outputs({})
