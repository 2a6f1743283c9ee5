"""Who may call whom, as the network policies say: by cyclonus where `make judge` has asked it, else computed here."""

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rehearsal.report.architecture.places import role
from rehearsal.report.architecture.traffic import HOST, INTERNET
from rehearsal.report.graph import SUBNET, Graph
from rehearsal.report.material import Material
from rehearsal.report.policies import Peer, named_pods, open_ports

PORTS = tuple(
    (number, protocol)
    for number in (53, 80, 443, 4318, 5000, 5432, 6379, 6443, 8080, 9000, 9090, 9093, 10250)
    for protocol in ("TCP", "UDP")
)
"""What the platform's parts listen on; the judges ask about the same, and one more."""

EVERYTHING = "all"


@dataclass(frozen=True)
class Matrix:
    """Rows call columns; peers with the same answers share a row and a column."""

    rows: Sequence[str]
    columns: Sequence[str]
    cells: Mapping[tuple[str, str], str]
    """The open ports; without an entry nothing is open."""
    judged: bool
    """Whether cyclonus has answered, or this project's own reading of the policies."""


def matrix(material: Material) -> Matrix | None:
    """The matrix of the pods that policies act on and of everybody around; None without network policies."""
    policies = list(material.graph.kubernetes("NetworkPolicy"))
    if not policies:
        return None
    found = material.left.get("network-policies")
    if found:
        verdicts = {(row["from"], row["to"]): frozenset(row["ports"]) for row in found}
    else:
        everybody = peers(material.graph)
        verdicts = {
            (a.name, b.name): frozenset(f"{n}/{p}" for n, p in open_ports(policies, a, b, PORTS))
            for a in everybody
            for b in everybody
            if a.name != b.name and (a.namespace or b.namespace)
        }
    return _arranged(verdicts, material.stack, _fenced(material.graph), judged=bool(found))


def peers(graph: Graph) -> list[Peer]:
    """Everybody who may call or be called: pods, those whom policies name, a stranger, subnets, the internet."""
    private = next((str(s.value("cidrBlock")) for s in graph.of(SUBNET) if role(s) == "private"), "10.244.0.0/16")
    addresses = ipaddress.ip_network(private).hosts()
    found: dict[str, Peer] = {}
    for owner, labels in graph.pod_owners():
        name = str(labels.get("app.kubernetes.io/name"))
        found[name] = Peer(name, str(next(addresses)), str(owner["metadata"]["namespace"]), labels)
    for namespace, labels in named_pods(graph.kubernetes("NetworkPolicy")):
        if labels:
            name = str(labels.get("app.kubernetes.io/name") or labels.get("k8s-app"))
            found.setdefault(name, Peer(name, str(next(addresses)), namespace, labels))
    found["stranger in default"] = Peer("stranger in default", str(next(addresses)), "default", {})
    for subnet in graph.of(SUBNET):
        name = subnet.name
        found[name] = Peer(name, str(ipaddress.ip_network(str(subnet.value("cidrBlock")))[HOST]))
    found["internet"] = Peer("internet", INTERNET)
    return list(found.values())


def _fenced(graph: Graph) -> list[str]:
    """The stack's own pods, which the matrix is about."""
    names = [str(labels.get("app.kubernetes.io/name")) for _, labels in graph.pod_owners()]
    return list(dict.fromkeys(names))


def _arranged(
    verdicts: Mapping[tuple[str, str], frozenset[str]], stack: str, own: Sequence[str], *, judged: bool
) -> Matrix:
    """The pairs with one of the stack's own pods; peers that differ in nothing but their name are one."""
    kept = {pair: ports for pair, ports in verdicts.items() if ports and (pair[0] in own or pair[1] in own)}
    names = list(dict.fromkeys([*own, *sorted({name for pair in verdicts for name in pair if name not in own})]))
    rows = _groups(names, own, lambda name: {to: ports for (source, to), ports in kept.items() if source == name})
    columns = _groups(names, own, lambda name: {source: ports for (source, to), ports in kept.items() if to == name})
    reached = [group for group in columns if group[0] in own or any((name, group[0]) in kept for name in names)]
    calling = sorted(
        rows, key=lambda group: group[0] not in own and not any((group[0], name) in kept for name in names)
    )
    titles = {group: _title(group, stack) for group in (*calling, *reached)}
    cells = {
        (titles[row], titles[column]): _ports(kept[row[0], column[0]])
        for row in calling
        for column in reached
        if (row[0], column[0]) in kept
    }
    return Matrix([titles[row] for row in calling], [titles[column] for column in reached], cells, judged)


def _groups(
    names: Sequence[str], own: Sequence[str], answers: Callable[[str], Mapping[str, frozenset[str]]]
) -> list[tuple[str, ...]]:
    """Names with the same answers together; the stack's own pods each for themselves."""
    found: dict[object, list[str]] = {}
    for name in names:
        found.setdefault((name if name in own else "", tuple(sorted(answers(name).items(), key=str))), []).append(name)
    return [tuple(members) for members in found.values()]


def _title(members: Sequence[str], stack: str) -> str:
    """`public subnets` for those of three zones; others by their names, a few of them."""
    roles = [found[1] for name in members if (found := re.search(rf"{stack}-([\w-]+)-\w$", name))]
    kinds = list(dict.fromkeys(roles))
    titles = [f"{kind} subnets" for kind in kinds] + [
        name for name in members if not re.search(rf"{stack}-[\w-]+-\w$", name)
    ]
    return ", ".join(titles)


def _ports(ports: Iterable[str]) -> str:
    """`53 (UDP too), 5432`: numbers, TCP where nothing is said."""
    known = set(ports)
    if len(known) >= 2 * 10:
        return EVERYTHING
    numbers = sorted({int(port.partition("/")[0]) for port in known})
    words = []
    for number in numbers:
        protocols = {port.partition("/")[2] for port in known if port.startswith(f"{number}/")}
        words.append(
            f"{number}" if protocols == {"TCP"} else f"{number} UDP" if protocols == {"UDP"} else f"{number} +UDP"
        )
    return ", ".join(words)
