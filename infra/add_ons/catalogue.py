"""Which controllers a stack has, and who they are on AWS."""

from collections.abc import Iterator, Sequence

import pulumi
from pulumi import Input, ResourceOptions

from infra.add_ons import AddOnsSettings, ebs_csi
from infra.add_ons.cert_manager import cert_manager
from infra.add_ons.cluster_autoscaler import cluster_autoscaler
from infra.add_ons.controller import Controller, Platform
from infra.add_ons.external_dns import external_dns
from infra.add_ons.external_secrets import external_secrets
from infra.add_ons.keda import keda
from infra.add_ons.load_balancer_controller import load_balancer_controller
from infra.identity import WorkloadIdentity
from infra.placement import Placement


def controllers(settings: AddOnsSettings, platform: Platform, placement: Placement) -> Iterator[Controller]:
    """Those that the settings ask for."""
    if settings.load_balancer_controller:
        yield load_balancer_controller(platform, placement)
    if settings.cluster_autoscaler:
        yield cluster_autoscaler(platform, placement)
    if settings.external_secrets:
        yield external_secrets(platform, placement)
    if settings.cert_manager is not None:
        yield cert_manager(settings.cert_manager, placement)
    if settings.external_dns is not None:
        yield external_dns(settings.external_dns, platform, placement)
    if settings.keda:
        yield keda(placement)


class Identities(pulumi.ComponentResource):
    """The roles of the controllers that have rights on AWS, and of the EBS driver.

    Type token: `marlinspike:add_ons:Identities`. Nodes come after the associations: a pod admitted before never gets credentials.
    """

    by_name: dict[str, WorkloadIdentity]
    """By controller, and by add-on."""

    def __init__(
        self,
        name: str,
        cluster_name: Input[str],
        chosen: Sequence[Controller],
        platform: Platform,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:add_ons:Identities", name, {}, opts)
        child = ResourceOptions(parent=self)
        self.by_name = {
            controller.name: WorkloadIdentity(
                f"{name}-{controller.short_name}",
                cluster_name,
                controller.namespace,
                controller.name,
                controller.permissions,
                opts=child,
            )
            for controller in chosen
            if controller.permissions
        }
        self.by_name[ebs_csi.NAME] = ebs_csi.identity(name, platform, cluster_name, opts=child)
        self.register_outputs({})

    @property
    def associations(self) -> list[pulumi.Resource]:
        """Of all of them with their service accounts."""
        return [identity.association for identity in self.by_name.values()]
