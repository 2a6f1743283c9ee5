"""The benchmark of the application: figures of several runs in one, goals judged honestly, a section that replaces itself."""

import dataclasses

from benchmarks.comparison import Figures, Server, goals, tables, with_section
from benchmarks.wrk import Load, Run

LOAD = Load(64)
RUN = Run(requests=1500, seconds=1, p50=40, p95=90, p99=120, failed=0, cpu_seconds=0.75, mebibytes=80)
SERVERS = {"ours": Server(1.0, 0.7), "peer": Server(2.0, 1.1)}


def figures(**changed: float) -> Figures:
    return Figures.of([dataclasses.replace(RUN, **changed)])


def test_runs_become_medians_but_cpu_is_of_all_and_memory_the_most() -> None:
    runs = [RUN, dataclasses.replace(RUN, requests=500, p95=300, mebibytes=90), dataclasses.replace(RUN, requests=1000)]
    got = Figures.of(runs)
    assert (got.requests_a_second, got.p95, got.mebibytes) == (1000, 90, 90)
    assert got.milliseconds_of_cpu == 0.75


def test_goals_are_met_or_missed_by_what_was_measured() -> None:
    def judged(ours: Figures, peer: Figures) -> list[str]:
        found = {("database read", LOAD, "ours"): ours, ("database read", LOAD, "peer"): peer}
        return [line.split("|")[3].strip() for line in goals(found, SERVERS)[3:]]

    assert judged(figures(), figures(requests=700)) == ["met"] * 5
    assert judged(figures(requests=999, p95=200, mebibytes=256), figures(requests=700)) == ["**missed**"] * 4 + ["met"]


def test_a_server_that_answered_nothing_is_no_division_by_zero() -> None:
    found = {("write", LOAD, name): figures(requests=0, cpu_seconds=0.5) for name in SERVERS}
    assert any("**missed**" in line for line in goals(found, SERVERS))
    assert "| write | 64 | peer | 0 |" in "\n".join(tables(found, SERVERS))


def test_a_section_takes_the_place_of_the_last_one_and_leaves_the_others() -> None:
    document = "# Title\n\n## One\n\nold\n## Two\n\nstays\n"
    assert with_section(document, "One", ["new"]) == "# Title\n\n## One\n\nnew\n\n## Two\n\nstays\n"
    assert with_section(document, "Two", ["new"]) == "# Title\n\n## One\n\nold\n## Two\n\nnew\n"
    assert with_section(document, "Three", ["new"]).endswith("stays\n\n## Three\n\nnew\n")
