"""Network policies from one description of who talks to whom: everything else is refused, both ways."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

from infra.layout import PRIVATE_RANGES
from infra.naming import SYSTEM_NAMESPACE, object_metadata, selector_labels

POD_IDENTITY_AGENT = "169.254.170.23/32"
"""Where EKS Pod Identity hands out credentials, on port 80 (EKS user guide, "Pod Identity considerations")."""

LINK_LOCAL = "169.254.0.0/16"
"""Holds the instance metadata service, which hands out the node's own role (RFC 3927)."""

NOT_PUBLIC = (*map(str, PRIVATE_RANGES), "100.64.0.0/10", LINK_LOCAL)
"""RFC 1918, and what carriers and peered networks share (RFC 6598)."""


@dataclass(frozen=True)
class Peer:
    """Another side: pods of a workload here, pods of a namespace, or address ranges; one of them.

    Raises ValueError for none: Kubernetes reads an empty list of peers as everybody.
    """

    workload: str | None = None
    namespace: str | None = None
    pod_labels: Mapping[str, str] | None = None
    """Of `namespace`, only pods with these labels."""
    cidrs: Sequence[str] = ()
    except_cidrs: Sequence[str] = ()

    def __post_init__(self) -> None:
        if sum(map(bool, (self.workload, self.namespace, self.cidrs))) != 1:
            raise ValueError(
                f"{self} is no single peer; name a workload, a namespace or address ranges, for an empty list means everybody"
            )
        if (self.pod_labels and not self.namespace) or (self.except_cidrs and not self.cidrs):
            raise ValueError(
                f"{self} narrows what it does not name; pod_labels go with namespace, except_cidrs with cidrs"
            )


@dataclass(frozen=True)
class Flow:
    """Traffic that is allowed with a peer, on the ports of whoever is called: the pods' ports, not those of a Service.

    Raises ValueError without ports: Kubernetes reads an empty list of ports as all of them.
    """

    peer: Peer
    ports: Sequence[int]
    protocols: Sequence[Literal["TCP", "UDP"]] = ("TCP",)

    def __post_init__(self) -> None:
        if not self.ports or not self.protocols:
            raise ValueError(f"{self} names no port; name those that are called, for an empty list means all")


@dataclass(frozen=True)
class Access:
    """All traffic of one workload."""

    ingress: Sequence[Flow] = ()
    egress: Sequence[Flow] = ()


DNS = Flow(
    Peer(namespace=SYSTEM_NAMESPACE, pod_labels={"k8s-app": "kube-dns"}),
    ports=(53,),
    protocols=("UDP", "TCP"),  # answers above 512 bytes come by TCP
)

POD_IDENTITY = Flow(Peer(cidrs=(POD_IDENTITY_AGENT,)), ports=(80,))

PUBLIC_APIS = Flow(Peer(cidrs=("0.0.0.0/0",), except_cidrs=NOT_PUBLIC), ports=(443,))
"""Public addresses of AWS's services, S3's behind its gateway endpoint among them. They change, so all that are public."""


def aws_api(endpoint_cidrs: Sequence[str]) -> Flow:
    """To services that have an interface endpoint: there and nowhere else, or over the internet where there is none (empty)."""
    return Flow(Peer(cidrs=endpoint_cidrs), ports=(443,)) if endpoint_cidrs else PUBLIC_APIS


KUBERNETES_API = Flow(Peer(cidrs=("0.0.0.0/0",), except_cidrs=(LINK_LOCAL,)), ports=(443, 6443))
"""Policies act on the API server's own address, behind the `kubernetes` Service, and that differs from cluster to cluster."""


class NetworkPolicies(pulumi.ComponentResource):
    """`default-deny` for a namespace, and one policy for each workload with the traffic that it may have.

    Type token: `marlinspike:policies:NetworkPolicies`. Whoever may call somebody may ask the cluster's DNS, too.
    """

    def __init__(
        self,
        name: str,
        namespace: Input[str],
        workloads: Mapping[str, Access],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:policies:NetworkPolicies", name, {}, opts)
        child = ResourceOptions(parent=self)
        kubernetes.networking.v1.NetworkPolicy(
            f"{name}-default-deny",
            metadata=object_metadata("default-deny", namespace),
            spec={"pod_selector": {}, "policy_types": ["Ingress", "Egress"]},
            opts=child,
        )
        for workload, access in workloads.items():
            kubernetes.networking.v1.NetworkPolicy(
                f"{name}-{workload}",
                metadata=object_metadata(workload, namespace),
                spec={
                    "pod_selector": {"match_labels": selector_labels(workload)},
                    "policy_types": ["Ingress", "Egress"],
                    "ingress": _incoming(access.ingress),
                    "egress": [{"to": _peers(flow.peer), "ports": _ports(flow)} for flow in _with_names(access.egress)],
                },
                opts=child,
            )
        self.register_outputs({})


class NamespaceFence(pulumi.ComponentResource):
    """Lets the pods of a namespace be called by each other and by the named callers only. What they call is theirs.

    Type token: `marlinspike:policies:NamespaceFence`. For namespaces whose pods a chart decides on.
    """

    def __init__(
        self, name: str, namespace: Input[str], callers: Sequence[Flow], opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("marlinspike:policies:NamespaceFence", name, {}, opts)
        kubernetes.networking.v1.NetworkPolicy(
            f"{name}-fence",
            metadata=object_metadata("fence", namespace),
            spec={
                "pod_selector": {},
                "policy_types": ["Ingress"],
                "ingress": [{"from_": [{"pod_selector": {}}]}, *_incoming(callers)],
            },
            opts=ResourceOptions(parent=self),
        )
        self.register_outputs({})


def _with_names(egress: Sequence[Flow]) -> Sequence[Flow]:
    """The flows, and the way to the DNS that whoever calls somebody needs."""
    return (DNS, *egress) if egress else ()


def _incoming(
    flows: Sequence[Flow],
) -> list[Input[kubernetes.networking.v1.NetworkPolicyIngressRuleArgsDict]]:
    return [{"from_": _peers(flow.peer), "ports": _ports(flow)} for flow in flows]


def _peers(peer: Peer) -> list[Input[kubernetes.networking.v1.NetworkPolicyPeerArgsDict]]:
    found: list[Input[kubernetes.networking.v1.NetworkPolicyPeerArgsDict]] = []
    for cidr in peer.cidrs:
        block: kubernetes.networking.v1.IPBlockArgsDict = {"cidr": cidr}
        if peer.except_cidrs:
            block["except_"] = list(peer.except_cidrs)
        found.append({"ip_block": block})
    if peer.workload:
        found.append({"pod_selector": {"match_labels": selector_labels(peer.workload)}})
    if peer.namespace:
        pods: kubernetes.networking.v1.NetworkPolicyPeerArgsDict = {
            "namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": peer.namespace}}
        }
        if peer.pod_labels:
            pods["pod_selector"] = {"match_labels": peer.pod_labels}
        found.append(pods)
    return found


def _ports(flow: Flow) -> list[Input[kubernetes.networking.v1.NetworkPolicyPortArgsDict]]:
    return [{"port": port, "protocol": protocol} for port in flow.ports for protocol in flow.protocols]
