"""Who talks to whom: from security groups, network policies and target groups, nothing else.

An arrow stands for a port that both ends let through and that a rule names. What every pod needs is left out of the picture: name
resolution (53) and Pod Identity (a link-local address).
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rehearsal.report.architecture.model import PEOPLE, Arrow
from rehearsal.report.architecture.places import (
    BALANCER,
    CACHE,
    CONTROL_PLANE,
    DATABASE,
    ENDPOINTS,
    NAT,
    RELEASE,
    subnets_of,
)
from rehearsal.report.graph import Graph, Resource
from rehearsal.report.policies import Peer, Policy, allowed, named_pods, selecting

INTERNET = "198.51.100.7"
"""An address of documentation (RFC 5737), for anybody on the internet."""

HOST = 60
"""Which address of a network is asked about: there is one in the smallest, a /26."""

NAME_RESOLUTION = 53

INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS_RULE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"

Port = tuple[int, str]


@dataclass(frozen=True)
class End:
    """One end of traffic: where it is found by security groups, by addresses and, in the cluster, by labels."""

    key: str
    groups: frozenset[str] = frozenset()
    """Ids of security groups; a pod has those of its node."""
    addresses: tuple[str, ...] = ()
    pods: tuple[Peer, ...] = ()
    target_ports: tuple[int, ...] = field(default=())
    """On which a load balancer calls its targets."""

    def peers(self) -> tuple[Peer, ...]:
        """The end as network policies see it."""
        return self.pods or tuple(Peer(self.key, address) for address in self.addresses)


def arrows(graph: Graph) -> list[Arrow]:
    """Every pair of ends between which a named port is open."""
    policies = list(graph.kubernetes("NetworkPolicy"))
    found = ends(graph, policies)
    calls = Calls(graph, policies)
    drawn: list[Arrow] = []
    for source in found:
        for to in found:
            ports = calls.between(source, to) if source.key != to.key else []
            if ports:
                drawn.append(Arrow(source.key, to.key, ", ".join(f"{n}" for n, _ in ports), calls.because(source, to)))
    return drawn


def ends(graph: Graph, policies: Sequence[Policy]) -> list[End]:
    """Everything in the picture that calls or is called."""
    found = [End(PEOPLE, addresses=(INTERNET,))]
    targets = tuple(int(each.value("port")) for each in graph.of("aws:lb/targetGroup:TargetGroup"))
    for kind, key, name in (
        ("aws:lb/loadBalancer:LoadBalancer", BALANCER, "securityGroups"),
        ("aws:rds/instance:Instance", DATABASE, "vpcSecurityGroupIds"),
        ("aws:elasticache/replicationGroup:ReplicationGroup", CACHE, "securityGroupIds"),
        ("aws:elasticache/serverlessCache:ServerlessCache", CACHE, "securityGroupIds"),
    ):
        for resource in graph.of(kind)[:1]:
            own = frozenset(map(str, resource.value(name) or ()))
            found.append(End(key, own, _addresses(subnets_of(graph, resource)), (), targets if key == BALANCER else ()))
    interfaces = [e for e in graph.of("aws:ec2/vpcEndpoint:VpcEndpoint") if e.value("vpcEndpointType") == "Interface"]
    for endpoint in interfaces[:1]:
        groups = frozenset(map(str, endpoint.value("securityGroupIds") or ()))
        found.append(End(ENDPOINTS, groups, _addresses(subnets_of(graph, endpoint))))
    cluster_groups: frozenset[str] = frozenset()
    for cluster in graph.of("aws:eks/cluster:Cluster")[:1]:
        group = (cluster.outputs.get("vpcConfig") or {}).get("clusterSecurityGroupId")
        cluster_groups = frozenset([str(group)]) if group else frozenset()
        found.append(End(CONTROL_PLANE, cluster_groups, _addresses(subnets_of(graph, cluster))))
    if graph.of("aws:ec2/natGateway:NatGateway"):
        found.append(End(NAT, addresses=(INTERNET,)))
    nodes = tuple(a for g in graph.of("aws:eks/nodeGroup:NodeGroup")[:1] for a in _addresses(subnets_of(graph, g)))
    # By name: an engine registers what is made at once in an order of its own each time.
    return [*found, *sorted(_pods(graph, policies, cluster_groups, nodes), key=lambda end: end.key)]


def _addresses(subnets: Iterable[Resource]) -> tuple[str, ...]:
    return tuple(str(ipaddress.ip_network(str(subnet.value("cidrBlock")))[HOST]) for subnet in subnets)


def _pods(
    graph: Graph, policies: Sequence[Policy], groups: frozenset[str], addresses: tuple[str, ...]
) -> Iterator[End]:
    """An end for each owner of pods, and for each namespace of a chart the pods that policies name there."""
    address = addresses[0] if addresses else ""
    seen = set()
    for owner, labels in graph.pod_owners():
        name = str(labels.get("app.kubernetes.io/name") or owner["metadata"].get("name"))
        if name not in seen:
            seen.add(name)
            pod = Peer(name, address, str(owner["metadata"].get("namespace") or "default"), labels)
            yield End(f"pods/{name}", groups, addresses, (pod,))
    for namespace in dict.fromkeys(str(r.value("namespace")) for r in graph.of(RELEASE) if r.layer == "monitoring"):
        named = [labels for home, labels in named_pods(policies) if home == namespace] or [{}]
        pods = tuple(Peer(namespace, address, namespace, labels) for labels in named)
        yield End(f"chart/{namespace}", groups, addresses, pods)


class Calls:
    """What may pass between two ends. What pods may ask of the API server is left to Kubernetes' own rights."""

    def __init__(self, graph: Graph, policies: Sequence[Policy]) -> None:
        self._policies = policies
        self._in = [rule.inputs for rule in graph.of(INGRESS_RULE)] + list(_inline(graph, "ingress"))
        self._out = [rule.inputs for rule in graph.of(EGRESS_RULE)] + list(_inline(graph, "egress"))
        self._bound = list(graph.kubernetes("TargetGroupBinding"))
        self._services = {each["metadata"].get("name"): each for each in graph.kubernetes("Service")}

    def between(self, source: End, to: End) -> list[Port]:
        """The ports that both ends let through; only what a rule names, and only from who calls at all."""
        silent = to.key in (PEOPLE, CONTROL_PLANE) or source.key in (DATABASE, CACHE, ENDPOINTS, NAT)
        if silent or (source.key == PEOPLE and to.key == NAT):
            return []
        if source.key == BALANCER:
            ports = [(port, "TCP") for port in source.target_ports if self._is_target(to)]
        elif to.pods:
            ports = self._named_by(to.pods, "Ingress") if self._lets_in_by_name(source, to) else []
        elif source.pods:
            ports = self._named_by(source.pods, "Egress")
        elif source.key == PEOPLE:
            ports = [(int(rule["fromPort"]), "TCP") for rule in self._rules_of(to) if "fromPort" in rule]
        else:
            ports = []
        wanted = sorted({port for port in ports if port[0] != NAME_RESOLUTION}, reverse=source.key == PEOPLE)
        return [
            port for port in wanted if self._groups_agree(source, to, port) and self._policies_agree(source, to, port)
        ]

    def because(self, source: End, to: End) -> str:
        """What lets it through, in words."""
        by = ["security groups"] if to.groups and to.groups.isdisjoint(source.groups) else []
        by += ["target group"] if source.key == BALANCER and to.pods else []
        by += ["network policies"] if source.pods or to.pods else []
        return ", ".join(by)

    def _policies_agree(self, source: End, to: End, port: Port) -> bool:
        return any(allowed(self._policies, a, b, *port) for a in source.peers() for b in to.peers())

    def _groups_agree(self, source: End, to: End, port: Port) -> bool:
        """Whether a rule of the called one's security groups admits the caller; within one group all may call all."""
        if not to.groups or not to.groups.isdisjoint(source.groups):
            return True
        return any(_covers(rule, port) and _admits(rule, source) for rule in self._rules_of(to))

    def _rules_of(self, end: End) -> list[Mapping[str, Any]]:
        return [rule for rule in self._in if rule.get("securityGroupId") in end.groups]

    def _is_target(self, end: End) -> bool:
        """Whether a target group is bound to a Service of these pods."""
        for binding in self._bound:
            service = self._services.get(binding["spec"]["serviceRef"]["name"])
            selector = ((service or {}).get("spec") or {}).get("selector")
            if selector and any(selector.items() <= {**pod.labels}.items() for pod in end.pods):
                return True
        return False

    def _lets_in_by_name(self, source: End, to: End) -> bool:
        """Whether policies of the called pods name this caller; where none acts on them, whether the caller's name them."""
        acting = [policy for pod in to.pods for policy in selecting(self._policies, pod, "Ingress")]
        return bool(acting) or any(selecting(self._policies, pod, "Egress") for pod in source.pods)

    def _named_by(self, pods: Iterable[Peer], direction: str) -> list[Port]:
        """The ports in rules of the policies that act on pods."""
        rules = "ingress" if direction == "Ingress" else "egress"
        return [
            (int(each["port"]), str(each.get("protocol", "TCP")))
            for pod in pods
            for policy in selecting(self._policies, pod, direction)
            for rule in policy["spec"].get(rules) or ()
            for each in rule.get("ports") or ()
            if str(each.get("port", "")).replace(".0", "").isdigit()
        ]


def _inline(graph: Graph, direction: str) -> Iterator[Mapping[str, Any]]:
    """Rules that stand in a security group itself, one for each range or group that they name."""
    for group in graph.of("aws:ec2/securityGroup:SecurityGroup"):
        for rule in group.inputs.get(direction) or ():
            ports = {"securityGroupId": group.id, "fromPort": rule["fromPort"], "toPort": rule["toPort"]}
            for block in rule.get("cidrBlocks") or ():
                yield {**ports, "cidrIpv4": block}
            for other in rule.get("securityGroups") or ():
                yield {**ports, "referencedSecurityGroupId": other}


def _covers(rule: Mapping[str, Any], port: Port) -> bool:
    return "fromPort" not in rule or int(rule["fromPort"]) <= port[0] <= int(rule["toPort"])


def _admits(rule: Mapping[str, Any], source: End) -> bool:
    if rule.get("referencedSecurityGroupId") in source.groups:
        return True
    block = rule.get("cidrIpv4")
    return isinstance(block, str) and any(
        ipaddress.ip_address(a) in ipaddress.ip_network(block) for a in source.addresses
    )
