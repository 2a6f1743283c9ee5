"""A controller that comes as a chart: what it is told, where it runs and what it may do on AWS."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

from infra.charts import Chart, install
from infra.identity import Permission, WorkloadIdentity
from infra.namespace import Namespace
from infra.naming import SYSTEM_NAMESPACE

PRIORITY = "system-cluster-critical"
"""Kubernetes' own class, above every workload: what scales the cluster must find room in a full one."""


@dataclass(frozen=True)
class Platform:
    """What controllers must know of what is around them."""

    cluster: str
    """Name of the EKS cluster."""
    account_id: str
    region: str
    vpc_id: Input[str]
    key_arn: Input[str]
    tags: Mapping[str, str]
    """On every AWS resource of the stack, and so on what controllers may touch."""
    secrets: Mapping[str, Permission] = field(default_factory=dict)
    """What it takes to read the stack's secrets; none where AWS does not have them."""


@dataclass(frozen=True)
class Controller:
    """One controller. Its release and service account have its chart's name."""

    chart: Chart
    values: Mapping[str, Any]
    namespace: str = SYSTEM_NAMESPACE
    """Any but kube-system is made, with the standard `restricted`."""
    permissions: Mapping[str, Permission] = field(default_factory=dict)
    """None gives it no role on AWS."""
    admits_pods: bool = False
    """Its webhook takes part in the creation of pods: other controllers come after it, and go before it."""

    @property
    def name(self) -> str:
        """Of release and service account."""
        return self.chart.name

    @property
    def short_name(self) -> str:
        """Of its role: AWS takes 64 characters for that, the stack's name among them."""
        return self.name.removeprefix("aws-").removesuffix("-controller")


class Controllers(pulumi.ComponentResource):
    """The releases of the controllers.

    Type token: `marlinspike:add_ons:Controllers`. Makes a namespace for each that has one of its own, and a Helm release each,
    rolled back when it does not come up. Custom resources depend on the release that brings their kind.
    """

    releases: dict[str, kubernetes.helm.v3.Release]
    """By controller."""
    admitting: list[kubernetes.helm.v3.Release]
    """Those whose webhooks take part in the creation of pods: other charts come after them."""

    def __init__(
        self,
        name: str,
        controllers: Sequence[Controller],
        identities: Mapping[str, WorkloadIdentity],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:add_ons:Controllers", name, {}, opts)
        child = ResourceOptions(parent=self)
        self.releases = {}
        self.admitting = []
        for controller in sorted(controllers, key=lambda each: not each.admits_pods):
            namespace: Input[str] = controller.namespace
            if controller.namespace != SYSTEM_NAMESPACE:
                namespace = Namespace(controller.namespace, opts=child).name
            # All of its identity: without its rights a controller comes up, and fails at everything.
            own = [identities[controller.name]] if controller.name in identities else []
            self.releases[controller.name] = install(
                f"{controller.name}-release",
                controller.chart,
                namespace,
                controller.values,
                ResourceOptions(parent=self, depends_on=[*own, *self.admitting]),
            )
            if controller.admits_pods:
                self.admitting.append(self.releases[controller.name])
        self.register_outputs({})
