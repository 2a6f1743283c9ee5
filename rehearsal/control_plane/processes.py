"""Long-running programs that outlive whoever started them, known by pid file.

A pid file holds the process id and the process's start time (in clock ticks since boot, field 22 of /proc/PID/stat, see
proc(5)): together they name a process for good, so that no other process that got the same id later is ever taken for
it, or ended.
"""

import os
import signal
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rehearsal.control_plane.errors import ControlPlaneError

LAST_LINES = 8
NSENTER = Path("/usr/bin/nsenter")


@dataclass(frozen=True)
class Process:
    """A running program: `name`, its process id and its start time."""

    name: str
    pid: int
    start_time: int

    @property
    def alive(self) -> bool:
        """Whether this very process still runs (one that ended and waits to be reaped does not)."""
        _reap(self.pid)
        return _start_time(self.pid) == self.start_time

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal, if the process still runs."""
        if self.alive:
            with suppress(ProcessLookupError):  # it ended in between
                os.kill(self.pid, number)


@dataclass(frozen=True)
class Processes:
    """The programs of one directory: pid files in `run/`, output in `log/`.

    With `namespace`, they are started in the network namespace that this file keeps.
    """

    directory: Path
    namespace: Path | None = None

    def log(self, name: str) -> Path:
        """Where the program's output goes."""
        return self.directory / "log" / f"{name}.log"

    def start(self, name: str, program: Path, arguments: Sequence[str]) -> Process:
        """Starts a program in a session of its own: neither Ctrl-C in the terminal nor the end of this process ends it.

        Raises ControlPlaneError when the program is not there or can't be executed.
        """
        log = self.log(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        pid_file = self._pid_file(name)
        pid_file.parent.mkdir(parents=True, exist_ok=True)
        with _uninterrupted():  # a Ctrl-C between these two would leave a program that nobody knows of
            process = self._spawn(name, program, arguments, log)
            temporary = pid_file.with_suffix(".new")
            temporary.write_text(f"{process.pid} {process.start_time}\n")
            temporary.rename(pid_file)
        return process

    def find(self, name: str) -> Process | None:
        """The program that the pid file names, if it still runs; without a pid file one that runs for this directory."""
        try:
            pid, start_time = self._pid_file(name).read_text().split()
            process = Process(name, int(pid), int(start_time))
        except (OSError, ValueError):
            # None was started, or the machine went down while it was written, or somebody has deleted the directory.
            return next((found for found, home in _running([name]) if home == self.directory), None)
        return process if process.alive else None

    def stop(self, names: Iterable[str], patience_seconds: float = 3) -> None:
        """Ends programs together: asks (TERM), after `patience_seconds` ends what is left (KILL), then forgets them.

        Raises ControlPlaneError when one survives even that (a process stuck in the kernel).
        """
        chosen = list(names)
        processes = [process for name in chosen if (process := self.find(name))]
        for process in processes:
            process.signal(signal.SIGTERM)
        left = _wait_for_end(processes, patience_seconds)
        for process in left:
            process.signal(signal.SIGKILL)
        if stuck := _wait_for_end(left, 10):
            names_and_pids = ", ".join(f"{process.name} (process {process.pid})" for process in stuck)
            raise ControlPlaneError(f"could not be ended, not even by SIGKILL: {names_and_pids}")
        for name in chosen:
            self._pid_file(name).unlink(missing_ok=True)

    def ended(self, name: str) -> str:
        """What to say of a program that should run and does not."""
        return f"{name} has ended by itself; {self.last_lines(name)}"

    def last_lines(self, name: str) -> str:
        """The end of a program's output and where the rest is, for an error message."""
        try:
            lines = self.log(name).read_text(errors="replace").splitlines()[-LAST_LINES:]
        except OSError:
            lines = []
        if not lines:
            return f"it printed nothing (log: {self.log(name)})"
        return f"its last lines (log: {self.log(name)}):\n" + "\n".join(f"    {line[:400]}" for line in lines)

    def _spawn(self, name: str, program: Path, arguments: Sequence[str], log: Path) -> Process:
        if self.namespace:  # nsenter becomes the program: the process stays the same
            program, arguments = NSENTER, [f"--net={self.namespace}", "--", str(program), *arguments]
        try:
            pid = os.posix_spawn(
                program,
                [str(program), *arguments],
                _environment(self.directory),
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
                    (os.POSIX_SPAWN_DUP2, 1, 2),
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=(signal.SIGPIPE,),  # which Python ignores
            )
        except OSError as error:
            raise ControlPlaneError(f"{name} could not be started from {program}: {error.strerror}") from error
        start_time = _start_time(pid)
        if start_time is None:
            raise ControlPlaneError(self.ended(name))
        return Process(name, pid, start_time)

    def _pid_file(self, name: str) -> Path:
        return self.directory / "run" / f"{name}.pid"


def homes(names: Collection[str]) -> set[Path]:
    """The directories of the programs of those names that run, whether the directories still exist or not."""
    return {home for _, home in _running(names)}


def _running(names: Collection[str]) -> Iterator[tuple[Process, Path]]:
    """This user's running programs of those names, each with its HOME, which is their directory (see `_environment`)."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name = Path(os.fsdecode((folder / "cmdline").read_bytes().partition(b"\0")[0])).name
            if name not in names:
                continue
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:  # it ended, or is another user's
            continue
        home = next((entry[5:] for entry in variables if entry.startswith(b"HOME=")), b"")
        started = _start_time(int(folder.name))
        if home and started is not None:
            yield Process(name, int(folder.name), started), Path(os.fsdecode(home))


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Holds Ctrl-C and termination back until the end of the context."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _environment(home: Path) -> Mapping[str, str]:
    # Nothing of the caller's: no proxy, no Go tuning, no kubeconfig, no secret. HOME inside, because kwok looks there
    # for a configuration.
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "TMPDIR": tempfile.gettempdir()}


def _start_time(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot, or None when it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name, in brackets, may hold spaces and brackets itself: what follows the last one is field 3 (the state) and
    # on.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):  # somebody else's child: its parent, or init, reaps it
        os.waitpid(pid, os.WNOHANG)


def _wait_for_end(processes: Iterable[Process], seconds: float) -> list[Process]:
    """Those that still run after `seconds`."""
    deadline = time.monotonic() + seconds
    left = [process for process in processes if process.alive]
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [process for process in left if process.alive]
    return left
