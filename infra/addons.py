"""EKS add-ons that need nodes to run on: cluster DNS and the metrics that autoscaling reads."""

import pulumi
import pulumi_aws as aws
from pulumi import Input, ResourceOptions

from infra import versions

AFTER_NODES = ("coredns", "metrics-server")


class AddOns(pulumi.ComponentResource):
    """CoreDNS and metrics-server as EKS add-ons, at the pinned versions.

    Type token: `marlinspike:addons:AddOns`. Made after the node groups: without a node CoreDNS stays degraded and the add-on
    never becomes active (pulumi-eks#1819).
    """

    def __init__(
        self,
        name: str,
        cluster_name: Input[str],
        nodes: list[aws.eks.NodeGroup],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:addons:AddOns", name, {}, opts)
        for add_on in AFTER_NODES:
            aws.eks.Addon(
                f"{name}-{add_on}",
                cluster_name=cluster_name,
                addon_name=add_on,
                addon_version=versions.ADD_ONS[add_on],
                resolve_conflicts_on_create="OVERWRITE",  # takes over what EKS installs by itself in a new cluster
                resolve_conflicts_on_update="OVERWRITE",
                opts=ResourceOptions(parent=self, depends_on=nodes),
            )
        self.register_outputs({})
