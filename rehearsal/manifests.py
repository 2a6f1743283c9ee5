"""Writes the Kubernetes objects of a stack as YAML files, one object a file, as scanners and people read them."""

import base64
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pulumi.runtime import rpc

REDACTED = "REDACTED"

# How the engine marks a secret or another special value in its state; a resource's property that has this key is not an
# ordinary map.
SPECIAL = rpc._special_sig_key
OUTPUT_VALUE = rpc._special_output_value_sig


def kubernetes_objects(state: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The Kubernetes objects of an exported stack, as the program declared them, with every secret value replaced.

    `state` is what `pulumi stack export` prints. Helm releases are no objects and are left out.
    """
    for resource in state.get("deployment", {}).get("resources") or []:
        inputs = resource.get("inputs") or {}
        if (
            resource.get("type", "").startswith("kubernetes:")
            and isinstance(inputs.get("apiVersion"), str)
            and "kind" in inputs
            and not resource.get("delete")
        ):
            manifest: dict[str, Any] = _plain(inputs)
            yield _redacted(_named(manifest, resource))


def _plain(value: Any) -> Any:
    """The value without the engine's own marks: a secret becomes REDACTED, an output what it holds, internal keys go."""
    if isinstance(value, Mapping):
        if SPECIAL in value:
            return _plain(value["value"]) if value[SPECIAL] == OUTPUT_VALUE and "value" in value else REDACTED
        return {key: _plain(inner) for key, inner in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


def _named(manifest: dict[str, Any], resource: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with the name that the object got, where the program left it to auto-naming: the id is `[namespace/]name`."""
    metadata = manifest.get("metadata")
    if not isinstance(metadata, dict):
        metadata = manifest["metadata"] = {}
    if not metadata.get("name") and resource.get("id"):
        metadata["name"] = str(resource["id"]).rsplit("/", 1)[-1]
    return manifest


def _redacted(manifest: dict[str, Any]) -> dict[str, Any]:
    if manifest["kind"] == "Secret" and str(manifest["apiVersion"]) == "v1":
        # Base64, so that the file stays a valid Secret for the tools that read it.
        hidden = {"data": base64.b64encode(REDACTED.encode()).decode(), "stringData": REDACTED}
        for part, text in hidden.items():
            if part in manifest:
                values = manifest[part]
                manifest[part] = dict.fromkeys(values, text) if isinstance(values, Mapping) else {}
    return manifest


def write_manifests(state: Mapping[str, Any], folder: Path) -> list[Path]:
    """Writes each object of a stack to `<kind>-[<namespace>-]<name>.yaml` in `folder`, which is emptied first.

    Returns the files.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    written = []
    for manifest in kubernetes_objects(state):
        metadata = manifest["metadata"]
        parts = [manifest["kind"], metadata.get("namespace"), metadata.get("name")]
        name = re.sub(r"[^a-z0-9.-]+", "-", "-".join(str(part) for part in parts if part).lower())
        file = folder / f"{name}.yaml"
        if file.exists():  # the same kind and name in two API groups
            file = folder / f"{name}.{str(manifest['apiVersion']).split('/')[0]}.yaml"
        file.write_text(yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True))
        written.append(file)
    return written
