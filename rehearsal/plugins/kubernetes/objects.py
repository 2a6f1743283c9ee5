"""What a resource's type token and inputs say about the Kubernetes object behind it.

Its kind, its name, its annotations.
"""

import copy
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.plugins.kubernetes.properties import plain
from rehearsal.urn import name_of as name_in_program

AUTONAMED = "pulumi.com/autonamed"
SKIP_AWAIT = "pulumi.com/skipAwait"
TIMEOUT_SECONDS = "pulumi.com/timeoutSeconds"
PATCH_FORCE = "pulumi.com/patchForce"
PATCH_FIELD_MANAGER = "pulumi.com/patchFieldManager"
WAIT_FOR = "pulumi.com/waitFor"
DELETION_PROPAGATION = "pulumi.com/deletionPropagationPolicy"

RELEASE_TYPE = "kubernetes:helm.sh/v3:Release"

# Keys that can't be written as they are in every language of Pulumi; the API server wants them with dashes.
_DASHED = {
    "x_kubernetes_embedded_resource": "x-kubernetes-embedded-resource",
    "x_kubernetes_int_or_string": "x-kubernetes-int-or-string",
    "x_kubernetes_list_map_keys": "x-kubernetes-list-map-keys",
    "x_kubernetes_list_type": "x-kubernetes-list-type",
    "x_kubernetes_map_type": "x-kubernetes-map-type",
    "x_kubernetes_preserve_unknown_fields": "x-kubernetes-preserve-unknown-fields",
    "x_kubernetes_validations": "x-kubernetes-validations",
}
_UNDERSCORED = {dashed: key for key, dashed in _DASHED.items()}


class UnsupportedTypeError(Exception):
    """A resource type that this plugin can't be asked for; the message says why."""


@dataclass(frozen=True)
class Kind:
    """An API version and a kind, such as `apps/v1` and `Deployment`."""

    api_version: str
    kind: str

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    def __str__(self) -> str:
        return f"{self.api_version}/{self.kind}"


def kind_of_type(type_token: str) -> Kind:
    """`kubernetes:apps/v1:Deployment` -> `apps/v1`, `Deployment`.

    Raises `UnsupportedTypeError` for lists, patches and anything that is not an object of an API group.
    """
    parts = type_token.split(":")
    if len(parts) != 3 or parts[0] != "kubernetes" or "/" not in parts[1]:
        raise UnsupportedTypeError(
            f"{type_token!r} is no type of a Kubernetes object; expected kubernetes:<group>/<version>:<Kind>"
        )
    group, version = parts[1].split("/", 1)
    kind = parts[2]
    if "." not in group and kind.endswith("List"):
        raise UnsupportedTypeError(
            f"{kind}: list resources exist for compatibility with YAML manifests and Helm charts, and cannot be "
            "created directly. Use the underlying resource type instead"
        )
    if kind.endswith("Patch"):
        raise UnsupportedTypeError(
            f"{kind}: patch resources are not simulated by the rehearsal; declare the object itself"
        )
    return Kind(version if group in ("core", "") else f"{group}/{version}", kind)


def kind_of(inputs: Mapping[str, Any], type_token: str) -> Kind:
    """The kind of the object itself; the type token decides only where the object doesn't say."""
    api_version, kind = plain(inputs.get("apiVersion")), plain(inputs.get("kind"))
    if isinstance(api_version, str) and isinstance(kind, str):
        return Kind(api_version.removeprefix("core/"), kind)
    return kind_of_type(type_token)


def metadata_of(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object's metadata; empty while it is unknown."""
    metadata = plain(values.get("metadata"))
    return metadata if isinstance(metadata, dict) else {}


def name_of(values: Mapping[str, Any]) -> str:
    """`metadata.name`; empty when it has none yet."""
    name = metadata_of(values).get("name")
    return name if isinstance(name, str) else ""


def namespace_of(values: Mapping[str, Any]) -> str:
    """`metadata.namespace`; empty when it has none."""
    namespace = metadata_of(values).get("namespace")
    return namespace if isinstance(namespace, str) else ""


def annotation(values: Mapping[str, Any], key: str) -> str:
    """The value of an annotation; empty when it isn't there or unknown."""
    annotations = metadata_of(values).get("annotations")
    value = annotations.get(key) if isinstance(annotations, dict) else None
    return value if isinstance(value, str) else ""


def is_annotated(values: Mapping[str, Any], key: str) -> bool:
    """Whether the annotation says "true"."""
    return annotation(values, key) == "true"


def id_of(values: Mapping[str, Any]) -> str:
    """`namespace/name`, or `name` for an object without a namespace: the resource's ID in the state."""
    namespace, name = namespace_of(values), name_of(values)
    return f"{namespace}/{name}" if namespace else name


def parse_id(resource_id: str) -> tuple[str, str]:
    """`namespace/name` or `name` -> (namespace, name); the namespace is empty when the ID has none."""
    namespace, _, name = resource_id.rpartition("/")
    return namespace, name


def new_name(urn: str, seed: bytes) -> str:
    """`<logical name>-<8 hexadecimal digits>`, always the same for one seed."""
    digits = hashlib.sha256(seed + urn.encode()).hexdigest()[:8] if seed else secrets.token_hex(4)
    return f"{name_in_program(urn)}-{digits}"


def field_manager(urn: str, inputs: Mapping[str, Any], state: Mapping[str, Any]) -> str:
    """Who owns the fields that are applied: the annotation's name, else the state's, else one made from the URN.

    The real provider draws the last at random; from the URN it is the same again when an answer was lost before it
    reached the state.
    """
    chosen = annotation(inputs, PATCH_FIELD_MANAGER) or plain(state.get("__fieldManager"))
    return chosen or f"pulumi-kubernetes-{hashlib.sha256(urn.encode()).hexdigest()[:8]}"


def to_manifest(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs as the API server takes them.

    No secret wrappers, dashes where the schema has them, none of Pulumi's own keys.
    """
    manifest = _renamed(plain(inputs), _DASHED)
    return {key: value for key, value in manifest.items() if not key.startswith("__")}


def from_live(live: Mapping[str, Any]) -> dict[str, Any]:
    """A live object as outputs.

    The record of who owns which field stays on the server: it would triple the size of the state.
    """
    values: dict[str, Any] = _renamed(copy.deepcopy(dict(live)), _UNDERSCORED)
    values.get("metadata", {}).pop("managedFields", None)
    return values


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {names.get(key, key): _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return value
