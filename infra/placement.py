"""On which nodes the platform's own parts run, in the words of a chart's or an add-on's values."""

from collections.abc import Mapping
from typing import Any

from infra.nodes import NODE_GROUP_LABEL

TOLERATIONS = [{"key": "CriticalAddonsOnly", "operator": "Exists"}]
"""Of the taint that keeps other pods off the nodes of the system; where no node has it, they change nothing."""


def insisting(group: str | None) -> Mapping[str, Any]:
    """Only on nodes of the group; on any node when it is none."""
    return {"nodeSelector": {NODE_GROUP_LABEL: group}, "tolerations": TOLERATIONS} if group else {}


def preferring(group: str | None) -> Mapping[str, Any]:
    """On nodes of the group if one will do, otherwise on others.

    For pods with a disk: it lives in one zone, and a small group may have no node there.
    """
    if group is None:
        return {}
    of_the_group = {"matchExpressions": [{"key": NODE_GROUP_LABEL, "operator": "In", "values": [group]}]}
    return {
        "affinity": {
            "nodeAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": of_the_group}]
            }
        },
        "tolerations": TOLERATIONS,
    }
