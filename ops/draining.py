"""Draining nodes as `kubectl drain` does: no new pods, then evictions, again and again where a disruption budget refuses."""

import time
from collections.abc import Callable, Collection, Iterable
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from ops.cluster import holds
from ops.errors import OpsError
from ops.readiness import serves
from ops.stack import Stack

GONE, NOT_NOW = 404, 429
"""What the eviction API answers of a pod that is not there, and where a budget refuses."""


def schedulable(node: Any) -> bool:
    """Whether a node is ready and takes pods."""
    return holds(node, "Ready") and not node.spec.unschedulable


def nodes(stack: Stack, selector: str = "") -> list[Any]:
    """The cluster's nodes, or those with a label."""
    found: list[Any] = stack.cluster.core.list_node(label_selector=selector).items
    return found


def pods_on(stack: Stack, names: Collection[str]) -> list[Any]:
    """The pods of these nodes that a drain moves: not those of DaemonSets, not the kubelet's own, not those that ended."""
    found = stack.cluster.core.list_pod_for_all_namespaces().items
    return [
        pod
        for pod in found
        if pod.spec.node_name in names
        and pod.status.phase not in ("Succeeded", "Failed")
        and not any(owner.kind in ("DaemonSet", "Node") for owner in pod.metadata.owner_references or [])
    ]


def unmanaged(pods: Iterable[Any]) -> list[str]:
    """A fault for each pod that nobody would make again."""
    return [
        f"pod {pod.metadata.namespace}/{pod.metadata.name} has no controller: nobody would make it again; delete it yourself"
        for pod in pods
        if not pod.metadata.owner_references
    ]


class Drain:
    """A drain of some nodes; `undo` gives back those that it closed, and only those."""

    def __init__(self, stack: Stack, names: Collection[str]) -> None:
        self._stack = stack
        self._names = tuple(names)
        self._closed: list[str] = []
        self.evicted: dict[str, str] = {}
        """Pods that went, by uid: namespace and name."""
        self.refusals = 0

    def run(self, patience: float, say: Callable[[str], None] = lambda _line: None) -> None:
        """Returns when no pod that a drain moves is left on the nodes. Raises OpsError after `patience` seconds."""
        for node in nodes(self._stack):
            if node.metadata.name in self._names and not node.spec.unschedulable:
                self._closed.append(node.metadata.name)
                self._stack.cluster.core.patch_node(node.metadata.name, {"spec": {"unschedulable": True}})
        deadline = time.monotonic() + patience
        left = -1
        while pods := pods_on(self._stack, self._names):
            if len(pods) != left:
                left = len(pods)
                say(f"{', '.join(self._names)}: {left} pods are still there")
            for pod in pods:
                self._evict(pod)
            if time.monotonic() > deadline:
                names = ", ".join(f"{pod.metadata.namespace}/{pod.metadata.name}" for pod in pods)
                raise OpsError(
                    f"{', '.join(self._names)} not empty after {patience:.0f} s, since budgets refused {self.refusals} "
                    f"evictions or pods do not end: {names}"
                )
            time.sleep(0.3)

    def undo(self) -> None:
        """The nodes that it closed take pods again."""
        while self._closed:
            try:
                self._stack.cluster.core.patch_node(self._closed[-1], {"spec": {"unschedulable": None}})
            except ApiException as error:
                if error.status != GONE:
                    raise
            self._closed.pop()

    def _evict(self, pod: Any) -> None:
        if pod.metadata.deletion_timestamp is not None:
            return
        meta = client.V1ObjectMeta(name=pod.metadata.name, namespace=pod.metadata.namespace)
        try:
            self._stack.cluster.core.create_namespaced_pod_eviction(
                pod.metadata.name, pod.metadata.namespace, client.V1Eviction(metadata=meta)
            )
        except ApiException as error:
            if error.status not in (GONE, NOT_NOW):
                raise
            self.refusals += error.status == NOT_NOW
            return
        if serves(pod):
            self.evicted[pod.metadata.uid] = f"{pod.metadata.namespace}/{pod.metadata.name}"
