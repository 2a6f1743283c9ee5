"""`python -m benchmarks.application`: the application's speed beside its peers'; writes its section of docs/benchmarks.md.

The server has one core of its own; PostgreSQL, the cache and wrk share the others. Contestants take turns in each round, so that
what else the machine does slows them alike. `--alone` measures and prints the application only.
"""

import argparse
import contextlib
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks import contestants, wrk
from benchmarks.comparison import Figures, Server, goals, tables, with_section
from benchmarks.contestants import Contestant
from benchmarks.wrk import Load, NoLoadError, Run
from rehearsal.toolchain.errors import ToolchainError
from tests.app.conftest import PASSWORD, USER, Place
from tests.app.servers import Application, CacheServer, PostgreSql, run_module, stopping

ROOT = Path(__file__).resolve().parents[1]
QUOTES = 10_000
WORDS = 1000
"""Of the quotes' text: each is in ten of them."""

LOADS = (Load(64), Load(1000))
PEOPLE = Load(1000, pause_seconds=2)
"""1000 users at once, for the application only: gunicorn's threads wait for the first bytes of whoever connects, so that few
clients that pause keep all of them busy; a load balancer stands before it for that."""

WARM_SECONDS = 1
STARTS = 3
ROUNDS, SECONDS = 3, 5


@dataclass(frozen=True)
class Case:
    """What is asked: Lua that returns the request, and of which edition of the server."""

    name: str
    edition: str
    request: str


def cases(authorization: str) -> list[Case]:
    """The four paths; the last one needs somebody's session."""
    headers = f'{{["Authorization"] = "{authorization}", ["Content-Type"] = "application/json"}}'
    body = """'{"author": "Seneca", "text": "It is not the short time number ' .. number .. '"}'"""
    return [
        Case("database read", "plain", f'return wrk.format("GET", "/quotes/" .. (number % {QUOTES} + 1))'),
        Case("cache hit", "cached", 'return wrk.format("GET", "/quotes/" .. (number % 100 + 1))'),
        Case("search", "plain", f'return wrk.format("GET", "/search?q=word" .. (number * 7 % {WORDS} + 1))'),
        Case("write", "cached", f'return wrk.format("POST", "/quotes", {headers}, {body})'),
    ]


