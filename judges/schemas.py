"""JSON schemas of Kubernetes' kinds, custom ones included, from what an API server publishes of itself.

The schemas that kubeconform would download are made from the same documents, but know no custom resource.
"""

import json
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from rehearsal.control_plane.api import Api

LOCATION = "{{ .Group }}/{{ .ResourceAPIVersion }}/{{ .ResourceKind }}.json"
"""Where kubeconform looks below the folder. It writes kinds in lower case, and takes the core group's version for its group."""

_OPEN = ("x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource", "additionalProperties")


def write_schemas(api: Api, wanted: Iterable[tuple[str, str]], folder: Path) -> None:
    """Writes the schemas of kinds, each with its API version (`apps/v1`), to `folder`, as LOCATION says.

    Writes none for what the server does not have; kubeconform says so then. Raises ApiError when it does not answer.
    """
    index = api.get("/openapi/v3")["paths"]
    for api_version, asked in groupby(sorted(set(wanted)), key=lambda pair: pair[0]):
        group, _, version = api_version.rpartition("/")
        path = f"apis/{api_version}" if group else f"api/{api_version}"
        if path in index:
            document = api.get(index[path]["serverRelativeURL"].partition("?")[0], timeout_seconds=30)
            found = kinds(document, group, version)
            for kind in found.keys() & {kind for _version, kind in asked}:
                file = folder / (group or version) / version / f"{kind.lower()}.json"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(found[kind]))


def kinds(document: Mapping[str, Any], group: str, version: str) -> dict[str, Any]:
    """For each kind of an API version: a schema that is complete in itself, and takes no unknown field."""
    schemas = {name: _closed(schema) for name, schema in document["components"]["schemas"].items()}
    found = {}
    for name, schema in schemas.items():
        for declared in schema.get("x-kubernetes-group-version-kind", ()):
            if (declared["group"], declared["version"]) == (group, version):
                reference = {"$ref": f"#/components/schemas/{name}"}
                found[declared["kind"]] = {**reference, "components": {"schemas": schemas}}
    return found


def _closed(schema: Any) -> Any:
    """The schema with `additionalProperties: false` for each object whose properties are all named."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    closed = {key: _closed(item) for key, item in schema.items()}
    if isinstance(schema.get("properties"), Mapping) and not any(key in schema for key in _OPEN):
        closed["additionalProperties"] = False
    return closed
