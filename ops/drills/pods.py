"""Drills on the cluster: a pod that dies, a node and a zone that are drained."""

from collections import Counter
from collections.abc import Collection
from typing import Any

from kubernetes import client

from ops.draining import Drain, nodes, pods_on, schedulable, unmanaged
from ops.drills.drill import Drill
from ops.errors import OpsError
from ops.readiness import is_ready, serves
from ops.stack import Stack

ZONE = "topology.kubernetes.io/zone"


def serving_pods(stack: Stack, selector: str = "app.kubernetes.io/name=app") -> list[Any]:
    """The ready pods of the application, or of another selector, by name."""
    found = stack.cluster.core.list_namespaced_pod(stack.namespace, label_selector=selector).items
    return sorted((pod for pod in found if serves(pod) and is_ready(pod)), key=lambda pod: str(pod.metadata.name))


class PodDrill(Drill):
    """One pod of the application is gone from one moment to the next."""

    kind = "pod"

    def __init__(self, stack: Stack, name: str = "") -> None:
        super().__init__(stack)
        pods = serving_pods(stack)
        self._pod = next((pod for pod in pods if name in ("", pod.metadata.name)), None)
        self._name = name
        self._others = [pod.metadata.name for pod in pods]
        self.deed = f"kill pod {self._pod.metadata.name if self._pod else name} without grace"

    def faults(self) -> list[str]:
        """No such pod."""
        if self._pod is None:
            return [f"no ready pod {self._name or 'of the application'}; there are {', '.join(self._others) or 'none'}"]
        return []

    def strike(self, patience: float) -> Collection[str]:  # noqa: ARG002 - at once
        """Deletes it without grace."""
        assert self._pod is not None  # noqa: S101 - else `faults` has refused
        self.stack.cluster.core.delete_namespaced_pod(
            self._pod.metadata.name,
            self.stack.namespace,
            body=client.V1DeleteOptions(
                grace_period_seconds=0, preconditions=client.V1Preconditions(uid=self._pod.metadata.uid)
            ),
        )
        return {self._pod.metadata.uid}


class NodeDrill(Drill):
    """One node is closed and drained, through the eviction API, and takes pods again afterwards."""

    kind = "node"

    def __init__(self, stack: Stack, name: str = "") -> None:
        super().__init__(stack)
        self.names = (name,) if name else self._busiest()
        self.deed = f"drain node {', '.join(self.names)}"
        self._drain = Drain(stack, self.names)

    def faults(self) -> list[str]:
        """Unknown or closed nodes, nowhere to go, pods that nobody would make again."""
        all_nodes = nodes(self.stack)
        known = {node.metadata.name: node for node in all_nodes}
        found = [f"there is no node {name}; there are {', '.join(known)}" for name in self.names if name not in known]
        found += [
            f"node {name} is not ready, or closed already"
            for name in self.names
            if name in known and not schedulable(known[name])
        ]
        found += [] if self.names else ["no pod of the application runs on any node"]
        if not any(schedulable(node) for node in all_nodes if node.metadata.name not in self.names):
            found.append("no other node takes pods: they would have nowhere to go")
        return [*found, *unmanaged(pods_on(self.stack, self.names))]

    def strike(self, patience: float) -> Collection[str]:
        """Drains; the pods that went are the lost ones."""
        self._drain.run(patience)
        return self._drain.evicted.keys()

    def restore(self) -> None:
        """The nodes take pods again."""
        self._drain.undo()

    def _busiest(self) -> tuple[str, ...]:
        counts = Counter(pod.spec.node_name for pod in serving_pods(self.stack))
        return tuple(name for name, _ in counts.most_common(1))


class ZoneDrill(NodeDrill):
    """All nodes of a zone are closed at once, and drained."""

    kind = "zone"

    def __init__(self, stack: Stack, zone: str = "") -> None:
        super().__init__(stack)
        zones = {node.metadata.name: (node.metadata.labels or {}).get(ZONE, "") for node in nodes(stack)}
        self._zone = zone or next((zones[name] for name in self.names), "")
        self._known = sorted(set(zones.values()) - {""})
        self.names = tuple(name for name, its in zones.items() if its == self._zone and its)
        self.deed = f"drain zone {self._zone} ({len(self.names)} nodes)"
        self._drain = Drain(stack, self.names)

    def faults(self) -> list[str]:
        """As a node's, and an unknown zone, or the only one."""
        if self._zone not in self._known:
            return [f"no node is in zone {self._zone or '(none)'}; there are {', '.join(self._known) or 'none'}"]
        found = super().faults()
        return [*found, "it is the only zone"] if len(self._known) == 1 else found


class ServerDrill(Drill):
    """The pod of a server that runs in the cluster is stopped: one second of grace, a crash for a database.

    Never none: a pod that is deleted without grace may still run while its successor opens the same volume (kubernetes.io,
    "Force Delete StatefulSet Pods").
    """

    evicts = False

    def __init__(self, stack: Stack, kind: str, server: str) -> None:
        super().__init__(stack)
        self.kind = kind
        self._server = server
        self._pods = serving_pods(stack, f"app.kubernetes.io/name={server}")
        self.deed = f"stop the {kind}'s pod {', '.join(pod.metadata.name for pod in self._pods[:1])}"

    def faults(self) -> list[str]:
        """No such pod."""
        return [] if self._pods else [f"no ready pod of {self._server} in namespace {self.stack.namespace}"]

    def strike(self, patience: float) -> Collection[str]:  # noqa: ARG002 - at once
        """Deletes the pod; whoever owns it makes it again."""
        if not self._pods:
            raise OpsError(f"no pod of {self._server}")
        pod = self._pods[0]
        self.stack.cluster.core.delete_namespaced_pod(pod.metadata.name, self.stack.namespace, grace_period_seconds=1)
        return {pod.metadata.uid}
