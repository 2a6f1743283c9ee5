"""The nodes and pods of a rehearsal, as its API server tells them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from rehearsal.control_plane.api import Api
from rehearsal.control_plane.components import SIMULATED_NODE_ANNOTATION


class Node(TypedDict):
    """One node."""

    name: str
    zone: str
    type: str
    group: str
    cpu: float
    """Cores that pods may ask for."""
    memory: float
    """MiB that pods may ask for."""
    simulated: bool


class Pod(TypedDict):
    """One pod."""

    namespace: str
    name: str
    owner: str
    """What it is a pod of, such as `app`."""
    node: str
    """Empty while it has none."""
    phase: str
    why: str
    """Why it has no node, in the scheduler's words."""
    cpu: float
    """Cores that it asks for."""
    memory: float
    """MiB that it asks for."""
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Cluster:
    """What runs, and on what."""

    version: str = ""
    nodes: Sequence[Node] = ()
    pods: Sequence[Pod] = ()


def observed(api: Api) -> Cluster:
    """What the API server tells now. Raises ApiError."""
    nodes = sorted(map(_node, api.items("/api/v1/nodes")), key=lambda node: (node["zone"], node["group"], node["name"]))
    pods = sorted(map(_pod, api.items("/api/v1/pods")), key=lambda pod: (pod["namespace"], pod["name"]))
    return Cluster(str(api.get("/version")["gitVersion"]), nodes, pods)


_UNITS = {"m": 0.001, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 1e3, "M": 1e6, "G": 1e9}


def quantity(text: str) -> float:
    """A quantity of Kubernetes as a number: cores of `500m`, bytes of `256Mi`."""
    for unit, factor in _UNITS.items():
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    return float(text or 0)


def _node(node: Mapping[str, Any]) -> Node:
    labels, room = node["metadata"].get("labels") or {}, node["status"].get("allocatable") or {}
    return {
        "name": node["metadata"]["name"],
        "zone": labels.get("topology.kubernetes.io/zone", "no zone"),
        "type": labels.get("node.kubernetes.io/instance-type", ""),
        "group": labels.get("marlinspike.io/node-group", ""),
        "cpu": quantity(str(room.get("cpu", "0"))),
        "memory": quantity(str(room.get("memory", "0"))) / 2**20,
        "simulated": (node["metadata"].get("annotations") or {}).get(SIMULATED_NODE_ANNOTATION) == "fake",
    }


def _pod(pod: Mapping[str, Any]) -> Pod:
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    labels = metadata.get("labels") or {}
    asked = [(each.get("resources") or {}).get("requests") or {} for each in spec.get("containers") or ()]
    waiting = [c.get("message", "") for c in status.get("conditions") or () if c["type"] == "PodScheduled"]
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "owner": labels.get("app.kubernetes.io/name") or metadata["name"],
        "node": spec.get("nodeName") or "",
        "phase": status.get("phase") or "Unknown",
        "why": "" if spec.get("nodeName") else next(iter(waiting), ""),
        "cpu": sum(quantity(str(each.get("cpu", "0"))) for each in asked),
        "memory": sum(quantity(str(each.get("memory", "0"))) for each in asked) / 2**20,
        "labels": labels,
    }
