"""Measures what a newcomer waits for, and writes docs/benchmarks.md.

Each figure comes from a whole process, run as a person runs it. On a shared machine only ratios within one run can be compared.
FULL=1 also measures the first rehearsal of all, with empty caches: tools built or downloaded (a quarter of an hour).
"""

import datetime
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks import application, program, restore_times
from benchmarks.comparison import with_section
from rehearsal.critical_path import Link, critical_path, plan_of_state, unavoidable_seconds
from rehearsal.run import Rehearsal

ROOT = Path(__file__).resolve().parents[1]
PYTHON = sys.executable
RUNS = 3
STACKS = ("prod", "staging", "dev", "local")
FIRST_UP = ("prod", "staging", "dev")
LONG_SECONDS = 30


@dataclass(frozen=True)
class Measured:
    """One command: wall seconds, and the most memory that it and all that it started held at once, in MiB."""

    seconds: float
    mebibytes: float
    output: str


class Memory(threading.Thread):
    """Samples the memory of a process and its descendants, of control planes too (their pages shared out, PSS)."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._root = psutil.Process(pid)
        self._ended = threading.Event()
        self._seen: dict[int, psutil.Process] = {}
        self.most = 0.0

    def run(self) -> None:
        """Samples twice a second until `end`."""
        while not self._ended.wait(0.5):
            try:
                for process in [self._root, *self._root.children(recursive=True)]:
                    self._seen.setdefault(process.pid, process)  # the control plane's programs outlive their parent
            except psutil.Error:
                pass
            self.most = max(self.most, sum(_pss(process) for process in self._seen.values()) / 2**20)

    def end(self) -> None:
        """No more samples; `most` is what was the most."""
        self._ended.set()
        self.join()


def _pss(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def measure(*command: str, environment: dict[str, str] | None = None) -> Measured:
    """Runs a command to its end. Raises RuntimeError with its last words when it fails."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )
        memory = Memory(process.pid)
        memory.start()
        status = process.wait()
        seconds = time.monotonic() - began
        memory.end()
        output.seek(0)
        text = output.read()
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with {status}:\n{text[-2000:]}")
    return Measured(seconds, memory.most, text)


def rehearsal(command: str, stack: str) -> Measured:
    """One command of the rehearsal."""
    print(f"  {command} {stack} ...", flush=True)
    return measure(PYTHON, "-m", "rehearsal", command, stack)


def rehearsals() -> list[str]:
    """For each stack: up from nothing (control plane included), a preview without change, and destroy; then the first `up`."""
    chains: list[tuple[str, list[Link]]] = []
    shares: list[str] = []
    rows = [
        "| stack | resources | up, warm caches | preview, no change | destroy | most memory |",
        "|---|---|---|---|---|---|",
    ]
    for stack in STACKS:
        rehearsal("destroy", stack)
        up = rehearsal("up", stack)
        if stack in FIRST_UP:
            chains.append((stack, critical_path(plan_of_state(Rehearsal(stack).state()["deployment"]["resources"]))))
        previews = [rehearsal("preview", stack) for _ in range(RUNS)]
        if stack == STACKS[0]:
            shares = program.shares_report(stack)
        down = rehearsal("destroy", stack)
        resources = up.output.split(" is up: ")[1].split(" ")[0]
        rows.append(
            f"| {stack} | {resources} | {up.seconds:.0f} s | {_middle([p.seconds for p in previews])} "
            f"| {down.seconds:.0f} s | {up.mebibytes:.0f} MiB |"
        )
    return [*rows, *shares, *first_ups(chains)]


def first_ups(chains: Sequence[tuple[str, list[Link]]]) -> list[str]:
    """The longest chain of a first `up` on AWS, from the rehearsed plan's dependencies and rehearsal/durations.py."""
    bound = unavoidable_seconds()
    lines = [
        "",
        "A first `up` on AWS, computed from the rehearsed plan's dependencies and typical durations (rehearsal/durations.py; "
        f"not measured). What no order can shorten (cluster, nodes, DNS, jobs, application) takes {bound / 60:.1f} min.",
        "",
        "| stack | longest chain | above the unavoidable | its links of half a minute and more |",
        "|---|---|---|---|",
    ]
    for stack, chain in chains:
        long = ", ".join(
            f"{link.key.rpartition('::')[2]} {link.seconds} s" for link in chain if link.seconds >= LONG_SECONDS
        )
        ready = chain[-1].ready
        lines.append(f"| {stack} | {ready / 60:.1f} min | {100 * (ready / bound - 1):.0f} % | {long} |")
    return lines


def programs() -> list[str]:
    """The unit tests."""
    print("  unit tests ...", flush=True)
    units = [measure(PYTHON, "-m", "pytest", "-q", "tests/unit") for _ in range(RUNS)]
    counted = units[-1].output.strip().splitlines()[-1]
    return [
        "| what | median of three (min, max) |",
        "|---|---|",
        f"| unit tests ({counted.split(' in ')[0]}) | {_middle([u.seconds for u in units])} |",
    ]


def from_nothing() -> list[str]:
    """The first rehearsal of all: no tools, no Go module, no build cache."""
    print("  the first rehearsal with empty caches (a quarter of an hour) ...", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="marlinspike-nothing-"))
    caches = {"MARLINSPIKE_CACHE": "tools", "GOMODCACHE": "modules", "GOCACHE": "build"}
    try:
        rehearsal("destroy", "prod")
        first = measure(
            PYTHON,
            "-m",
            "rehearsal",
            "up",
            "prod",
            environment={**{name: str(folder / sub) for name, sub in caches.items()}, "GOFLAGS": "-modcacherw"},
        )
        rehearsal("destroy", "prod")
    finally:
        shutil.rmtree(folder)
    return ["", f"The first `make rehearse` with empty caches, tools built from source: {first.seconds / 60:.1f} min."]


def _middle(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.1f} s ({min(seconds):.1f}, {max(seconds):.1f})"


def main() -> None:
    """Measures and writes."""
    print("measuring; nothing else should run on this machine now")
    load = os.getloadavg()[0]
    lines = [
        "# Benchmarks",
        "",
        "Made by `make bench` (FULL=1 for the first rehearsal too); don't edit. Wall time of whole commands; memory is "
        "the sum of all processes at the worst moment, control plane included, shared pages divided among their users.",
        "",
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {os.cpu_count()} cores, "
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.system()}, Python {platform.python_version()}, "
        f"load before: {load:.1f}.",
        "",
        *rehearsals(),
        "",
        *programs(),
        *(from_nothing() if os.environ.get("FULL") else []),
    ]
    target = ROOT / "docs" / "benchmarks.md"
    kept = target.read_text().partition("\n## ")[2] if target.exists() else ""
    text = "\n".join(lines) + "\n" + (f"\n## {kept}" if kept else "")
    text = with_section(text, restore_times.TITLE, restore_times.report())
    target.write_text(with_section(text, "The program", program.report()))
    application.write(application.report())
    print(f"written to {target.relative_to(ROOT)}; next: git diff docs/benchmarks.md")


if __name__ == "__main__":
    main()
