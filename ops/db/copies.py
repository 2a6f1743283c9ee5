"""Where a stack's copies are, and what is known of them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.exports.place import Folder, Place, PlaceError, place_at
from infra.exports.bucket import DATABASE
from ops.errors import OpsError
from ops.stack import Stack
from stacks.settings import LocalSettings

FOLDER = Path("copies")
"""Where copies of stacks without AWS lie; git ignores it."""

ChosenFolder = Annotated[
    Path | None,
    typer.Option(
        "--folder", help="Of a stack without AWS: where its copies lie on this machine; copies/STACK by default."
    ),
]


def place_of(stack: Stack, folder: Path | None = None) -> Place | None:
    """Where the copies of a stack are: its bucket, or without AWS a folder of this machine; None in a rehearsal.

    Raises OpsError where it makes none, and where a folder was chosen for a stack with a bucket.
    """
    if isinstance(stack.platform, LocalSettings):
        return None if stack.rehearsed else Folder((folder or FOLDER / stack.name).resolve())
    if folder:
        raise OpsError(f"--folder: stack {stack.name} has its copies in a bucket; leave it out")
    bucket = stack.outputs.get("exports_bucket")
    if not bucket:
        raise OpsError(
            f"stack {stack.name} makes no copies: its file has no section exports. Add it, as docs/settings.md says, and run "
            "pulumi up"
        )
    return None if stack.rehearsed else place_at(f"s3://{bucket}/{DATABASE}", str(stack.outputs["region"]))


def verified(place: Place, name: str) -> dict[str, Any]:
    """The manifest of a copy whose file is there, of the size that it says. Raises OpsError."""
    try:
        manifest = place.manifest(name)
        file = manifest.get("dump") or manifest["archive"]
        size = place.size(f"{name}/{file['file']}")
    except (PlaceError, KeyError) as error:
        raise OpsError(f"{name} is no complete copy: {error}. Those that are: {_newest(place)}") from None
    if size != file["bytes"]:
        raise OpsError(f"{name}/{file['file']} has {size} bytes, and its manifest says {file['bytes']}: don't use it")
    return manifest


def _newest(place: Place) -> str:
    try:
        return ", ".join(place.names()[-5:]) or "none"
    except PlaceError as error:
        return str(error)
