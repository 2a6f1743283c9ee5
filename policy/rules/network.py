"""Networks: what the world reaches."""

from collections.abc import Iterator, Mapping
from typing import Any

from policy.planned_resource import UNKNOWN, Resource
from policy.rule import Findings, Rule, many

WORLD = ("0.0.0.0/0", "::/0")


def _openings(it: Resource) -> Iterator[tuple[Any, Any, Any]]:
    """Protocol, first and last port of what a group or a rule lets in from everywhere."""
    rules: list[Mapping[str, Any]] = []
    if it.type == "aws:ec2/securityGroup:SecurityGroup":
        rules = list(it.each("ingress"))
    elif it["type"] != "egress":
        rules = [it.props]
    for rule in rules:
        sources = [
            source
            for key in ("cidrIpv4", "cidrIpv6", "cidrBlocks", "ipv6CidrBlocks")
            for source in many(it.seen(rule.get(key)))
        ]
        if any(source in WORLD for source in sources):
            protocol = rule.get("ipProtocol", rule.get("protocol"))
            yield it.seen(protocol), it.seen(rule.get("fromPort")), it.seen(rule.get("toPort"))


def _world_reaches_web_only(it: Resource) -> Findings:
    open_ports = set(it.config["ports"])
    for protocol, first, last in _openings(it):
        if protocol in ("-1", "all"):
            yield "It lets the whole internet in on every port."
        elif UNKNOWN not in (first, last) and not set(range(first or 0, (last or 0) + 1)) <= open_ports:
            yield f"It lets the whole internet in on ports {first} to {last}; only {sorted(open_ports)} are for everybody."


def _no_default_network(it: Resource) -> Findings:
    if it.type != "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup":
        yield "It takes over what AWS made with the account, which other programs use as well."
    elif not (it.lacks("ingress") and it.lacks("egress")):
        yield "The VPC's default group lets something through: whatever names no group has it."


def _no_public_addresses(it: Resource) -> Findings:
    for path in ("mapPublicIpOnLaunch", "associatePublicIpAddress"):
        if it.is_on(path):
            yield f"{path} is true."
    for card in it.each("networkInterfaces"):
        if it.seen(card.get("associatePublicIpAddress")) in (True, "true"):
            yield "associatePublicIpAddress of a network interface is true."


def _api_is_not_for_all(it: Resource) -> Findings:
    if it["vpcConfig.endpointPublicAccess"] is False:
        return
    cidrs = many(it["vpcConfig.publicAccessCidrs"])
    if not cidrs or any(cidr in WORLD for cidr in cidrs):
        yield "The API server answers the whole internet (publicAccessCidrs)."


def _no_public_service(it: Resource) -> Findings:
    kind = it["spec.type"]
    annotations = it["metadata.annotations"] or {}
    inside = "service.beta.kubernetes.io/aws-load-balancer-scheme"
    if kind == "NodePort":
        yield "spec.type is NodePort: it opens a port on every node."
    elif kind == "LoadBalancer" and annotations is not UNKNOWN and annotations.get(inside) != "internal":
        yield "spec.type is LoadBalancer: it makes an entry to the internet beside the platform's own."


RULES = (
    Rule(
        name="world-reaches-web-ports-only",
        says="The internet is let in on web ports only.",
        why="Databases, caches, nodes and administration are for the platform's own parts.",
        fix="Name the security group of the callers (referenced_security_group_id) in place of the whole internet.",
        types=(
            "aws:vpc/securityGroupIngressRule:*",
            "aws:ec2/securityGroupRule:*",
            "aws:ec2/securityGroup:SecurityGroup",
        ),
        config={
            "ports": {
                "type": "array",
                "items": {"type": "integer", "minimum": 1, "maximum": 65535},
                "default": [80, 443],
                "description": "Ports on which everybody may be let in.",
            }
        },
        check=_world_reaches_web_only,
    ),
    Rule(
        name="no-default-network",
        says="Nothing stands in the account's default network, and a VPC's default group is closed.",
        why="The default VPC has public subnets only, and its settings belong to nobody.",
        fix="Use the VPC of infra/network.py; give its default security group no rules.",
        types=(
            "aws:ec2/defaultVpc:*",
            "aws:ec2/defaultSubnet:*",
            "aws:ec2/defaultRouteTable:*",
            "aws:ec2/defaultNetworkAcl:*",
            "aws:ec2/defaultVpcDhcpOptions:*",
            "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        ),
        check=_no_default_network,
    ),
    Rule(
        name="no-public-addresses",
        says="Machines get no public address.",
        why="What has none can't be attacked directly; the way out is the NAT gateway, the way in the load balancer.",
        fix="Leave public addresses off in subnets, launch templates and instances.",
        types=("aws:ec2/subnet:Subnet", "aws:ec2/launchTemplate:LaunchTemplate", "aws:ec2/instance:Instance"),
        check=_no_public_addresses,
    ),
    Rule(
        name="cluster-api-is-not-for-all",
        says="The cluster's API server answers named networks only.",
        why="Whatever fault it has is then out of most people's reach.",
        fix="Name the networks in cluster.public_access_cidrs of the stack file, or none for a private API.",
        types=("aws:eks/cluster:Cluster",),
        check=_api_is_not_for_all,
    ),
    Rule(
        name="no-public-service",
        says="Kubernetes Services open nothing to the internet.",
        why="The platform has one entry, with certificate, firewall and limits; a second one has none of them.",
        fix="Use type ClusterIP and the platform's load balancer, or annotate it as internal.",
        types=("kubernetes:core/v1:Service",),
        check=_no_public_service,
    ),
)
