"""The tool cache: folders that are either whole and verified, or not there.

A tool is made in a folder with a temporary name, its files' SHA-256 are written beside them, and only then the folder
gets its name (`rename` is atomic). A build that was interrupted therefore leaves nothing that a later run could take
for a tool, and a file that changed afterwards is found out.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from rehearsal.say import Say

CHECKSUMS = "SHA256SUMS"
"""File beside a tool's files, in the format of `sha256sum`."""


def sha256(file: Path) -> str:
    """The SHA-256 of a file's content, as hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _files(folder: Path) -> list[Path]:
    """The regular files below `folder`; links are left out, since what they point to is one of the files."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink() and p.name != CHECKSUMS)


def write_checksums(folder: Path) -> None:
    """Writes `SHA256SUMS` for every regular file below `folder`."""
    lines = [f"{sha256(file)}  {file.relative_to(folder)}\n" for file in _files(folder)]
    (folder / CHECKSUMS).write_text("".join(lines))


def damage(folder: Path, required: tuple[str, ...] = ()) -> str | None:
    """What is wrong with a tool's folder, or None when each file is as it was made and every `required` name is there."""
    try:
        lines = [line.split("  ", 1) for line in (folder / CHECKSUMS).read_text().splitlines()]
        expected = {name: digest for digest, name in lines}
    except (OSError, ValueError):
        return f"{CHECKSUMS} is missing or unreadable"
    for name, digest in expected.items():
        file = folder / name
        if not file.is_file():
            return f"{name} is missing"
        if sha256(file) != digest:
            return f"{name} is not the file that was put there (its SHA-256 differs)"
    for name in required:
        if not (folder / name).exists():
            return f"{name} is missing"
    return None


@contextlib.contextmanager
def locked(file: Path, say: Say) -> Iterator[None]:
    """Holds the lock `file` of a tool, so that two rehearsals side by side don't both build it.

    The system frees it when its holder dies.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another rehearsal is getting {file.stem}; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def cached(folder: Path, say: Say, *, required: tuple[str, ...] = ()) -> bool:
    """Whether `folder` is in the cache, whole and verified. A damaged one is removed, and said so."""
    if not folder.is_dir():
        return False
    if damage(folder, required) is None:
        return True
    with locked(folder.parent / f"{folder.name}.lock", say):
        return _whole(folder, say, required)


def _whole(folder: Path, say: Say, required: tuple[str, ...]) -> bool:
    """The same for the holder of the lock: another process may have made the folder meanwhile."""
    if not folder.is_dir():
        return False
    found = damage(folder, required)
    if found is not None:
        say(f"{folder.name} in the cache is damaged: {found}; getting it again")
        shutil.rmtree(folder)
    return found is None


def obtain(folder: Path, make: Callable[[Path], None], say: Say, *, required: tuple[str, ...] = ()) -> Path:
    """`folder`, whole and verified: as it is in the cache, or made by `make`, which fills the folder that it is given.

    A damaged folder is replaced. `required` are names that must exist in it. Raises what `make` raises; then nothing is
    left behind.
    """
    if folder.is_dir() and damage(folder, required) is None:
        return folder
    with locked(folder.parent / f"{folder.name}.lock", say):
        if _whole(folder, say, required):
            return folder
        for remains in folder.parent.glob(f".{folder.name}.*.part"):  # of a process that died: the lock is ours
            shutil.rmtree(remains, ignore_errors=True)
        part = folder.parent / f".{folder.name}.{os.getpid()}.part"
        part.mkdir()
        try:
            make(part)
            write_checksums(part)
            found = damage(part, required)
            if found is not None:
                raise RuntimeError(f"{folder.name} was made, but {found}: an error in rehearsal/toolchain")
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return folder
