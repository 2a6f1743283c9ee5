"""What the benchmark of the application found, as tables: figures, ratios to the better peer, and goals met or missed."""

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.wrk import Load, Run

REQUESTS_A_SECOND: Mapping[str, int] = {"database read": 1000, "cache hit": 1000, "search": 500, "write": 1000}
P95_MILLISECONDS = 200
MEBIBYTES = 256
READY_SECONDS = 5
TIMES_THE_BETTER_PEER = 2


@dataclass(frozen=True)
class Figures:
    """The runs of one case, load and contestant in one: medians, and CPU over all of them."""

    requests_a_second: float
    p50: float
    p95: float
    p99: float
    milliseconds_of_cpu: float
    """Of the server, for one request."""

    failed: int
    mebibytes: float

    @classmethod
    def of(cls, runs: Sequence[Run]) -> "Figures":
        """The figures of these runs, one a round."""

        def middle(name: str) -> float:
            return float(statistics.median(getattr(run, name) for run in runs))

        return cls(
            requests_a_second=statistics.median(run.requests / run.seconds for run in runs),
            p50=middle("p50"),
            p95=middle("p95"),
            p99=middle("p99"),
            milliseconds_of_cpu=1000 * sum(run.cpu_seconds for run in runs) / max(1, sum(run.requests for run in runs)),
            failed=sum(run.failed for run in runs),
            mebibytes=max(run.mebibytes for run in runs),
        )


@dataclass(frozen=True)
class Server:
    """What one contestant was beside its answers: seconds until it was ready, and CPU seconds of that."""

    ready_seconds: float
    ready_cpu_seconds: float


Found = Mapping[tuple[str, Load, str], Figures]
"""By case, load and contestant; the application is the first contestant."""


def tables(found: Found, servers: Mapping[str, Server]) -> list[str]:
    """Everything that was measured, case by case."""
    names = list(servers)
    lines = [
        "| case | connections | server | requests/s | p50, p95, p99 in ms | failed | CPU for a request | ours to theirs |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (case, load, name), figures in found.items():
        ours = found[case, load, names[0]]
        latencies = ", ".join(f"{value:.0f}" for value in (figures.p50, figures.p95, figures.p99))
        ratio = figures.milliseconds_of_cpu / ours.milliseconds_of_cpu
        lines.append(
            f"| {case} | {load} | {name} | {figures.requests_a_second:.0f} | {latencies} | {figures.failed} "
            f"| {figures.milliseconds_of_cpu:.2f} ms | {'' if name == names[0] else f'{ratio:.1f}'} |"
        )
    lines += ["", "| server | ready after | CPU until ready | most memory (PSS) |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {server.ready_seconds:.1f} s | {server.ready_cpu_seconds:.1f} s | {_memory(found, name):.0f} MiB |"
        for name, server in servers.items()
    ]
    return lines


def goals(found: Found, servers: Mapping[str, Server]) -> list[str]:
    """Each goal of the application, what was measured, and whether that meets it."""
    ours, *theirs = servers
    judged: list[tuple[str, str, bool]] = []
    for (case, load, name), figures in found.items():
        if name != ours:
            continue
        where, least, got = f"{case}, {load} connections", REQUESTS_A_SECOND[case], figures.requests_a_second
        if not load.pause_seconds:
            judged.append((f"{where}: at least {least} requests/s", f"{got:.0f}", got >= least))
        judged.append(
            (f"{where}: p95 below {P95_MILLISECONDS} ms", f"{figures.p95:.0f} ms", figures.p95 < P95_MILLISECONDS)
        )
        if case == "database read" and theirs and not load.pause_seconds:
            times = got / max(found[case, load, peer].requests_a_second for peer in theirs)
            goal = f"{where}: {TIMES_THE_BETTER_PEER} times the better peer's requests/s"
            judged.append((goal, f"{times:.1f} times", times >= TIMES_THE_BETTER_PEER))
    memory, ready = _memory(found, ours), servers[ours].ready_seconds
    judged.append((f"below {MEBIBYTES} MiB", f"{memory:.0f} MiB", memory < MEBIBYTES))
    judged.append((f"ready in less than {READY_SECONDS} s", f"{ready:.1f} s", ready < READY_SECONDS))
    lines = [f"| {goal} | {measured} | {'met' if met else '**missed**'} |" for goal, measured, met in judged]
    return ["", "| goal | measured | |", "|---|---|---|", *lines]


def with_section(document: str, title: str, lines: Sequence[str]) -> str:
    """The document with these lines below the heading `title` of the second level, in the place of what stood there."""
    section = f"## {title}\n\n" + "\n".join(lines) + "\n"
    pattern = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if pattern.search(document):
        return pattern.sub(lambda _: section + "\n", document).rstrip("\n") + "\n"
    return document.rstrip("\n") + "\n\n" + section


def _memory(found: Found, name: str) -> float:
    return max(figures.mebibytes for (_, _, whose), figures in found.items() if whose == name)
