"""What network policies let through, as the API describes NetworkPolicy: for pods and addresses, on one port."""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""Label that Kubernetes puts on every namespace, with its name."""

Policy = Mapping[str, Any]


@dataclass(frozen=True)
class Peer:
    """Whoever calls or is called: a pod, or an address outside of the cluster where there is no namespace."""

    name: str
    address: str = ""
    namespace: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    namespace_labels: Mapping[str, str] = field(default_factory=dict, hash=False)


def allowed(policies: Sequence[Policy], source: Peer, to: Peer, port: int, protocol: str = "TCP") -> bool:
    """Whether the caller's policies let it out and the called one's let it in; where none selects a pod, all passes."""
    return _side(policies, source, to, "Egress", port, protocol) and _side(
        policies, to, source, "Ingress", port, protocol
    )


def open_ports(
    policies: Sequence[Policy], source: Peer, to: Peer, ports: Iterable[tuple[int, str]]
) -> list[tuple[int, str]]:
    """Those of the ports (number, protocol) that are open from one to the other."""
    return [(number, protocol) for number, protocol in ports if allowed(policies, source, to, number, protocol)]


def selecting(policies: Iterable[Policy], pod: Peer, direction: str) -> list[Policy]:
    """The policies that act on a pod in a direction, `Ingress` or `Egress`."""
    return [
        policy
        for policy in policies
        if (policy["metadata"].get("namespace") or "default") == pod.namespace
        and direction in types_of(policy)
        and matches(policy["spec"].get("podSelector"), pod.labels)
    ]


def types_of(policy: Policy) -> list[str]:
    """The directions in which a policy acts: Ingress unless it says otherwise, Egress where it has such rules."""
    spec = policy["spec"]
    return list(spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])])


def named_pods(policies: Iterable[Policy]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The pods of other namespaces that rules name: the namespace, and the labels where a rule asks for some."""
    for policy in policies:
        for rule in [*(policy["spec"].get("ingress") or ()), *(policy["spec"].get("egress") or ())]:
            for peer in [*(rule.get("from") or ()), *(rule.get("to") or ())]:
                namespace = ((peer.get("namespaceSelector") or {}).get("matchLabels") or {}).get(NAMESPACE_NAME)
                if namespace and peer.get("podSelector"):
                    yield namespace, peer["podSelector"].get("matchLabels") or {}


def matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether labels are selected; an empty selector selects everything."""
    selector = selector or {}
    if any(labels.get(name) != value for name, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_holds(expression, labels) for expression in selector.get("matchExpressions") or ())


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    present, value = expression["key"] in labels, labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return present
        case "DoesNotExist":
            return not present
    raise ValueError(f"no operator of a label selector: {expression['operator']}")


def _side(policies: Sequence[Policy], own: Peer, other: Peer, direction: str, port: int, protocol: str) -> bool:
    """Whether one end's policies agree."""
    if own.namespace is None:
        return True
    acting = selecting(policies, own, direction)
    rules, peers = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    return not acting or any(
        _on_port(rule, port, protocol) and _with_peer(rule.get(peers), other, own.namespace)
        for policy in acting
        for rule in policy["spec"].get(rules) or ()
    )


def _on_port(rule: Mapping[str, Any], port: int, protocol: str) -> bool:
    ports = rule.get("ports")
    return not ports or any(
        each.get("protocol", "TCP") == protocol
        and ("port" not in each or int(each["port"]) <= port <= int(each.get("endPort", each["port"])))
        for each in ports
    )


def _with_peer(peers: Sequence[Mapping[str, Any]] | None, other: Peer, namespace: str) -> bool:
    return not peers or any(_is(peer, other, namespace) for peer in peers)


def _is(peer: Mapping[str, Any], other: Peer, namespace: str) -> bool:
    if block := peer.get("ipBlock"):
        address = ipaddress.ip_address(other.address) if other.address else None
        return bool(
            address
            and address in ipaddress.ip_network(block["cidr"])
            and not any(address in ipaddress.ip_network(hole) for hole in block.get("except") or ())
        )
    if other.namespace is None:
        return False
    if "namespaceSelector" in peer:
        labels = {NAMESPACE_NAME: other.namespace, **other.namespace_labels}
        if not matches(peer["namespaceSelector"], labels):
            return False
    elif other.namespace != namespace:
        return False
    return matches(peer.get("podSelector"), other.labels)
