"""Kubernetes' objects as files that can be applied again: all that somebody decided, nothing that the cluster adds by itself.

An archive (tar, gzip) with one file for each object, `<namespace or _cluster>/<kind>.<group>/<name>.yaml`, and `manifest.json`.
The files are YAML in its JSON form. Secrets are told by name only: their values come from the store outside, and an empty one in
their place would keep others from being made.
"""

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

Get = Callable[[str, str], Mapping[str, Any]]
"""Answers of the API server to a path that begins with a slash, and an `Accept` header. Raises ApiError."""

PAGE = 500

JSON = "application/json"
NAMES_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""With it the API server sends no content at all (kubernetes.io, "Kubernetes API Concepts": receiving resources as metadata)."""

MADE_BY_CONTROLLERS = frozenset(
    {
        "bindings", "componentstatuses", "endpoints", "events", "nodes", "controllerrevisions", "leases", "endpointslices",
        "csinodes", "csistoragecapacities", "volumeattachments", "certificatesigningrequests", "apiservices", "ipaddresses",
        "cninodes", "policyendpoints",
    }
)  # fmt: skip
"""Kinds, by their plural, that a cluster makes by itself or that mean nothing in another one."""

NOT_KEPT = frozenset({"metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io", "events.k8s.io"})
"""API groups without any object that is stored."""

FORBIDDEN = 403


class ApiError(Exception):
    """The API server refused a request, with an HTTP status, or did not answer (status 0)."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass
class Archive:
    """What was found."""

    version: str = ""
    """Of Kubernetes."""
    files: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Objects by path."""
    secrets: list[str] = field(default_factory=list)
    """`namespace/name` of each Secret; none where they may not be listed."""
    refused: dict[str, int] = field(default_factory=dict)
    """HTTP status of each kind that may not be listed."""

    def manifest(self) -> dict[str, Any]:
        """What the archive holds, and what it does not."""
        kinds: dict[str, int] = {}
        for path in self.files:
            kinds[path.split("/")[1]] = kinds.get(path.split("/")[1], 0) + 1
        return {
            "kind": "objects",
            "time": datetime.now(tz=UTC),
            "kubernetes_version": self.version,
            "objects": len(self.files),
            "kinds": kinds,
            "secrets_without_values": self.secrets,
            "refused": self.refused,
        }

    def packed(self) -> bytes:
        """The archive itself."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path, content in [*sorted(self.files.items()), ("manifest.json", self.manifest())]:
                text = json.dumps(content, indent=2, sort_keys=True, default=str) + "\n"
                member = tarfile.TarInfo(path)
                member.size, member.mtime = len(text.encode()), int(datetime.now(tz=UTC).timestamp())
                archive.addfile(member, io.BytesIO(text.encode()))
        return packed.getvalue()


def collect(get: Get) -> Archive:
    """Every object that `get` may list. Raises ApiError where the API server doesn't answer, or may be asked nothing."""
    found = Archive(version=str(get("/version", JSON)["gitVersion"]))
    for group, path, resource in _kinds(get):
        name, kind = resource["name"], f"{resource['kind']}.{group}".rstrip(".")
        if name in MADE_BY_CONTROLLERS:
            continue
        try:
            if (group, name) == ("", "secrets"):
                found.secrets = [_place(each["metadata"]) for each in _listed(get, f"{path}/{name}", NAMES_ONLY)]
                continue
            for each in _listed(get, f"{path}/{name}", JSON):
                if _is_somebodys(each):
                    whole = {"apiVersion": path.split("/", 2)[2], "kind": resource["kind"], **each}
                    place, own = each["metadata"].get("namespace", "_cluster"), quote(each["metadata"]["name"], safe="")
                    found.files[f"{place}/{kind}/{own}.yaml"] = stripped(whole)
        except ApiError as error:
            if not 400 <= error.status < 500:
                raise
            found.refused[kind] = error.status
    if not found.files:
        raise ApiError(FORBIDDEN, "no kind of object may be listed; whose role is this?")
    return found


