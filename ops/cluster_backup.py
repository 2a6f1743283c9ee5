"""`cluster backup`: Kubernetes' objects as files that can be applied again."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from app.exports.objects import ApiError, collect
from app.exports.place import name_for
from ops.cluster import Cluster, Unreachable, reason
from ops.command import Result, Session
from ops.errors import OpsError


def cluster_backup(
    session: Session,
    file: Annotated[
        Path | None, typer.Argument(help="A new archive (.tar.gz); by default <stack>-objects-<time>.tar.gz here.")
    ] = None,
) -> Result:
    """Write Kubernetes' objects into one archive, each as a file that kubectl applies; Secrets by name only. Changes nothing.

    With the rights of whoever runs it: what these don't show is told as refused.

    Examples: `python -m ops cluster backup --stack prod`
    """
    stack, report = session.stack, session.report
    target = file or Path(f"{stack.name}-objects-{name_for(datetime.now(tz=UTC))}.tar.gz")
    if target.exists():
        raise OpsError(f"{target} is there already; name a new file")
    if not target.parent.is_dir():
        raise OpsError(f"there is no folder {target.parent}; make it, or name another file")
    if session.would(f"write the objects of {stack.name}'s cluster into {target}"):
        return {"file": str(target)}
    try:
        archive = collect(lambda path, accept: _get(stack.cluster, path, accept))
    except ApiError as error:
        raise OpsError(f"the cluster of {stack.name} doesn't show its objects: {error}") from None
    packed = archive.packed()
    part = target.with_name(f"{target.name}.part")
    try:
        part.write_bytes(packed)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    manifest = archive.manifest()
    for kind, status in archive.refused.items():
        report.say(f"not in it: {kind} (the API server answers {status})")
    report.table("Objects", ["kind", "count"], sorted(manifest["kinds"].items()))
    report.say(f"{target}: {manifest['objects']} objects, {len(packed)} bytes")
    return {**manifest, "file": str(target), "sha256": hashlib.sha256(packed).hexdigest()}


def _get(cluster: Cluster, path: str, accept: str) -> Mapping[str, Any]:
    """An answer of the API server, by the client's own connection. Raises ApiError."""
    try:
        found: Mapping[str, Any] = json.loads(cluster.get(path, accept))
    except Unreachable as error:
        raise ApiError(getattr(error, "status", 0) or 0, f"GET {path}: {reason(error)}") from None
    return found
