"""Pods on nodes and zones, as the real API server has them."""

from collections.abc import Sequence
from dataclasses import dataclass

from rehearsal.report.cluster import Node, Pod
from rehearsal.report.material import Material


@dataclass(frozen=True)
class Card:
    """A node with its pods, and how much of it they ask for."""

    node: Node
    pods: Sequence[Pod]
    """Those that hold something of the node."""
    finished: Sequence[Pod]

    @property
    def cpu_share(self) -> float:
        """Per cent of the processor that is asked for."""
        return 100 * sum(pod["cpu"] for pod in self.pods) / self.node["cpu"] if self.node["cpu"] else 0

    @property
    def memory_share(self) -> float:
        """Per cent of the memory that is asked for."""
        return 100 * sum(pod["memory"] for pod in self.pods) / self.node["memory"] if self.node["memory"] else 0


def zones(material: Material) -> dict[str, list[Card]]:
    """The nodes by zone."""
    found: dict[str, list[Card]] = {}
    for node in material.cluster.nodes:
        own = [pod for pod in material.cluster.pods if pod["node"] == node["name"]]
        done = [pod for pod in own if pod["phase"] in ("Succeeded", "Failed")]
        found.setdefault(node["zone"], []).append(Card(node, [pod for pod in own if pod not in done], done))
    return found


def homeless(material: Material) -> list[Pod]:
    """Pods that have no node, such as those for which a group would have to grow."""
    return [pod for pod in material.cluster.pods if not pod["node"]]
