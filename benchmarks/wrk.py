"""wrk: one run of load against one server, and what it cost the server."""

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

TIMEOUT_SECONDS = 10
IDLE_CPU_SECONDS = 0.03  # in a quarter of a second: what an idle server's own housekeeping takes at most

# wrk runs one thread, so that each text and each id of a round is its own; times come in microseconds.
_LUA = """
local number = {first}
request = function()
  number = number + 1
  {request}
end
{pause}
done = function(summary, latency, requests)
  local failed = summary.errors
  io.write(string.format('\\nMEASURED {{"requests":%d,"seconds":%f,"p50":%f,"p95":%f,"p99":%f,"failed":%d}}\\n',
    summary.requests - failed.status, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(95) / 1e3,
    latency:percentile(99) / 1e3, failed.status + failed.connect + failed.read + failed.write + failed.timeout))
end
"""


@dataclass(frozen=True)
class Load:
    """How many clients there are, and for how long each pauses before a request: 0 to twice `pause_seconds`, at random."""

    connections: int
    pause_seconds: float = 0

    def __str__(self) -> str:
        if self.pause_seconds:
            return f"{self.connections} (a request every {self.pause_seconds:g} s each)"
        return str(self.connections)


@dataclass(frozen=True)
class Run:
    """What one run measured: requests answered with success, latencies of all answers in milliseconds.

    Memory in MiB, shared pages divided among their users (PSS), at the end of the run.
    """

    requests: int
    seconds: float
    p50: float
    p95: float
    p99: float
    failed: int
    cpu_seconds: float
    mebibytes: float


class NoLoadError(Exception):
    """wrk can't be had, or it can't do its work; the message says what to do."""


def require() -> None:
    """Raise NoLoadError without wrk and two cores; install Debian's package when root."""
    if shutil.which("wrk") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        install = ["apt-get", "install", "--yes", "--quiet", "wrk"]
        subprocess.run(install, check=False, stdout=subprocess.DEVNULL)
    if shutil.which("wrk") is None:
        raise NoLoadError("wrk is not there: install the package wrk, and run the same command again")
    if len(os.sched_getaffinity(0)) < 2:
        raise NoLoadError("one core is too few: the server needs one of its own; run it where there are two")


def run(
    folder: Path, port: int, server: list[psutil.Process], request: str, load: Load, seconds: int, first: int = 0
) -> Run:
    """Put the load on the server at `port`, which these processes are, for so long.

    `request` is Lua that returns the request of `number`, which counts on from `first`.
    """
    pause = ""
    if load.pause_seconds:
        pause = f"delay = function() return math.random(0, {load.pause_seconds * 2000:.0f}) end"
    script = folder / "load.lua"
    script.write_text(_LUA.format(first=first, request=request, pause=pause))
    before = sum(_cpu(process) for process in server)
    command = [
        "wrk",
        "-t1",
        f"-c{load.connections}",
        f"-d{seconds}s",
        f"--timeout={TIMEOUT_SECONDS}s",
        "-s",
        str(script),
    ]
    ended = subprocess.run(
        [*command, f"http://127.0.0.1:{port}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 6 * TIMEOUT_SECONDS,
    )
    measured = [line for line in ended.stdout.splitlines() if line.startswith("MEASURED ")]
    if ended.returncode or not measured:
        raise NoLoadError(f"wrk ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    return Run(
        **json.loads(measured[0].removeprefix("MEASURED ")),
        cpu_seconds=sum(_cpu(process) for process in server) - before,
        mebibytes=sum(process.memory_full_info().pss for process in server) / 2**20,
    )


def settle(server: list[psutil.Process]) -> None:
    """Wait until the server does nothing more, or has been busy for as long as a client would wait."""
    until, before = time.monotonic() + TIMEOUT_SECONDS, float("-inf")
    while time.monotonic() < until:
        now = sum(_cpu(process) for process in server)
        if now - before < IDLE_CPU_SECONDS:
            return
        before = now
        time.sleep(0.25)


def _cpu(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))
