"""A namespace that admits only pods of one Pod Security Standard."""

from typing import Literal

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

from infra import versions
from infra.naming import PLATFORM_LABELS

PodSecurityStandard = Literal["privileged", "restricted"]

READINESS_GATES = "elbv2.k8s.aws/pod-readiness-gate-inject"
"""Label of namespaces whose pods count as ready only when the load balancer finds them healthy too (AWS Load Balancer
Controller, "Pod readiness gate")."""


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
