"""What an earlier command may have left running: the command itself, and an engine whose rehearsal was killed."""

import fcntl
import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from rehearsal.say import Say

ORPHAN_SECONDS = 120.0
"""How long a command waits for the engine of an earlier one that was killed."""


class RunningError(Exception):
    """Another command, or the engine of one, is at work on the same rehearsal; the message says which process."""


@contextmanager
def alone(state: Path, stack: str) -> Iterator[None]:
    """One command at a time in the folder `state`, which is made; the system frees the lock when its holder dies.

    Raises RunningError while another one holds it.
    """
    file = state / "lock"
    while True:
        state.mkdir(parents=True, exist_ok=True)
        state.chmod(0o700)
        with file.open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as reason:
                lock.seek(0)
                holder = lock.read().strip() or "unknown"
                raise RunningError(
                    f"Another command of the rehearsal of {stack} is running (process {holder}). "
                    "Wait for it, or end it, and run the same command again."
                ) from reason
            if not _is(file, lock.fileno()):
                continue  # the holder before us has removed the folder, and this lock with it
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield
            return


def _is(file: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def engine_locks(state: Path) -> list[Path]:
    """The locks that engines hold on stacks in the backend of a rehearsal, or have left there."""
    return sorted((state / "backend" / ".pulumi" / "locks").glob("**/*.json"))


def wait_for_engine(lock: Path, say: Say) -> None:
    """Waits for an engine whose rehearsal was killed: it finishes what is under way and then ends by itself.

    Raises RunningError when it does not.
    """
    try:
        holder = json.loads(lock.read_text())
        pid = int(holder["pid"])
    except (OSError, ValueError, KeyError, TypeError):  # gone meanwhile, or cut off while it was written
        return
    if holder.get("hostname") != socket.gethostname():
        return
    end = time.monotonic() + ORPHAN_SECONDS
    if _is_engine(pid):
        say(f"the engine of an earlier command (process {pid}) is still finishing; waiting for it")
    while _is_engine(pid):
        if time.monotonic() > end:
            raise RunningError(
                f"Process {pid} is still updating the rehearsal of {lock.parent.name}. "
                "Wait for it, or end it, and run the same command again."
            )
        time.sleep(0.5)


def forget(folder: Path) -> None:
    """Removes a folder with all that is in it, also when a program that is just ending still writes into it."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)
    shutil.rmtree(folder)  # raises what stands in the way


def _is_engine(pid: int) -> bool:
    """Whether a process of that number runs and is an engine: the number alone may be another process's by now."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and any("pulumi" in word for word in process.cmdline())
    except psutil.Error:
        return False
