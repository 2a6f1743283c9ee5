"""Which properties can't be changed in place, so that their change replaces the object.

The table is the real provider's (provider/pkg/provider/diff.go of pulumi-kubernetes 4): also where the API server would
allow a change in place, as for the data of a ConfigMap, which is replaced so that pods that read it roll with it. Pods and
volumes of their own are left out, for no program of ours declares any: the API server refuses such a change in its own words.
"""

from collections.abc import Mapping
from typing import Any

from rehearsal.plugins.kubernetes.difference import Change, Path
from rehearsal.plugins.kubernetes.objects import AUTONAMED, Kind, is_annotated, metadata_of, name_of, namespace_of
from rehearsal.plugins.kubernetes.settings import ProviderSettings

_TABLE: dict[Kind, list[str]] = {
    Kind("apps/v1", "DaemonSet"): ["spec.selector"],
    Kind("apps/v1", "Deployment"): ["spec.selector"],
    Kind("apps/v1", "StatefulSet"): [
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ],
    Kind("batch/v1", "Job"): ["spec.completions", "spec.parallelism", "spec.selector", "spec.template"],
    Kind("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): ["roleRef"],
    Kind("rbac.authorization.k8s.io/v1", "RoleBinding"): ["roleRef"],
    Kind("storage.k8s.io/v1", "StorageClass"): ["parameters", "provisioner"],
    Kind("v1", "PersistentVolumeClaim"): [
        "spec.accessModes",
        "spec.selector",
        "spec.storageClassName",
        "spec.volumeName",
    ],
    Kind("v1", "ResourceQuota"): ["spec.scopes"],
    Kind("v1", "Secret"): ["type"],
    Kind("v1", "Service"): ["spec.clusterIP"],
}


def replacing_properties(kind: Kind, inputs: Mapping[str, Any], settings: ProviderSettings) -> list[Path]:
    """The paths whose change replaces an object of this kind."""
    paths = ["metadata.name", "metadata.namespace", *_TABLE.get(kind, [])]
    immutable = inputs.get("immutable") is True
    if kind == Kind("v1", "ConfigMap") and (immutable or not settings.enable_config_map_mutable):
        paths += ["binaryData", "data"]
    if kind == Kind("v1", "Secret") and (immutable or not settings.enable_secret_mutable):
        paths += ["stringData", "data"]
    return [tuple(path.split(".")) for path in paths]


def replaces(change: Change, paths: list[Path]) -> bool:
    """Whether a change touches one of the paths.

    At it, below it, or above it with a new value that reaches down to it.
    """
    if change.kind == "delete" and change.path == ("metadata",):
        return True
    return any(_touches(path, change) for path in paths)


def _touches(path: Path, change: Change) -> bool:
    shared = min(len(path), len(change.path))
    if path[:shared] != change.path[:shared]:
        return False
    return len(change.path) >= len(path) or _reaches(change.value, path[shared:])


def _reaches(value: Any, path: Path) -> bool:
    if not path:
        return True
    return isinstance(value, Mapping) and path[0] in value and _reaches(value[str(path[0])], path[1:])


def must_delete_first(inputs: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Whether the old object has to go before the new one can be made.

    Both have the same name, which the program chose.
    """
    return (
        name_of(inputs) != ""
        and not is_annotated(inputs, AUTONAMED)
        and name_of(inputs) == name_of(live)
        and (namespace_of(inputs) or "default") == (namespace_of(live) or "default")
        and bool(metadata_of(inputs))
    )
