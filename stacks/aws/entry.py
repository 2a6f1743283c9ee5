"""The public entry: a load balancer that knows the application's domain, and the name by which people find it."""

from typing import Literal

import pulumi

from infra.edge import Backend, Edge, EdgeSettings, PublicNetwork
from infra.public_name import PublicName
from infra.release import colour_of
from stacks.aws.context import Context
from stacks.aws.foundation import Foundation


def make_edge(context: Context, settings: EdgeSettings, foundation: Foundation) -> Edge:
    """The load balancer, beside the cluster: it is there before the first pod."""
    network, app = foundation.network, context.settings.app
    colours = [colour_of(image) for image in app.images] if app.release.blue_green else []
    return Edge(
        f"{context.name}-edge",
        settings,
        PublicNetwork(network.vpc_id, network.public_subnet_ids, foundation.cluster.security_group_id, ready=[network]),
        Backend(
            app.port,
            app.readiness_path,
            app.shutdown.deregistration_delay_seconds,
            colours,
            maintenance=app.maintenance is not None,
        ),
        foundation.key.arn,
        context.account_id,
        context.region,
        context.protect,
        failover=_failover(context),
        opts=context.on_aws,
    )


def publish(context: Context, edge: Edge, served_by: pulumi.Resource) -> None:
    """The record in DNS. As the second choice it comes after what serves there: before, it would lead nowhere.

    Where versions stand side by side, its health check too turns to the new one only once that serves.
    """
    waits = [served_by] if context.restoring else None
    switched = [served_by] if context.settings.app.release.blue_green else None
    PublicName(f"{context.name}-edge", edge, depends_on=waits, switched_by=switched, opts=context.on_aws)


def _failover(context: Context) -> Literal["none", "primary", "secondary"]:
    if context.settings.recovery is None:
        return "none"
    return "secondary" if context.restoring else "primary"
