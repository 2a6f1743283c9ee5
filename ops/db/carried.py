"""Dumps of a stack without AWS: made and restored by one pod's containers as on AWS, and carried between it and a folder here.

The pod is the migration's, with the dump's two containers (infra/exports/jobs.py) and a third one, through which `kubectl exec`
reads and writes files; between them they lie on a volume that goes with the pod.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from app.exports.dump import DUMP as FILE
from app.exports.place import MANIFEST, Place, PlaceError
from infra.exports import programs
from infra.exports.jobs import DUMP, RESTORE
from ops.cluster import Cluster
from ops.db import pods
from ops.errors import OpsError
from ops.trouble import log_of
from stacks.settings import LocalSettings

COPIES = "/copies"

MOST_MEBIBYTES = 448
"""Of a dump: a pod whose files are more than its containers' limits together is evicted, and two containers of a restore have 256
MiB each (ResourcesSettings)."""

COMPLETE = ".complete"
"""The last file that is brought into the pod."""

POLL_SECONDS = 0.5

Say = Callable[[str], None]


def dump(cluster: Cluster, namespace: str, settings: LocalSettings, name: str, place: Place | None, say: Say) -> None:
    """Dump the database in a pod, and bring the copy to `place`, with its checksum compared. Raises OpsError.

    Without a place, which is a rehearsal with simulated pods, the pod is made, and no more.
    """
    pod = f"{DUMP}-{name}"
    compose = _composing(DUMP, programs.DUMP, settings, {"EXPORTS_NAME": name})
    with pods.pod(cluster, namespace, pod, compose):
        say(f"pod {pod} dumps in {namespace}")
        if place is None:
            return
        _await_end(cluster, namespace, pod, DUMP, say)
        with pods.executing(cluster, namespace, pod, "files") as kubectl:
            manifest = json.loads(b"".join(pods.received([*kubectl, "cat", f"{COPIES}/{name}/{MANIFEST}"])))
            try:
                found = place.write(f"{name}/{FILE}", pods.received([*kubectl, "cat", f"{COPIES}/{name}/{FILE}"]))
                if (found.bytes, found.sha256) != (manifest["dump"]["bytes"], manifest["dump"]["sha256"]):
                    raise OpsError(
                        f"{name}/{FILE} has arrived with {found.bytes} bytes instead of {manifest['dump']['bytes']}, or with "
                        "another SHA-256: without its manifest it counts for nothing. Make the copy again"
                    )
                place.complete(name, manifest)
            except PlaceError as error:
                raise OpsError(str(error)) from None


def restore(
    cluster: Cluster,
    namespace: str,
    settings: LocalSettings,
    place: Place | None,
    told: Mapping[str, str],
    pod: str,
    say: Say,
) -> str:
    """Bring the copy into a pod and restore it there, in the same way; returns the restore's log. Raises OpsError."""
    name, compose = told["EXPORTS_NAME"], _composing(RESTORE, programs.RESTORE, settings, told, waits=True)
    with pods.pod(cluster, namespace, pod, compose):
        say(f"pod {pod} restores in {namespace}")
        if place is None:
            return ""
        _await(cluster, namespace, pod, lambda found: _running(found.init_container_statuses))
        for file in (FILE, MANIFEST):
            target = f"{COPIES}/{name}/{file}"
            with pods.executing(cluster, namespace, pod, "files", "--stdin") as kubectl:
                line = ["sh", "-c", 'mkdir -p "${1%/*}" && cat > "$1"', "sh", target]
                pods.sent([*kubectl, *line], place.read(f"{name}/{file}"))
        with pods.executing(cluster, namespace, pod, "files") as kubectl:
            pods.sent([*kubectl, "touch", f"{COPIES}/{COMPLETE}"], ())
        return _await_end(cluster, namespace, pod, RESTORE, say)


