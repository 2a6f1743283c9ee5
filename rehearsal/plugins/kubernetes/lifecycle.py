"""Objects are made, changed, read and deleted here: what one resource's operation does on the API server."""

import copy
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rehearsal.plugins.kubernetes import ownership, readiness
from rehearsal.plugins.kubernetes.api import ApiError, ApiServer, NoSuchKindError, Propagation
from rehearsal.plugins.kubernetes.difference import MISSING, Path, at
from rehearsal.plugins.kubernetes.objects import (
    DELETION_PROPAGATION,
    PATCH_FORCE,
    SKIP_AWAIT,
    Kind,
    annotation,
    is_annotated,
)
from rehearsal.plugins.kubernetes.readiness import NotReadyError, timeout_seconds
from rehearsal.plugins.kubernetes.settings import ProviderSettings

# An object may come before the namespace or the definition that it needs: the real provider tries five times within
# half a minute, this one within 3 s, which is long for an API server on the same machine.
_CREATE_AGAIN_SECONDS = (0.2, 0.4, 0.8, 1.6)

_DEFINITION = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")

# The kinds whose pulumi.com/skipAwait also holds for the deletion (allowsSkipAwaitWithDelete of the real provider).
_NO_WAIT_FOR_DELETION = frozenset(
    {
        Kind("apps/v1", "DaemonSet"),
        Kind("apps/v1", "Deployment"),
        Kind("apps/v1", "StatefulSet"),
        Kind("batch/v1", "Job"),
        Kind("v1", "Namespace"),
        Kind("v1", "Pod"),
        Kind("v1", "ReplicationController"),
    }
)
_WORKLOADS = frozenset({Kind("apps/v1", "DaemonSet"), Kind("apps/v1", "Deployment"), Kind("apps/v1", "StatefulSet")})

_CONFLICT_GUIDE = "https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources"


class FieldConflictError(Exception):
    """Another manager owns a field that is to be changed."""

    def __init__(self, manager: str, error: ApiError) -> None:
        super().__init__(
            f"Server-Side Apply field conflict detected. See {_CONFLICT_GUIDE} for troubleshooting help.\n"
            f'The resource managed by field manager "{manager}" had an apply conflict: {error}'
        )


@dataclass(frozen=True)
class Task:
    """One operation on one object: its manifest, who applies it, and how the wait for it is reported and cut short."""

    server: ApiServer
    settings: ProviderSettings
    manifest: dict[str, Any]
    manager: str
    custom_timeout: float = 0
    report: Callable[[str], None] = lambda _: None
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def kind(self) -> Kind:
        """The kind of the manifest."""
        return Kind(self.manifest["apiVersion"], self.manifest["kind"])

    @property
    def forces(self) -> bool:
        """Whether fields are taken from other managers: by the annotation, or by the provider's setting."""
        return is_annotated(self.manifest, PATCH_FORCE) or self.settings.enable_patch_force


def preview_create(task: Task) -> dict[str, Any]:
    """The object as the server would make it. Raises `ApiError`, `NoSuchKindError`."""
    if task.settings.upsert_existing_objects:
        return task.server.apply(task.manifest, task.manager, dry_run=True, force=True)
    return task.server.create(task.manifest, task.manager, dry_run=True)


def create(task: Task) -> dict[str, Any]:
    """Makes the object and waits until it is ready; returns it.

    As since pulumi-kubernetes#4278 an object that is already there is an error, unless the provider's
    `upsertExistingObjects` says otherwise. Raises `ApiError`, `NoSuchKindError`, `FieldConflictError` when nothing was
    made, `NotReadyError` when the object is there but not ready.
    """
    live = _made(task)
    if task.kind == _DEFINITION:
        task.server.forget_kinds()
    live = ownership.take_over(task.server, live, task.manager)
    return readiness.wait(task.server, live, task.manifest, task.custom_timeout, task.report, task.cancelled)


def _made(task: Task) -> dict[str, Any]:
    for pause in (*_CREATE_AGAIN_SECONDS, None):
        try:
            if task.settings.upsert_existing_objects:
                return _applied(task, task.manifest, force=task.forces)
            return task.server.create(task.manifest, task.manager)
        except (NoSuchKindError, ApiError) as error:
            missing = isinstance(error, NoSuchKindError) or error.code == 404
            if not missing or pause is None:
                raise
            task.report(f"creation failed, trying again: {error}")
            if task.cancelled.wait(pause):
                raise
    raise AssertionError("the last attempt returns or raises")


def preview_update(task: Task, live: dict[str, Any], ignored: Sequence[Path] = ()) -> dict[str, Any]:
    """The object as the server would change it. Raises `ApiError`, `FieldConflictError`."""
    force = task.forces or ownership.has_foreign_record(live, task.manager) or task.kind == _DEFINITION
    return _applied(task, without_ignored(task.manifest, live, task.manager, ignored), force=force, dry_run=True)


def update(task: Task, live: dict[str, Any], ignored: Sequence[Path] = ()) -> dict[str, Any]:
    """Applies the manifest over `live` and waits until the object is ready; returns it.

    Raises `ApiError`, `FieldConflictError`, `NotReadyError`.
    """
    live = ownership.take_over(task.server, live, task.manager)
    changed = _applied(
        task, without_ignored(task.manifest, live, task.manager, ignored), force=task.forces or task.kind == _DEFINITION
    )
    if task.kind == _DEFINITION:
        task.server.forget_kinds()
    return readiness.wait(task.server, changed, task.manifest, task.custom_timeout, task.report, task.cancelled)


