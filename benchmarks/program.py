"""What the program costs before the engine does anything: its imports, its resources, and how both grow.

All figures are of processor time of whole processes, which other work on the machine changes less than wall time; ratios are of
processes that took turns in one run. The goal: the program for prod takes at most 1.5 times what importing the same modules
of the SDKs alone takes.
"""

import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
SDKS = ("pulumi", "pulumi_aws", "pulumi_eks", "pulumi_kubernetes", "grafana_foundation_sdk")
ROUNDS = 5
GOAL = 1.5
WORKLOADS = (10, 50, 100, 200, 500)

# As stacks/__main__.py does it: imports without the collector.
_QUIET = "import gc, importlib, json, sys; gc.disable()\n"
_PROGRAM = f"{_QUIET}from stacks.plan import plan_of, settings_of; gc.enable(); plan_of('prod', settings_of('prod'))"
_LIST = (
    f"{_PROGRAM}; print(json.dumps([name for name, module in sys.modules.items() "
    f"if name.split('.')[0] in {SDKS} and type(module).__name__ != '_LazyModule']))"
)
# The SDKs load a service's package when somebody asks it for a name; begun with one of its modules, more would be loaded.
_IMPORT = (
    _QUIET
    + "[getattr(sys.modules.get(m) or importlib.import_module(m), '_utilities', None) for m in json.loads({modules!r})]"
)
_GROWN = """
import resource, sys, time
from stacks.plan import plan_of, settings_of, stack_file
image = "111122223333.dkr.ecr.eu-west-3.amazonaws.com/echo:1.0"
workloads = {f"echo-{number}": {"image": image} for number in range(int(sys.argv[1]))}
settings = settings_of("dev", {**stack_file("dev"), "marlinspike:workloads": workloads})
began = time.process_time()
plan = plan_of("dev", settings)
print(len(plan.resources), time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@dataclass(frozen=True)
class Grown:
    """One program: how many workloads and resources it has, its processor seconds without imports, its memory in MiB."""

    workloads: int
    resources: int
    seconds: float
    mebibytes: float


def _run(code: str, *arguments: str) -> tuple[str, float]:
    """What a Python process prints, and its processor seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"the program ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def beside_its_imports() -> tuple[float, float, float]:
    """Processor seconds of importing the SDKs' modules alone and of the whole prod program, and the median of their ratios."""
    modules = _run(_LIST)[0].strip()
    pairs = [(_run(_IMPORT.format(modules=modules))[1], _run(_PROGRAM)[1]) for _ in range(ROUNDS)]
    alone, program = zip(*pairs, strict=True)
    return statistics.median(alone), statistics.median(program), statistics.median(p / a for a, p in pairs)


def growth() -> list[Grown]:
    """The same environment with more and more further workloads."""
    found = []
    for count in WORKLOADS:
        resources, seconds, mebibytes = _run(_GROWN, str(count))[0].split()
        found.append(Grown(count, int(resources), float(seconds), float(mebibytes)))
    return found


class Shares(threading.Thread):
    """Whose processor time a command takes: samples all its processes until `end`, and adds them up by their part in it."""

    PARTS: Mapping[str, Callable[[str], bool]] = {
        # In this order: the engine's command names the policies, the language host's the program's own.
        "the engine": lambda line: line.split(" ")[0].rpartition("/")[2] == "pulumi",
        "the language host": lambda line: "rehearsal.language_host" in line,
        "the program": lambda line: "pulumi-language-python-exec" in line,
        "the plugins": lambda line: "rehearsal.plugins" in line,
        "the policies": lambda line: "pulumi.policy" in line,
    }

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._root = psutil.Process(pid)
        self._ended = threading.Event()
        self._seen: dict[int, tuple[str, float]] = {}

    def run(self) -> None:
        """Samples ten times a second; a process' last sample counts."""
        while not self._ended.wait(0.1):
            try:
                processes = [self._root, *self._root.children(recursive=True)]
            except psutil.Error:
                continue
            for process in processes:
                try:
                    used = process.cpu_times()
                    self._seen[process.pid] = (" ".join(process.cmdline()), used.user + used.system)
                except psutil.Error:
                    continue

    def end(self) -> dict[str, float]:
        """Processor seconds by part; what belongs to none is the command itself and what it starts."""
        self._ended.set()
        self.join()
        found = dict.fromkeys([*self.PARTS, "the rest"], 0.0)
        for line, seconds in self._seen.values():
            part = next((name for name, belongs in self.PARTS.items() if belongs(line)), "the rest")
            found[part] += seconds
        return found


def preview_shares(stack: str) -> tuple[float, dict[str, float]]:
    """A preview without change of a rehearsed stack: wall seconds, and processor seconds by part."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "rehearsal", "preview", stack],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    )
    shares = Shares(process.pid)
    shares.start()
    status = process.wait()
    found = shares.end()
    if status:
        raise RuntimeError(f"the preview of {stack} ended with {status}; look at out/{stack}/pulumi.log")
    return time.monotonic() - began, found


def report() -> list[str]:
    """The section of docs/benchmarks.md."""
    print("  the program beside its imports, and its growth ...", flush=True)
    alone, program, ratio = beside_its_imports()
    grown = growth()
    first, last = grown[0], grown[-1]
    further = (last.seconds - first.seconds) / (last.resources - first.resources)
    steepness = further / (first.seconds / first.resources)
    return [
        f"Medians of {ROUNDS} rounds, in processor seconds of whole processes. Importing the modules of the SDKs that prod "
        f"uses, and nothing else: {alone:.1f} s; the whole program under mocks: {program:.1f} s, {ratio:.2f} times that "
        f"(goal: {GOAL}, {'met' if ratio <= GOAL else 'missed'}).",
        "",
        "Stack dev with more and more workloads, without imports:",
        "",
        "| workloads | resources | processor time | for each resource | memory |",
        "|---|---|---|---|---|",
        *(
            f"| {each.workloads} | {each.resources} | {each.seconds:.2f} s | {1000 * each.seconds / each.resources:.2f} ms "
            f"| {each.mebibytes:.0f} MiB |"
            for each in grown
        ),
        "",
        f"Each further resource takes {1000 * further:.2f} ms, {steepness:.2f} times what one of the smallest program takes: "
        f"{'linear' if steepness < 1.5 else 'more than linear'}. "
        "What grows faster than the number of resources is the SDK: a dependency on a component is one on each of its children, "
        "and every workload waits for the network policies of all.",
    ]


def shares_report(stack: str) -> list[str]:
    """Where the time of a preview goes; the stack must be up."""
    seconds, shares = preview_shares(stack)
    parts = ", ".join(f"{part} {used:.1f} s" for part, used in sorted(shares.items(), key=lambda share: -share[1]))
    return [
        "",
        f"A preview of {stack} without change takes {seconds:.1f} s, and {sum(shares.values()):.1f} s of processor time: "
        f"{parts}.",
    ]
