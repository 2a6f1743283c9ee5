"""Who reaches whom: the pods of a stack, strangers beside them and the addresses around them, as cyclonus judges the policies."""

import ipaddress
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from judges.cyclonus import Peer, Port, Verdicts

NUMBERS = (22, 53, 80, 443, 4318, 5000, 5432, 6379, 6443, 8080, 9000, 9090, 9093, 10250)

PORTS: tuple[Port, ...] = tuple((number, protocol) for number in NUMBERS for protocol in ("TCP", "UDP"))
"""What the platform's parts listen on, and what nobody should be found on."""

POD_OWNERS = ("Deployment", "StatefulSet", "Job", "CronJob")

METADATA_NAME = "kubernetes.io/metadata.name"
"""Label that Kubernetes puts on every namespace, with its name."""

FIXED = (
    Peer("pod identity agent", "169.254.170.23"),
    Peer("metadata service", "169.254.169.254"),
    Peer("internet", "198.51.100.7"),
    Peer("other private network", "10.200.0.10"),
    Peer("shared address space", "100.64.0.10"),
)

ELSEWHERE: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "kube-dns": ("kube-system", {"k8s-app": "kube-dns"}),
    "stranger in kube-system": ("kube-system", {"k8s-app": "kube-proxy"}),
    "stranger in default": ("default", {"app.kubernetes.io/name": "app"}),
    "false prometheus in default": ("default", {"app.kubernetes.io/name": "prometheus"}),
    "prometheus": ("monitoring", {"app.kubernetes.io/name": "prometheus"}),
    "grafana": ("monitoring", {"app.kubernetes.io/name": "grafana"}),
    "otel-collector": (
        "tracing",
        {
            "app.kubernetes.io/name": "opentelemetry-collector",
            "app.kubernetes.io/instance": "otel-collector",
            "component": "standalone-collector",
        },
    ),
}
"""Pods that no object of the stack shows, by name: namespace and labels. Some have the labels of others, elsewhere."""

POD_NETWORK = "10.244.0.0/16"
"""Of pods where no network is known, as kind and kubeadm have it."""

HOST = 60
"""Which address of a network is asked about: there is one in the smallest, a /26, and pods are fewer."""


def peers(objects: Sequence[Mapping[str, Any]], networks: Mapping[str, str]) -> list[Peer]:
    """Everybody who may call or be called.

    That is each pod that the objects make, a stranger beside it, ELSEWHERE, FIXED, and an address in each of `networks` (by name:
    its range). As with the VPC CNI, pods have addresses of a private network, where there is one.
    """
    labels = {
        each["metadata"]["name"]: dict(each["metadata"].get("labels") or {}) for each in _of(objects, "Namespace")
    }
    pods = {name: (namespace, found) for name, namespace, found in _pods(objects)}
    strangers: Mapping[str, tuple[str, Mapping[str, str]]] = {
        f"stranger in {namespace}": (namespace, {}) for namespace, _ in pods.values()
    }
    pod_network = next((cidr for name, cidr in networks.items() if "private" in name), POD_NETWORK)
    addresses = ipaddress.IPv4Network(pod_network).hosts()
    found = [
        Peer(name, str(next(addresses)), namespace, labels.get(namespace, {}) | {METADATA_NAME: namespace}, pod_labels)
        for name, (namespace, pod_labels) in {**pods, **strangers, **ELSEWHERE}.items()
    ]
    around = [Peer(name, str(ipaddress.IPv4Network(cidr)[HOST])) for name, cidr in networks.items()]
    return [*found, *around, *FIXED]


def policies(objects: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The network policies among the objects."""
    return list(_of(objects, "NetworkPolicy"))


def write_json(verdicts: Verdicts, file: Path) -> None:
    """Writes who reaches whom, for other programs."""
    rows = [{"from": source, "to": to, "ports": sorted(ports)} for (source, to), ports in sorted(verdicts.items())]
    file.write_text(json.dumps(rows, indent=2) + "\n")


def _pods(objects: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Name, namespace and labels of the pods of each owner."""
    for kind in POD_OWNERS:
        for owner in _of(objects, kind):
            spec = owner["spec"]["jobTemplate"]["spec"] if kind == "CronJob" else owner["spec"]
            labels = spec["template"]["metadata"]["labels"]
            yield labels["app.kubernetes.io/name"], owner["metadata"]["namespace"], labels


def _of(objects: Sequence[Mapping[str, Any]], kind: str) -> Iterator[Mapping[str, Any]]:
    return (each for each in objects if each.get("kind") == kind)
