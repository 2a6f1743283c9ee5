"""The nodes of a node group, simulated by KWOK: real Node objects for the real scheduler, on which nothing is executed.

Pods on them become Running and ready at once. Their load is what their annotations say, `kwok.x-k8s.io/usage-cpu: 360m`
and `kwok.x-k8s.io/usage-memory: 40Mi` (otherwise next to nothing), and reaches HPAs by the metrics API 20 to 30 s
later. A tag with `broken-image` in it can't be pulled, and one with `broken-migration` makes migrations
fail (kwok/failures.yaml).
"""

import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.control_plane.api import Api, ApiError, Manifest
from rehearsal.control_plane.components import SIMULATED_NODE_ANNOTATION
from rehearsal.control_plane.errors import ControlPlaneError
from rehearsal.control_plane.instance_types import INSTANCE_TYPES, InstanceType

GROUP_LABEL = "eks.amazonaws.com/nodegroup"
INSTANCE_TYPE_LABEL = "node.kubernetes.io/instance-type"
FIELD_MANAGER = "marlinspike-simulated-nodes"

_NODES = "/api/v1/nodes"
# A label's value (here of kubernetes.io/hostname) holds no more.
_LONGEST_NAME = 63
# What Kubernetes' own controllers put on nodes and take away again: not the group's business.
_CONTROLLERS_TAINTS = frozenset(
    f"node.kubernetes.io/{reason}"
    for reason in (
        "disk-pressure",
        "memory-pressure",
        "network-unavailable",
        "not-ready",
        "pid-pressure",
        "unreachable",
        "unschedulable",
    )
)


class SimulatedNodesError(ControlPlaneError):
    """The nodes of a group could not be made as asked; the text says why and what to do."""


@dataclass(frozen=True)
class SimulatedNodeGroup:
    """A node group as EKS would run it.

    `count` nodes go round the `zones` (`eu-west-3a`, ...) in turn. `taints` are in Kubernetes' form: key, value
    (optional) and effect (NoSchedule, PreferNoSchedule, NoExecute).
    """

    name: str
    instance_type: str
    count: int
    zones: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Mapping[str, str], ...] = ()


LOCAL_NODES = SimulatedNodeGroup("local", "m7i.large", 3, ("eu-west-3a", "eu-west-3b", "eu-west-3c"))
"""What the stack `local` runs on: it brings no nodes of its own, but wants some in three zones."""


def reconcile(kubeconfig: Path, group: SimulatedNodeGroup, timeout_seconds: float = 60) -> list[str]:
    """Makes the nodes of a group be exactly as `group` says; returns their names when all are ready for pods.

    Names are stable: node n of a zone keeps its name when the count grows or shrinks (the last ones go first). A node
    of another instance type is replaced. Pods on nodes that go are deleted with them.

    Raises SimulatedNodesError for an unknown instance type, an impossible group, or nodes that are not ready in time.
    """
    instance_type = _known(group)
    with Api(kubeconfig) as api:
        version = str(api.get("/version")["gitVersion"])
        present = {str(node["metadata"]["name"]): node for node in _nodes_of(api, group.name)}
        wanted = [_node(group, instance_type, index, version) for index in range(group.count)]
        names = [str(node["metadata"]["name"]) for node in wanted]
        delete(api, [name for name, node in present.items() if name not in names or _differs(node, group)])
        for node in wanted:
            node["spec"]["taints"] += _controllers_taints(present.get(node["metadata"]["name"]))
            # The status counts only when the node is new: later it is the kubelet's, so KWOK's.
            api.apply(node, FIELD_MANAGER)
        _wait_until_ready(api, group, names, timeout_seconds)
    return names


def remove(kubeconfig: Path, name: str) -> None:
    """Removes all nodes of a group, with the pods on them; a group without nodes is no error.

    Controllers make the pods anew elsewhere where there is room. (Kubernetes' own pod garbage collection would delete
    them too, but only a minute later.)
    """
    with Api(kubeconfig) as api:
        delete(api, [str(node["metadata"]["name"]) for node in _nodes_of(api, name)])


def _known(group: SimulatedNodeGroup) -> InstanceType:
    if group.count < 0:
        raise SimulatedNodesError(f"node group {group.name}: {group.count} nodes can't be; give 0 or more")
    if group.count and not group.zones:
        raise SimulatedNodesError(f"node group {group.name}: no zone to put its {group.count} nodes in")
    found = INSTANCE_TYPES.get(group.instance_type)
    if found is None:
        family = group.instance_type.partition(".")[0]
        alike = [name for name in INSTANCE_TYPES if name.startswith(f"{family}.")] or list(INSTANCE_TYPES)
        raise SimulatedNodesError(
            f"node group {group.name}: the rehearsal does not know instance type {group.instance_type} "
            f"(it knows {', '.join(alike)}); add it to rehearsal/control_plane/instance_types.py"
        )
    return found


