"""A namespace: which pods it admits, and what a namespace of workloads has beside them, a quota, limits, roles for people."""

from collections.abc import Sequence
from typing import Literal

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions

from infra import versions
from infra.naming import PLATFORM_LABELS
from infra.quota import Demand, QuotaSettings, limit_range_spec, quota_spec
from infra.roles import make_roles
from infra.settings import Section

PodSecurityStandard = Literal["privileged", "restricted"]

READINESS_GATES = "elbv2.k8s.aws/pod-readiness-gate-inject"
"""Label of namespaces whose pods count as ready only when the load balancer finds them healthy too (AWS Load Balancer
Controller, "Pod readiness gate")."""

DEFAULT_ACCOUNT = "default"
"""Kubernetes' own name for the service account of pods that name none."""


class NamespaceSettings(Section):
    """Section `namespace` of a stack file: what the workloads' namespace allows."""

    quota: QuotaSettings = QuotaSettings()


class Namespace(pulumi.ComponentResource):
    """A Kubernetes namespace with Pod Security Admission at a pinned version.

    Type token: `marlinspike:namespace:Namespace`. `restricted` is enforced, warned about and audited; `privileged` is for
    agents that must see the host (node exporter, log shippers). `readiness_gates` needs the load balancer controller.
    """

    name: Output[str]

    def __init__(
        self,
        name: str,
        standard: PodSecurityStandard = "restricted",
        readiness_gates: bool = False,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:namespace:Namespace", name, {}, opts)
        labels = dict(PLATFORM_LABELS)
        for mode in ("enforce", "warn", "audit"):
            labels[f"pod-security.kubernetes.io/{mode}"] = standard
            labels[f"pod-security.kubernetes.io/{mode}-version"] = f"v{versions.KUBERNETES}"
        if readiness_gates:
            labels[READINESS_GATES] = "enabled"
        namespace = kubernetes.core.v1.Namespace(
            f"{name}-namespace",
            metadata={"name": name, "labels": labels},
            opts=ResourceOptions(parent=self),
        )
        self.name = namespace.metadata.name.apply(str)
        self.register_outputs({"name": self.name})


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
