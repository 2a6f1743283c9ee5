"""Disks of the real node: folders, each offered as a volume, and the class that claims get by default."""

from pathlib import Path

from rehearsal.control_plane.api import Manifest
from rehearsal.control_plane.certificates import NODE_NAME

STORAGE_CLASS = "node-disk"
COUNT = 10
"""Enough for stack `local` to be destroyed and made again four times on one control plane."""


def manifests(folder: Path) -> list[Manifest]:
    """The class and the volumes in `folder`, whose folders are made. Kubernetes gives each to the group of its pod."""
    volumes: list[Manifest] = []
    for number in range(COUNT):
        path = folder / f"{number:02}"
        path.mkdir(parents=True, exist_ok=True)
        volumes.append(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": f"{STORAGE_CLASS}-{number:02}"},
                "spec": {
                    "storageClassName": STORAGE_CLASS,
                    "capacity": {"storage": "100Gi"},
                    "accessModes": ["ReadWriteOnce"],
                    "persistentVolumeReclaimPolicy": "Retain",
                    "local": {"path": str(path)},
                    "nodeAffinity": {
                        "required": {
                            "nodeSelectorTerms": [
                                {
                                    "matchExpressions": [
                                        {"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE_NAME]}
                                    ]
                                }
                            ]
                        }
                    },
                },
            }
        )
    return [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": STORAGE_CLASS,
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "WaitForFirstConsumer",
        },
        *volumes,
    ]
