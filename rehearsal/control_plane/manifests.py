"""The objects that the control plane itself needs: KWOK's, and the metrics API's service."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from rehearsal.control_plane.api import Manifest
from rehearsal.control_plane.certificates import Certificates
from rehearsal.control_plane.ports import Ports

KWOK_FOLDER = Path(__file__).resolve().parent / "kwok"
KWOK_METRICS = KWOK_FOLDER / "metrics.yaml"


def kwok_definitions() -> list[Manifest]:
    """The custom resource definitions of KWOK."""
    return _read("custom-resource-definitions.yaml")


def kwok_behaviour() -> list[Manifest]:
    """What simulated nodes and pods do, how pods fail, and what usage they report; in the API, where a test may change it."""
    return [*_read("behaviour.yaml"), *_read("failures.yaml")]


def metrics_api(ports: Ports, certificates: Certificates) -> list[Manifest]:
    """The metrics API as the aggregation layer finds it.

    Through an ExternalName Service, because a loopback address is no valid endpoint of any other.
    """
    service = {"name": "metrics-server", "namespace": "kube-system"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": service,
            "spec": {
                "type": "ExternalName",
                "externalName": "localhost",
                "ports": [{"name": "https", "port": ports.metrics_server, "protocol": "TCP"}],
            },
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "caBundle": certificates.authority,
                "service": {**service, "port": ports.metrics_server},
            },
        },
    ]


def simulated_volumes() -> list[Manifest]:
    """A default storage class, and the volumes that claims of it are bound to; nothing is ever mounted on simulated nodes.

    Twenty are enough for stack `local` (two claims) to be destroyed and made again nine times on one control plane.
    """
    return volumes("simulated", [{"hostPath": {"path": "/nonexistent"}}] * 20)


def volumes(storage_class: str, sources: Sequence[Mapping[str, Any]]) -> list[Manifest]:
    """The class that claims get by default, and a volume of it for each of `sources`: what makes one differ from another."""
    metadata = {"name": storage_class, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
    common = {
        "storageClassName": storage_class,
        "capacity": {"storage": "100Gi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain",
    }
    return [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": metadata,
            "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "WaitForFirstConsumer",
        },
        *(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": f"{storage_class}-{number:02}"},
                "spec": {**common, **source},
            }
            for number, source in enumerate(sources)
        ),
    ]


def _read(name: str) -> list[Manifest]:
    with (KWOK_FOLDER / name).open() as file:
        return [document for document in yaml.safe_load_all(file) if document]
