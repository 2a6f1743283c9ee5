"""Where pods run: nodes, the add-ons and controllers on them, and the way to the Kubernetes API."""

from collections.abc import Iterable, Mapping

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from infra.add_ons.catalogue import Identities, controllers
from infra.add_ons.controller import Controllers, Platform
from infra.add_ons.ebs_csi import NAME as EBS_CSI
from infra.add_ons.ebs_csi import Disks
from infra.add_ons.eks import AddOns
from infra.identity import Permission
from infra.nodes import Nodes
from infra.placement import placement_on
from infra.secrets import reading
from stacks.aws.context import Context
from stacks.aws.foundation import Foundation
from stacks.kubernetes import providers


class Compute:
    """Nodes, add-ons, controllers, disks. `associations` are what pods need to be somebody on AWS: they come before the nodes."""

    nodes: Nodes
    add_ons: AddOns
    controllers: Controllers
    disks: Disks
    on_kubernetes: ResourceOptions
    existing: kubernetes.Provider
    """The same cluster, for what Kubernetes makes by itself and the program says more about."""

    def __init__(self, context: Context, foundation: Foundation, associations: Iterable[pulumi.Resource]) -> None:
        settings, cluster, on_aws = context.settings, foundation.cluster, context.on_aws
        platform = Platform(
            context.name,
            context.account_id,
            context.region,
            foundation.network.vpc_id,
            foundation.key.arn,
            tags=context.tags,
            secrets=_reading_secrets(context, foundation),
        )
        placement = placement_on(settings.nodes, settings.add_ons.node_group)
        chosen = list(controllers(settings.add_ons, platform, placement))
        identities = Identities(context.name, cluster.name, chosen, platform, opts=on_aws)
        self.nodes = Nodes(
            context.name,
            settings.nodes,
            cluster.name,
            settings.cluster.version,
            foundation.network.private_subnet_ids,
            foundation.key.arn,
            context.tags,
            depends_on=[
                foundation.network,  # its gateways and routes too: a node without a way out never joins
                cluster.pod_identity_agent,
                *cluster.network_identity,
                *associations,
                *identities.associations,
            ],
            opts=on_aws,
        )
        self.add_ons = AddOns(
            context.name,
            cluster.name,
            self.nodes.groups,
            identities.by_name[EBS_CSI],
            placement,
            context.tags,
            opts=on_aws,
        )
        provider, self.existing = providers(
            kubeconfig=cluster.kubeconfig,
            # A kubeconfig that changes still means the same cluster: nothing is replaced (pulumi-eks#207).
            cluster_identifier=cluster.arn,
            # Not the add-ons: controllers come up beside them, which saves a minute of the first `up`.
            opts=ResourceOptions(depends_on=self.nodes.groups),
        )
        self.on_kubernetes = ResourceOptions(providers=[provider])
        self.controllers = Controllers(context.name, chosen, identities.by_name, opts=self.on_kubernetes)
        self.disks = Disks(context.name, foundation.key.arn, opts=self.on_kubernetes)


def _reading_secrets(context: Context, foundation: Foundation) -> Mapping[str, Permission]:
    if context.settings.secret_store.backend != "aws":
        return {}
    key_arn = None if context.restoring else foundation.key.arn
    return reading(context.owner, context.account_id, context.region, key_arn)
