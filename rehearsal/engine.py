"""One run of the Pulumi engine: its environment, its output, its interruption."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from rich.console import Console

from rehearsal.events import Events, is_expected_warning
from rehearsal.progress import ByLayer, Lines
from rehearsal.say import Say

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|<\{%[^%]*%\}>")

_PROGRAM_ENDED = re.compile(
    r"^(\S+: )?(an unhandled error occurred: the program exited with code.*|(update|preview) failed)$", re.IGNORECASE
)

POLL_SECONDS = 0.25


class Interrupted(Exception):  # noqa: N818 - nothing went wrong
    """The user interrupted the engine, and it has ended. The same command continues from where it stopped."""


@dataclass(frozen=True)
class EngineRun:
    """What one run of the engine did."""

    command: tuple[str, ...]
    exit_code: int
    output: str = field(repr=False)
    events: Events = field(repr=False)
    seconds: float

    @property
    def succeeded(self) -> bool:
        """Whether the engine says so."""
        return self.exit_code == 0

    @property
    def errors(self) -> list[str]:
        """The engine's errors; when it has logged none, its output from the first `error:` on, else its last lines."""
        if self.succeeded:
            return []
        lines = [line.rstrip() for line in self.output.splitlines() if line.strip()]
        first = next((index for index, line in enumerate(lines) if line.startswith("error:")), max(len(lines) - 10, 0))
        errors = self.events.errors
        # That a program ended is no news where it has said why.
        return [text for text in errors if not _PROGRAM_ENDED.search(text)] or errors or lines[first:]


def environment(additions: Mapping[str, str], first_on_path: Sequence[Path]) -> dict[str, str]:
    """The environment of the engine and everything that it starts.

    What could lead it to a real account or another backend is taken out: variables of AWS, of Pulumi and of Kubernetes.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "PULUMI_", "KUBE", "MARLINSPIKE_REHEARSAL", "MARLINSPIKE_FAULTS"))
    }
    # This Python's folder too: the official language host takes `python3` from PATH.
    folders = [*map(str, first_on_path), str(Path(sys.executable).parent), kept.get("PATH", os.defpath)]
    return {**kept, "PATH": os.pathsep.join(folders), **additions}


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    *,
    log: Path,
    event_log: Path,
    say: Say,
    stream: bool,
    verb: str,
    terminal: Console | None = None,
) -> EngineRun:
    """Runs the engine to its end; its whole output goes to `log`.

    `stream` passes its output on to `say` line by line; otherwise a `terminal` shows how far each layer is, and without
    one `say` hears every few seconds how many resources are done. Ctrl-C (KeyboardInterrupt) is passed on to the engine
    once, which finishes what is under way; a second one makes it stop at once; a third kills it. Then Interrupted is
    raised.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    event_log.unlink(missing_ok=True)
    began = time.monotonic()
    with log.open("ab") as written:
        written.write(f"$ {' '.join(command)}\n".encode())
        written.flush()
        output = _Output(log, written.tell(), say if stream else None)
        process = _started(command, environment, folder, written)
        interrupts = 0
        with ByLayer(event_log, verb, terminal) if terminal and not stream else Lines(event_log, verb, say) as progress:
            while True:
                try:
                    process.wait(POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    output.pass_on()
                    if not stream:
                        progress.look()
                except KeyboardInterrupt:
                    interrupts += 1
                    _interrupt(process, interrupts, say)
    output.pass_on()
    result = EngineRun(
        tuple(command), process.returncode, output.plain(), Events.read(event_log), time.monotonic() - began
    )
    if interrupts:
        raise Interrupted
    return result


def _started(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, written: IO[bytes]
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        _interrupted_when_the_parent_dies(command),
        env=dict(environment),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        # Into the file, not through a pipe: an engine whose reader was killed would die of the broken pipe in the
        # middle of its work.
        stdout=written,
        stderr=written,
        # A session of its own: a terminal's Ctrl-C would reach the engine beside ours, and two of them mean 'stop
        # at once, half-done'.
        start_new_session=True,
    )


class _Output:
    """What one run of the engine adds to the log, from `start` (in bytes) on; its whole lines go to `say`, if there is one."""

    def __init__(self, log: Path, start: int, say: Say | None) -> None:
        self._log = log
        self._start = self._passed_on = start
        self._say = say

    def _read(self, start: int) -> bytes:
        with self._log.open("rb") as written:
            written.seek(start)
            return written.read()

    def pass_on(self) -> None:
        """Says the lines that came since the last time."""
        if self._say is None:
            return
        new = self._read(self._passed_on)
        whole = new[: new.rfind(b"\n") + 1]
        self._passed_on += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            if line.strip() and not is_expected_warning(line):
                self._say(line)

    def plain(self) -> str:
        """The whole output without colours; the log loses its colours too, for people read it in an editor."""
        content = self._read(self._start)
        plain = _COLOUR.sub("", content.decode(errors="replace"))
        if plain.encode() != content:
            with self._log.open("r+b") as written:
                written.truncate(self._start)
                written.seek(self._start)
                written.write(plain.encode())
        return plain


def _interrupt(process: "subprocess.Popen[bytes]", times: int, say: Say) -> None:
    if times == 1:
        say("interrupted: the engine finishes what is under way, then stops (Ctrl-C again: at once)")
    if times <= 2:
        process.send_signal(signal.SIGINT)
    else:
        say("killing the engine")
        process.kill()


def _interrupted_when_the_parent_dies(command: Sequence[str]) -> list[str]:
    """The command so that, when this rehearsal is killed, the engine is interrupted instead of going on unseen (Linux).

    By `setpriv` of util-linux, not by `preexec_fn`: a fork of a process in which gRPC works aborts now and then.
    """
    setpriv = shutil.which("setpriv")
    return [*([setpriv, "--pdeathsig", "INT"] if setpriv and sys.platform == "linux" else []), *command]
