"""Layers of an image, written as tar files: what is root's, without a trace of the day on which it was made."""

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def layer(file: Path) -> Iterator[tarfile.TarFile]:
    """A new layer, to be filled; without a trace of the day on which it was made."""
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as opened:
        yield opened


def put(opened: tarfile.TarFile, path: str, content: bytes, mode: int = 0o644) -> None:
    """Adds one file of root's, and the folders above it."""
    for folder in reversed(Path(path.lstrip("/")).parents[:-1] if "/" in path.lstrip("/") else []):
        put_folder(opened, str(folder))
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.size, entry.mode = len(content), mode
    opened.addfile(entry, io.BytesIO(content))


def put_folder(opened: tarfile.TarFile, path: str, mode: int = 0o755) -> None:
    """Adds one folder of root's."""
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    opened.addfile(entry)


def put_link(opened: tarfile.TarFile, path: str, target: str) -> None:
    """Adds one symbolic link."""
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
    opened.addfile(entry)
