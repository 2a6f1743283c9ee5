"""Disks of the real node: folders, each offered as a volume, and the class that claims get by default."""

from pathlib import Path

from rehearsal.control_plane.api import Manifest
from rehearsal.control_plane.certificates import NODE_NAME
from rehearsal.control_plane.manifests import volumes

STORAGE_CLASS = "node-disk"
COUNT = 10
"""Enough for stack `local` to be destroyed and made again four times on one control plane."""


def manifests(folder: Path) -> list[Manifest]:
    """The class and the volumes in `folder`, whose folders are made. Kubernetes gives each to the group of its pod."""
    here = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE_NAME]}]}
    paths = [folder / f"{number:02}" for number in range(COUNT)]
    for path in paths:
        path.mkdir(parents=True, exist_ok=True)
    affinity = {"required": {"nodeSelectorTerms": [here]}}
    return volumes(STORAGE_CLASS, [{"local": {"path": str(path)}, "nodeAffinity": affinity} for path in paths])