def _applied(task: Task, manifest: dict[str, Any], *, force: bool, dry_run: bool = False) -> dict[str, Any]:
    try:
        return task.server.apply(manifest, task.manager, dry_run=dry_run, force=force)
    except ApiError as error:
        if error.code == 409 and "conflict" in error.message.lower():
            raise FieldConflictError(task.manager, error) from error
        raise


def without_ignored(
    manifest: dict[str, Any], live: dict[str, Any], manager: str, ignored: Sequence[Path]
) -> dict[str, Any]:
    """The manifest without the properties that `ignoreChanges` leaves to others.

    A field that only others own is not sent at all, or the apply would claim it; one of our own keeps the value that it
    has on the server.
    """
    result = copy.deepcopy(manifest)
    for path in ignored:
        holder = at(result, path[:-1])
        if not path or not isinstance(holder, dict):
            continue
        owners = ownership.owners(live, path)
        current = at(live, path)
        if owners and manager not in owners:
            holder.pop(path[-1], None)
        elif current is not MISSING:
            holder[path[-1]] = current
    return result


def delete(task: Task, name: str, namespace: str) -> None:
    """Deletes the object, by default with everything that it owns first, and waits until it is gone.

    One that isn't there is fine.

    Raises `ApiError`, and `NotReadyError` when it is still there after the time-out (300 s; 600 s for workloads).
    """
    propagation: dict[str, Propagation] = {"orphan": "Orphan", "background": "Background"}
    chosen = propagation.get(annotation(task.manifest, DELETION_PROPAGATION).lower(), "Foreground")
    try:
        live = task.server.get(task.kind, namespace, name)
        if live is None:
            return
        task.server.delete(task.kind, namespace, name, chosen)
    except NoSuchKindError:
        return  # its definition is gone, and it with that
    except ApiError as error:
        if error.code == 404:
            return
        raise
    if task.kind == _DEFINITION:
        task.server.forget_kinds()
    if is_annotated(task.manifest, SKIP_AWAIT) and task.kind in _NO_WAIT_FOR_DELETION:
        return
    _wait_until_gone(task, live, namespace, name)


def _wait_until_gone(task: Task, live: dict[str, Any], namespace: str, name: str) -> None:
    limit = timeout_seconds(task.custom_timeout, task.manifest, 600 if task.kind in _WORKLOADS else 300)
    deadline = time.monotonic() + limit
    pause, uid = 0.05, live["metadata"]["uid"]
    while True:
        try:
            current = task.server.get(task.kind, namespace, name)
        except NoSuchKindError:
            return
        if current is None or current["metadata"]["uid"] != uid:
            task.report("")
            return
        if time.monotonic() >= deadline:
            raise NotReadyError(
                current,
                f'Timed out after {limit:g} seconds waiting for deletion of {task.kind} "{name}"',
                _what_holds(current),
            )
        task.report(f"Waiting for deletion of {task.kind.kind} {name}")
        if task.cancelled.wait(pause):
            raise NotReadyError(current, f"Resource operation was cancelled for '{name}'", _what_holds(current))
        pause = min(pause * 1.5, 0.5)


def _what_holds(live: dict[str, Any]) -> list[str]:
    """Why an object stays: its finalizers, and what a namespace says of its contents."""
    finalizers = [
        *(live["metadata"].get("finalizers") or []),
        *(live.get("spec", {}).get("finalizers") or [] if live["kind"] == "Namespace" else []),
    ]
    told = [
        found.get("message", "")
        for found in live.get("status", {}).get("conditions") or []
        if found.get("status") == "True"
    ]
    return [
        *([f"held by the finalizers {', '.join(finalizers)}"] if finalizers else []),
        *(told if live["kind"] == "Namespace" else []),
    ]


def as_inputs(live: dict[str, Any], recorded: Any, inputs: Any) -> Any:
    """The inputs that a refresh finds.

    These are `inputs`, with the live value wherever the object is no longer as the state recorded it. Where live and
    recorded values agree nothing drifted, and the input keeps its own spelling (`1000m` where the server says `1`).
    What only the server set stays out, as in the real provider (pruneLiveState).
    """
    if isinstance(inputs, dict):
        if not isinstance(live, dict):
            return live
        before = recorded if isinstance(recorded, dict) else {}
        result = {}
        for key, value in inputs.items():
            if key in live:
                result[key] = as_inputs(live[key], before.get(key, MISSING), value)
            elif key not in before:
                result[key] = value  # write-only, such as a Secret's stringData, or dropped as empty
        return result
    if isinstance(inputs, list):
        if not isinstance(live, list) or len(live) != len(inputs):
            return inputs if live == recorded else live
        before_items = recorded if isinstance(recorded, list) and len(recorded) == len(live) else [MISSING] * len(live)
        return [as_inputs(now, then, value) for now, then, value in zip(live, before_items, inputs, strict=True)]
    return inputs if live == recorded else live


def imported_inputs(live: dict[str, Any]) -> dict[str, Any]:
    """The inputs of an object that is read without any: all of it but what only the server writes."""
    inputs = copy.deepcopy({key: value for key, value in live.items() if key != "status"})
    metadata = inputs.get("metadata", {})
    for key in ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid", "selfLink"):
        metadata.pop(key, None)
    annotations = metadata.get("annotations", {})
    for key in ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration"):
        annotations.pop(key, None)
    if not annotations:
        metadata.pop("annotations", None)
    return inputs