@contextlib.contextmanager
def place(folder: Path) -> Iterator[Place]:
    """PostgreSQL with the migrated, filled database, and the cache."""
    for name in ("postgresql", "cache"):
        (folder / name).mkdir()
    postgresql, cache = PostgreSql(folder / "postgresql", connections=100), CacheServer(folder / "cache")
    with stopping(postgresql, cache):
        postgresql.start()
        cache.start()
        postgresql.run(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
        postgresql.run(f"CREATE DATABASE quotes OWNER {USER}")
        made = Place(folder, postgresql, cache, "quotes")
        made.password_file.write_text(PASSWORD)
        (folder / "cache-password").write_text(CacheServer.PASSWORD)
        migrated = run_module("app.migrate", made.environment())
        if migrated.returncode:
            raise NoLoadError(f"the database can't be migrated:\n{migrated.stdout}{migrated.stderr}")
        rows = f"""
            INSERT INTO quotes (author, text)
            SELECT 'Seneca', repeat('vita ', 10) || 'word' || n % {WORDS} + 1 || ' of the many words in this quote'
            FROM generate_series(1, {QUOTES}) AS n
        """  # noqa: S608 - constants of this file
        postgresql.run(rows, "quotes")
        postgresql.run("VACUUM ANALYZE quotes", "quotes")
        yield made


def same_answers(taking_part: list[Contestant]) -> None:
    """Raise NoLoadError when a contestant answers something else than the first one."""
    for path in ("/quotes/7", "/search?q=word7"):
        answers = {
            contestant.name: httpx.get(f"http://127.0.0.1:{contestant.ports['plain']}{path}", timeout=10).json()
            for contestant in taking_part
        }
        expected = next(iter(answers.values()))
        for name, answer in answers.items():
            if repr(answer).replace("Z'", "+00:00'") != repr(expected):  # two ways to write one time
                raise NoLoadError(f"{name} answers {path} with {answer}, and not with {expected}")


def measure(here: Place, taking_part: list[Contestant], core: int, rounds: int, seconds: int) -> list[str]:
    """Start everybody, let them take turns, and return the section's tables."""
    with stopping(*taking_part):
        servers = {contestant.name: _started(contestant, core) for contestant in taking_part}
        same_answers(taking_part)
        runs: dict[tuple[str, Load, str], list[Run]] = {}
        for case in cases(_authorization(here)):
            for load in (*LOADS, PEOPLE):
                for turn in range(rounds):
                    for contestant in taking_part[: 1 if load is PEOPLE else None]:
                        run = _run(here, contestant, case, load, seconds, turn)
                        runs.setdefault((case.name, load, contestant.name), []).append(run)
                        print(
                            f"{case.name}, {load}, {contestant.name}: {run.requests / run.seconds:.0f}/s, p95 {run.p95:.0f} ms, "
                            f"{1e6 * run.cpu_seconds / max(1, run.requests):.0f} us of CPU, {run.failed} failed",
                            flush=True,
                        )
    found = {key: Figures.of(each) for key, each in runs.items()}
    return [*tables(found, servers), *goals(found, servers)]


def _started(contestant: Contestant, core: int) -> Server:
    cpu = []
    for _ in range(STARTS):
        contestant.stop()
        contestant.start("cached", core)
        cpu.append(sum(sum(process.cpu_times()[:2]) for process in contestant.processes("cached")))
    ready = contestant.start_seconds
    contestant.start("plain", core)
    return Server(ready, statistics.median(cpu))


def _run(here: Place, contestant: Contestant, case: Case, load: Load, seconds: int, turn: int) -> Run:
    port, processes = contestant.ports[case.edition], contestant.processes(case.edition)
    if not turn and load is LOADS[0]:
        wrk.run(here.folder, port, processes, case.request, load, WARM_SECONDS)
    run = wrk.run(here.folder, port, processes, case.request, load, seconds, first=turn * QUOTES)
    # It may have taken more requests than it has answered: the next one wants the core for itself.
    wrk.settle(processes)
    # What was written goes, so that the next one finds the same.
    here.postgresql.run(f"DELETE FROM quotes WHERE id > {QUOTES}", here.database)  # noqa: S608
    if case.name == "write":
        here.postgresql.run("VACUUM ANALYZE quotes", here.database)
    return run


def _authorization(here: Place) -> str:
    visitor = Application(here.environment(), here.folder)  # is not started: only its client is wanted
    here.sign_in(visitor)
    return visitor.client.headers["Authorization"]


def report(rounds: int = ROUNDS, seconds: int = SECONDS, *, alone: bool = False) -> list[str]:
    """Measure; returns the section's lines. Raises NoLoadError or ToolchainError."""
    wrk.require()
    cores = sorted(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="app-load-"))
    folder.chmod(0o755)
    os.sched_setaffinity(0, cores[1:])  # inherited by what is started, but for the contestants
    try:
        with place(folder) as here:
            taking_part = [contestants.ours(here), *([] if alone else contestants.peers(here))]
            lines = measure(here, taking_part, cores[0], rounds, seconds)
    finally:
        os.sched_setaffinity(0, cores)
        shutil.rmtree(folder, ignore_errors=True)
    return [
        f"`python -m benchmarks.application`, part of `make bench`: {rounds} rounds of {seconds} s each, contestants in turn; "
        f"the server on one core, wrk, PostgreSQL (without fsync) and Redis on {'another' if len(cores) == 2 else 'others'}; "
        f"load before: {load:.1f}. {QUOTES} quotes, {contestants.POOL_SIZE} connections to the database each, logs on, no limits "
        "on requests. Database read and search: without the cache. Write: with a session of Redis and its user of PostgreSQL "
        "looked up. Ours to theirs: how many times the requests of one CPU second of the server; it holds on a busy machine, "
        "where the other figures are worse than a free one's. Without pauses, 1000 connections wait for 1000 divided by the "
        "requests/s, whatever serves them.",
        "",
        *lines,
    ]


def write(lines: list[str]) -> None:
    """Put the section into docs/benchmarks.md, in the place of the last one."""
    target = ROOT / "docs" / "benchmarks.md"
    target.write_text(with_section(target.read_text(), "The application", lines))


def main() -> int:
    """Measure and write; returns the process' exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="of one run of wrk")
    parser.add_argument("--alone", action="store_true", help="without the peers; prints and does not write")
    asked = parser.parse_args()
    try:
        lines = report(asked.rounds, asked.seconds, alone=asked.alone)
    except (NoLoadError, ToolchainError) as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(lines))
    if not asked.alone:
        write(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