def node_name(group: str, zone: str, number: int) -> str:
    """`<group>-<zone>-<number>`, made fit for a host name: groups may have capitals, underscores, and longer names."""
    plain = re.sub(r"[^a-z0-9-]+", "-", group.lower()).strip("-")
    tail = f"-{zone}-{number}"
    if plain != group or len(plain) + len(tail) > _LONGEST_NAME:
        digest = hashlib.sha256(group.encode()).hexdigest()[:6]
        plain = f"{plain[: _LONGEST_NAME - len(tail) - len(digest) - 1].rstrip('-')}-{digest}"
    return plain + tail


def _node(group: SimulatedNodeGroup, instance_type: InstanceType, index: int, version: str) -> Manifest:
    zone = group.zones[index % len(group.zones)]
    name = node_name(group.name, zone, index // len(group.zones) + 1)
    instance = hashlib.sha256(name.encode()).hexdigest()[:17]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {
                SIMULATED_NODE_ANNOTATION: "fake",
                # metrics-server asks for this path: one KWOK process is the kubelet of all nodes.
                "metrics.k8s.io/resource-metrics-path": f"/metrics/nodes/{name}/metrics/resource",
            },
            "labels": {
                **group.labels,
                GROUP_LABEL: group.name,
                INSTANCE_TYPE_LABEL: instance_type.name,
                "kubernetes.io/arch": instance_type.architecture,
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "topology.kubernetes.io/region": zone.rstrip("abcdefghijklmnopqrstuvwxyz"),
                "topology.kubernetes.io/zone": zone,
            },
        },
        "spec": {
            "providerID": f"aws:///{zone}/i-{instance}",
            # The whole list, empty too: once a controller has touched it, a list that is left out would stay as it is.
            "taints": [dict(taint) for taint in group.taints],
        },
        "status": {
            "capacity": dict(instance_type.capacity),
            "allocatable": dict(instance_type.allocatable),
            "nodeInfo": {
                "architecture": instance_type.architecture,
                "operatingSystem": "linux",
                "kubeletVersion": version,
                "kubeProxyVersion": version,
                "osImage": "simulated by KWOK",
                "kernelVersion": "simulated",
                "containerRuntimeVersion": "kwok://simulated",
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
            },
        },
    }


def _nodes_of(api: Api, group: str) -> list[Manifest]:
    return api.items(_NODES, {"labelSelector": f"{GROUP_LABEL}={group}"})


def _controllers_taints(node: Manifest | None) -> list[Manifest]:
    taints = (node["spec"].get("taints") or []) if node else []
    return [taint for taint in taints if taint["key"] in _CONTROLLERS_TAINTS]


def _differs(node: Manifest, group: SimulatedNodeGroup) -> bool:
    return bool(node["metadata"]["labels"].get(INSTANCE_TYPE_LABEL) != group.instance_type)


def delete(api: Api, names: list[str]) -> None:
    """Deletes nodes and then, at once, the pods on them, as pod garbage collection does."""
    for name in names:
        api.delete(f"{_NODES}/{name}")
    for name in names:
        for pod in api.items("/api/v1/pods", {"fieldSelector": f"spec.nodeName={name}"}):
            metadata = pod["metadata"]
            # No kubelet is left to end them in an orderly way.
            api.delete(f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}", {"gracePeriodSeconds": 0})


def again(node: Manifest) -> Manifest:
    """A node as it is made anew: what it was given, without what controllers have put on it since."""
    metadata, status = node["metadata"], node["status"]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": metadata["name"], "labels": metadata["labels"], "annotations": metadata["annotations"]},
        "spec": {
            "providerID": node["spec"].get("providerID", ""),
            "taints": [t for t in node["spec"].get("taints") or [] if not t["key"].startswith("node.kubernetes.io/")],
        },
        "status": {name: status[name] for name in ("capacity", "allocatable", "nodeInfo") if name in status},
    }


def _wait_until_ready(api: Api, group: SimulatedNodeGroup, names: list[str], timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            ready = {str(node["metadata"]["name"]) for node in _nodes_of(api, group.name) if takes_pods(node)}
        except ApiError as error:
            if not error.passing:
                raise
            ready = set()
        waiting = [name for name in names if name not in ready]
        if not waiting:
            return
        if time.monotonic() > deadline:
            raise SimulatedNodesError(
                f"node group {group.name}: {len(waiting)} of {group.count} nodes are not ready "
                f"after {timeout_seconds:.0f} s, {waiting[0]} among them; does KWOK run? "
                "(log/kwok.log in the folder of the control plane)"
            )
        time.sleep(0.1)


def takes_pods(node: Manifest) -> bool:
    """Ready, and no longer marked as not ready: the taint goes a moment after the condition."""
    conditions = node.get("status", {}).get("conditions") or []
    taints = node["spec"].get("taints") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions) and not any(
        taint["key"] == "node.kubernetes.io/not-ready" for taint in taints
    )
