"""Puts the picture of a stack together."""

from rehearsal.report.architecture.model import Picture
from rehearsal.report.architecture.places import entrance, strips, zone_of
from rehearsal.report.architecture.services import cards
from rehearsal.report.architecture.traffic import arrows
from rehearsal.report.cluster import Cluster
from rehearsal.report.graph import SUBNET, Graph


def picture(stack: str, graph: Graph, cluster: Cluster) -> Picture:
    """The architecture of a stack."""
    vpcs = graph.of("aws:ec2/vpc:Vpc")
    zones = {zone_of(subnet) for subnet in graph.of(SUBNET)} or {node["zone"] for node in cluster.nodes} or {"cluster"}
    front, inside = entrance(graph), strips(graph, cluster)
    there = {box.key for box in [*front, *(box for strip in inside for box in strip.boxes)]}
    return Picture(
        stack=stack,
        network=str(vpcs[0].value("cidrBlock")) if vpcs else "",
        zones=sorted(zones),
        entrance=front,
        strips=inside,
        cards=cards(graph),
        arrows=[arrow for arrow in arrows(graph) if {arrow.source, arrow.to} <= there],
    )
