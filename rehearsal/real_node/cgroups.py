"""The control group that all containers of one real node are in, under version 1 and version 2 of control groups."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from rehearsal.real_node.errors import RealNodeError

ROOT = Path("/sys/fs/cgroup")
PATIENCE_SECONDS = 20.0


def make(name: str) -> None:
    """Makes the group in every hierarchy; the kubelet wants its root to be there."""
    for folder in _roots(name):
        folder.mkdir(exist_ok=True)


def remove(name: str) -> None:
    """Ends every process in the group, which are those of the containers, and removes it.

    Raises RealNodeError when one survives that.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while groups := [path for folder in _roots(name) for path in _below(folder)]:
        for group in groups:
            for pid in _members(group):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with suppress(OSError):  # not empty yet
                group.rmdir()
        if time.monotonic() > deadline:
            raise RealNodeError(f"the control group {groups[-1]} could not be removed: a process in it can't be ended")
        time.sleep(0.02)


def _roots(name: str) -> list[Path]:
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT / name]
    return [hierarchy / name for hierarchy in ROOT.iterdir() if (hierarchy / "cgroup.procs").exists()]


def _below(folder: Path) -> list[Path]:
    """The folder and all below it, the deepest first."""
    # Groups go while we look (containerd ends its containers too), which os.walk does not mind.
    return [Path(path) for path, _, _ in os.walk(folder, topdown=False)]


def _members(group: Path) -> list[int]:
    try:
        return [int(pid) for pid in (group / "cgroup.procs").read_text().split()]
    except OSError:
        return []
