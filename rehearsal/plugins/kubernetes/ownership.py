"""Who owns which field of an object on the server, as far as the plugin has to know."""

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from rehearsal.plugins.kubernetes.api import JSON_PATCH, ApiError, ApiServer
from rehearsal.plugins.kubernetes.difference import Path
from rehearsal.plugins.kubernetes.objects import Kind, name_of, namespace_of

# Managers whose fields the real provider takes over before an apply (fixCSAFieldManagers): its own of client-side
# times, and kubectl's.
_TAKEN_OVER = frozenset(
    {"kubectl", "before-first-apply", "pulumi-kubernetes", "pulumi-kubernetes.exe", "pulumi-resource-kubernetes"}
)
_ATTEMPTS = 5


def has_foreign_record(live: Mapping[str, Any], manager: str) -> bool:
    """Whether fields are recorded under an update that `manager` has to take over before it can apply."""
    return any(_is_ours(entry, manager) for entry in _entries(live))


def take_over(server: ApiServer, live: dict[str, Any], manager: str) -> dict[str, Any]:
    """Records as applied by `manager` what it made by a plain create, so that an apply can change and drop it.

    Returns the live object. A controller that writes in between makes it start again; after some tries it gives up
    until the next update.
    """
    kind = Kind(live["apiVersion"], live["kind"])
    for _ in range(_ATTEMPTS):
        if not has_foreign_record(live, manager):
            return live
        patch = [
            {"op": "replace", "path": "/metadata/managedFields", "value": _merged(live, manager)},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
        ]
        path = server.endpoint(kind).path(namespace_of(live), name_of(live))
        with contextlib.suppress(ApiError):
            return server.request("PATCH", path, body=json.dumps(patch).encode(), content_type=JSON_PATCH)
        current = server.get(kind, namespace_of(live), name_of(live))
        if current is None:
            return live
        live = current
    return live


def owners(live: Mapping[str, Any], path: Path) -> set[str]:
    """The managers that own the field at `path` or something below it. Items of lists are not looked into."""
    found = set()
    for entry in _entries(live):
        fields: Any = entry.get("fieldsV1", {})
        for part in path:
            fields = fields.get(f"f:{part}") if isinstance(fields, dict) else None
        if fields is not None:
            found.add(str(entry.get("manager", "")))
    return found


def _entries(live: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(live.get("metadata", {}).get("managedFields") or [])


def _is_ours(entry: Mapping[str, Any], manager: str) -> bool:
    plain_update = entry.get("operation") == "Update" and not entry.get("subresource")
    return (plain_update and entry.get("manager") in _TAKEN_OVER | {manager}) or (
        entry.get("operation") == "Apply" and entry.get("manager") == "kubectl"
    )


def _merged(live: Mapping[str, Any], manager: str) -> list[dict[str, Any]]:
    fields: dict[str, Any] = {}
    kept = []
    sample: dict[str, Any] = {}
    for entry in _entries(live):
        if _is_ours(entry, manager) or (entry.get("operation") == "Apply" and entry.get("manager") == manager):
            fields = _union(fields, entry.get("fieldsV1", {}))
            sample = entry
        else:
            kept.append(entry)
    return [*kept, {**sample, "manager": manager, "operation": "Apply", "fieldsV1": fields}]


def _union(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    merged = dict(one)
    for key, value in other.items():
        merged[key] = _union(merged[key], value) if key in merged else value
    return merged