def _kinds(get: Get) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Group, path and description of each kind that can be listed, in the version that the server prefers."""
    groups = [("", "/api/v1")]
    groups += [
        (group["name"], f"/apis/{group['preferredVersion']['groupVersion']}")
        for group in get("/apis", JSON)["groups"]
        if group["name"] not in NOT_KEPT
    ]
    for group, path in groups:
        for resource in get(path, JSON)["resources"]:
            if "/" not in resource["name"] and "list" in resource["verbs"]:
                yield group, path, resource


def _listed(get: Get, path: str, accept: str) -> Iterator[Mapping[str, Any]]:
    following = ""
    while True:
        page = get(f"{path}?limit={PAGE}" + (f"&continue={quote(following)}" if following else ""), accept)
        yield from page["items"] or []  # null where there are none and only names were asked for
        following = page["metadata"].get("continue") or ""
        if not following:
            return


def _place(metadata: Mapping[str, Any]) -> str:
    return f"{metadata['namespace']}/{metadata['name']}"


def _is_somebodys(found: Mapping[str, Any]) -> bool:
    """Not what a controller made of another object, and not what every cluster has from its birth."""
    metadata = found["metadata"]
    if any(owner.get("controller") for owner in metadata.get("ownerReferences") or []):
        return False
    if "deletionTimestamp" in metadata or "kubernetes.io/bootstrapping" in (metadata.get("labels") or {}):
        return False
    if "apf.kubernetes.io/autoupdate-spec" in (metadata.get("annotations") or {}):
        return False
    return bool(metadata["name"] != "kube-root-ca.crt")


_METADATA = (
    "managedFields",
    "resourceVersion",
    "uid",
    "creationTimestamp",
    "generation",
    "selfLink",
    "ownerReferences",
)
_ANNOTATIONS = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
)
_JOB_LABELS = ("controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name")


def stripped(found: Mapping[str, Any]) -> dict[str, Any]:
    """An object without what the API server and controllers wrote into it, so that it can be applied again, elsewhere too."""
    clean: dict[str, Any] = json.loads(json.dumps(found))
    clean.pop("status", None)
    metadata = clean["metadata"]
    for name in _METADATA:
        metadata.pop(name, None)
    for name in _ANNOTATIONS:
        metadata.get("annotations", {}).pop(name, None)
    if rule := _BY_KIND.get(clean["kind"]):
        rule(clean, clean.get("spec") or {})
    return clean


def _service(_: dict[str, Any], spec: dict[str, Any]) -> None:
    if spec.get("clusterIP") != "None":
        spec.pop("clusterIP", None)
        spec.pop("clusterIPs", None)
    spec.pop("healthCheckNodePort", None)
    for port in spec.get("ports") or []:
        port.pop("nodePort", None)


def _job(clean: dict[str, Any], spec: dict[str, Any]) -> None:
    """Its selector and the labels that belong to it are made anew for each Job, unless somebody asked for his own."""
    if spec.get("manualSelector"):
        return
    spec.pop("selector", None)
    for labels in (clean["metadata"].get("labels", {}), spec["template"]["metadata"].get("labels", {})):
        for name in _JOB_LABELS:
            labels.pop(name, None)


_BY_KIND: Mapping[str, Callable[[dict[str, Any], dict[str, Any]], object]] = {
    "Service": _service,
    "Job": _job,
    "PersistentVolumeClaim": lambda _, spec: spec.pop("volumeName", None),
    "PersistentVolume": lambda _, spec: spec.pop("claimRef", None),
    "Pod": lambda _, spec: spec.pop("nodeName", None),
    "ServiceAccount": lambda clean, _: clean.pop("secrets", None),
    "Namespace": lambda clean, _: clean.pop("spec", None),
}
"""What the API server and controllers write into the specification of a kind."""
