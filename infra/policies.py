"""Network policies from one description of who talks to whom: everything else is refused, both ways."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

from infra.naming import object_metadata, selector_labels

POD_IDENTITY_AGENT = "169.254.170.23/32"
"""Where EKS Pod Identity hands out credentials, on port 80 (EKS user guide, "Pod Identity considerations")."""

PRIVATE_AND_LINK_LOCAL = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")


@dataclass(frozen=True)
class Peer:
    """Another side: pods of a workload here, pods of a namespace, or address ranges."""

    workload: str | None = None
    namespace: str | None = None
    pod_labels: Mapping[str, str] | None = None
    cidrs: Sequence[str] = ()
    except_cidrs: Sequence[str] = ()


@dataclass(frozen=True)
class Flow:
    """Traffic that is allowed with a peer, on the ports of whoever is called."""

    peer: Peer
    ports: Sequence[int]
    protocols: Sequence[Literal["TCP", "UDP"]] = ("TCP",)


@dataclass(frozen=True)
class Access:
    """All traffic of one workload."""

    ingress: Sequence[Flow] = ()
    egress: Sequence[Flow] = ()


DNS = Flow(
    Peer(namespace="kube-system", pod_labels={"k8s-app": "kube-dns"}),
    ports=(53,),
    protocols=("UDP", "TCP"),  # answers above 512 bytes come by TCP
)

POD_IDENTITY = Flow(Peer(cidrs=(POD_IDENTITY_AGENT,)), ports=(80,))

AWS_APIS = Flow(Peer(cidrs=("0.0.0.0/0",), except_cidrs=PRIVATE_AND_LINK_LOCAL), ports=(443,))
"""Public endpoints of AWS services; their addresses change, so all but the private ranges."""


def aws_apis(endpoint_cidrs: Sequence[str]) -> list[Flow]:
    """To AWS's services: over the internet, and where interface endpoints answer in the VPC (none, if empty)."""
    endpoints = [Flow(Peer(cidrs=endpoint_cidrs), ports=(443,))] if endpoint_cidrs else []
    return [AWS_APIS, *endpoints]


KUBERNETES_API = Flow(Peer(cidrs=("0.0.0.0/0",)), ports=(443, 6443))
"""Policies act on the API server's own address, behind the `kubernetes` Service, and that differs from cluster to cluster."""


class NetworkPolicies(pulumi.ComponentResource):
    """`default-deny` for a namespace, and one policy for each workload with the traffic that it may have.

    Type token: `marlinspike:policies:NetworkPolicies`. Every workload may ask the cluster's DNS.
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
                    "ingress": [{"from_": _peers(flow.peer), "ports": _ports(flow)} for flow in access.ingress],
                    "egress": [{"to": _peers(flow.peer), "ports": _ports(flow)} for flow in (DNS, *access.egress)],
                },
                opts=child,
            )
        self.register_outputs({})


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
