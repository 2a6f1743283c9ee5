"""The processes that the host starts: none outlives it, and what they write is passed on as it comes."""

import os
import queue
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from rehearsal.language_host.runtime import HostError

GRACE_SECONDS = 5.0
"""How long a program may take to end after SIGTERM before it is killed."""


class Children:
    """The processes that this host has started and that must not outlive it."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path, output: int | None = None
    ) -> "subprocess.Popen[bytes]":
        """Starts a process; it stays in this host's process group, as the engine expects, which ends a plugin by its group."""
        with self._lock:
            if self._closed:
                raise HostError("the language host is ending: the update was cancelled")
            try:
                child = subprocess.Popen(
                    command, env=dict(environment), cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
                )
            except OSError as reason:
                raise HostError(f"{command[0]} can't be started: {reason}") from reason
            self._running.add(child)
            return child

    def wait(self, child: "subprocess.Popen[bytes]") -> int:
        """Waits for a child's end; returns its exit code (negative: the signal that ended it)."""
        code = child.wait()
        with self._lock:
            self._running.discard(child)
        return code

    def end(self, child: "subprocess.Popen[bytes]") -> None:
        """Ends one child: SIGTERM, and SIGKILL when it takes too long. Nothing happens when it has ended already."""
        if child.poll() is not None:
            return
        child.terminate()
        try:
            child.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def end_all(self) -> None:
        """Ends every child; those that run at this moment."""
        with self._lock:
            running = list(self._running)
        enders = [threading.Thread(target=self.end, args=(child,)) for child in running]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()

    def close(self) -> None:
        """Ends every child, and lets no other start."""
        with self._lock:
            self._closed = True
        self.end_all()


def output(child: "subprocess.Popen[bytes]") -> Iterator[tuple[str, bytes]]:
    """What a child writes, as `("stdout" | "stderr", bytes)`, in the order in which it comes."""
    blocks: queue.Queue[tuple[str, bytes]] = queue.Queue()

    def pump(name: str, stream: IO[bytes]) -> None:
        with stream:
            while block := os.read(stream.fileno(), 65536):
                blocks.put((name, block))
        blocks.put((name, b""))

    streams = [(name, stream) for name, stream in (("stdout", child.stdout), ("stderr", child.stderr)) if stream]
    for name, stream in streams:
        threading.Thread(target=pump, args=(name, stream), daemon=True).start()
    open_streams = len(streams)
    while open_streams:
        name, block = blocks.get()
        if block:
            yield name, block
        else:
            open_streams -= 1