def refuse_restore(settings: LocalSettings) -> None:
    """Raises OpsError where the application's user may not make databases."""
    if settings.database.operator:
        raise OpsError(
            "database.operator: with CloudNativePG the application's user may not make databases, and `db restore` makes one "
            "beside the old one. Let the operator bring up another Cluster from a backup of its own (CloudNativePG, "
            '"Recovery"), or bring single tables back by pg_restore in: python -m ops db connect'
        )


def _composing(
    name: str, program: str, settings: LocalSettings, told: Mapping[str, str], *, waits: bool = False
) -> pods.Compose:
    """The pod; with `waits` nothing begins before the copy has been brought in."""
    copies = {"name": "copies", "mountPath": COPIES}

    def compose(spec: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
        where = {"EXPORTS_EXCHANGE": programs.EXCHANGE, "EXPORTS_PLACE": COPIES, **told}
        ours = {
            **own,
            "name": name,
            "args": ["-m", f"app.exports.{name.removeprefix('database-')}"],
            "env": [*own["env"], *({"name": key, "value": value} for key, value in where.items())],
            "volumeMounts": [*own["volumeMounts"], pods.EXCHANGE, copies],
        }
        alike = {
            "image": pods.client_image(settings),
            "imagePullPolicy": "IfNotPresent",
            "resources": own["resources"],
            "securityContext": own["securityContext"],
        }
        theirs = {
            **alike,
            "name": "postgresql",
            "command": ["sh", "-c", program],
            "env": [{"name": "EXPORTS_EXCHANGE", "value": programs.EXCHANGE}],
            "volumeMounts": [pods.EXCHANGE],
        }
        awaits = f"until [ -e {COPIES}/{COMPLETE} ]; do sleep 0.2; done"
        sleeps = f"trap 'exit 0' TERM; sleep {pods.LIFE_SECONDS} & wait"
        files = {
            **alike,
            "name": "files",
            "command": ["sh", "-c", awaits if waits else sleeps],
            "volumeMounts": [copies],
        }
        volume = {"name": "copies", "emptyDir": {"sizeLimit": f"{MOST_MEBIBYTES}Mi"}}
        return {
            "initContainers": [files] if waits else [],
            "containers": [ours, theirs] if waits else [ours, theirs, files],
            "volumes": [*spec["volumes"], pods.EXCHANGE_VOLUME, volume],
        }

    return compose


def _await_end(cluster: Cluster, namespace: str, pod: str, container: str, say: Say) -> str:
    """Wait until a container has ended; returns its log, which is told. Raises OpsError where it has failed, with both logs."""

    def ended(found: Any) -> Any:
        return [
            each.state.terminated
            for each in found.container_statuses or []
            if each.name == container and each.state.terminated
        ]

    [end] = _await(cluster, namespace, pod, ended)
    log = log_of(cluster, namespace, pod, container)
    if end.exit_code:
        theirs = log_of(cluster, namespace, pod, "postgresql")
        raise OpsError(f"{container} failed in pod {pod}, with status {end.exit_code}:\n{log}{theirs}".rstrip())
    for line in log.splitlines():
        say(line)
    return log


def _await(cluster: Cluster, namespace: str, pod: str, seen: Callable[[Any], Any]) -> Any:
    """Wait until something is seen in the pod's status; returns it. Raises OpsError where nothing runs, or nothing will."""
    until = time.monotonic() + pods.READY_SECONDS
    while True:
        found = pods.status(cluster, namespace, pod)
        if what := seen(found):
            return what
        begun = [*(found.init_container_statuses or []), *(found.container_statuses or [])]
        late = time.monotonic() > until and not any(each.state.running or each.state.terminated for each in begun)
        if found.phase == "Failed" or late:
            raise OpsError(f"the pod {pod} is {found.phase}: {pods.conditions(found)}")
        time.sleep(POLL_SECONDS)


def _running(containers: Any) -> bool:
    return any(each.state.running for each in containers or [])
