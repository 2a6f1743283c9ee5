"""On which nodes pods run: those of one group, whose taints they tolerate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi_kubernetes as kubernetes

from infra.nodes import NODE_GROUP_LABEL, NodeGroupSettings, by_served_name


@dataclass(frozen=True)
class Placement:
    """What a node must carry, and what pods tolerate of it. Empty: any node without a taint."""

    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: Sequence[kubernetes.core.v1.TolerationArgsDict] = ()

    def applied_to(self, pod: kubernetes.core.v1.PodSpecArgsDict) -> kubernetes.core.v1.PodSpecArgsDict:
        """The pod, bound to these nodes."""
        if self.node_selector:
            pod = {**pod, "node_selector": self.node_selector}
        if self.tolerations:
            own: Any = pod.get("tolerations") or []
            pod = {**pod, "tolerations": [*self.tolerations, *own]}
        return pod

    def values(self) -> dict[str, Any]:
        """The same as charts name it in their values."""
        values: dict[str, Any] = {}
        if self.node_selector:
            values["nodeSelector"] = dict(self.node_selector)
        if self.tolerations:
            values["tolerations"] = [dict(toleration) for toleration in self.tolerations]
        return values

    def preferred(self) -> dict[str, Any]:
        """Values that prefer these nodes without insisting.

        For pods with a disk: it lives in one zone, and a small group may have no node there.
        """
        if not self.node_selector:
            return {}
        labels = [{"key": key, "operator": "In", "values": [value]} for key, value in self.node_selector.items()]
        preference = {"weight": 100, "preference": {"matchExpressions": labels}}
        affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preference]}}
        values = self.values()
        del values["nodeSelector"]
        return {"affinity": affinity, **values}


ANY_NODE = Placement()


def placement_on(groups: Mapping[str, NodeGroupSettings], node_group: str | None) -> Placement:
    """The nodes of one group, and of those that serve it; any when `node_group` is none.

    Raises KeyError for a group that is not there, which the invariant `node_groups_exist` refuses before.
    """
    if node_group is None:
        return ANY_NODE
    taints = {taint for group in by_served_name(groups)[node_group] for taint in group.taints}
    return Placement(
        {NODE_GROUP_LABEL: node_group},
        tuple(
            {"key": taint.key, "operator": "Equal", "value": taint.value, "effect": taint.effect}
            for taint in sorted(taints, key=lambda taint: (taint.key, taint.effect, taint.value))
        ),
    )
