"""Who takes part in the benchmark of the application: it and two peers, each started on the server's core."""

import contextlib
import os
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from benchmarks.wrk import NoLoadError
from rehearsal import places
from rehearsal.toolchain.packages import ensure_packages
from tests.app.conftest import PASSWORD, USER, Place
from tests.app.servers import REPOSITORY, Application, CacheServer, Server, eventually, free_port, process_environment

LOCK = Path(__file__).parent / "peers" / "requirements.txt"
PEERS_GB = 0.3
"""What the peers' packages need, in 10^9 bytes. Measured: 0.1."""

POOL_SIZE = 12
"""Connections to the database of each contestant, as many as the threads of gunicorn."""

WORKERS, THREADS = 3, 4
"""Of gunicorn: twice the cores and one more, as its documentation advises, and few threads in each."""

_START = (
    "import sys, runpy; sys.path[:0] = sys.argv.pop(1).split(':'); sys.argv.pop(0); "
    "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)


@dataclass
class Contestant:
    """One server in two editions: `cached`, and `plain`, which reads from the database alone."""

    name: str
    cached: Server
    plain: Server
    ports: dict[str, int]
    starts: list[float] = field(default_factory=list)
    """Seconds from the process' start to its readiness."""

    def start(self, edition: str, core: int) -> None:
        """Start an edition on a core and wait until it is ready."""
        server: Server = getattr(self, edition)
        began = time.monotonic()
        with on_core(core):
            server.start()
        try:
            eventually(lambda: _ready(self.ports[edition]), 60, f"{self.name} is ready")
        except AssertionError as error:
            raise NoLoadError(f"{error}\n{server.lines()[-2000:]}") from None
        self.starts.append(time.monotonic() - began)

    def stop(self) -> None:
        """Stop both editions."""
        self.cached.stop()
        self.plain.stop()

    @property
    def start_seconds(self) -> float:
        """Of its starts the one in the middle."""
        return statistics.median(self.starts)

    def processes(self, edition: str) -> list[psutil.Process]:
        """The edition's process and what it has started."""
        server: Server = getattr(self, edition)
        if server.process is None:
            raise NoLoadError(f"{self.name} does not run: {server.lines()[-2000:]}")
        process = psutil.Process(server.process.pid)
        return [process, *process.children(recursive=True)]


def ours(place: Place) -> Contestant:
    """The application as its image runs it, at log level info and without limits on requests."""
    nowhere = str(free_port())
    cached = Application(place.environment(DATABASE_POOL_SIZE=str(POOL_SIZE)), place.folder)
    plain = Application(place.environment(DATABASE_POOL_SIZE=str(POOL_SIZE), CACHE_PORT=nowhere), place.folder)
    return Contestant("this application", cached.server, plain.server, {"cached": cached.port, "plain": plain.port})


def peers(place: Place) -> list[Contestant]:
    """FastAPI with SQLAlchemy's ORM on uvicorn, and Flask with it on gunicorn, from the lock file's packages."""
    packages = ensure_packages(
        places.cache(), "peers", LOCK, "the benchmark's peers", PEERS_GB, required=("fastapi", "gunicorn"), say=print
    )
    uvicorn = ["uvicorn", "benchmarks.peers.fastapi_orm:app", "--port"]
    gunicorn = [
        *("gunicorn", "benchmarks.peers.flask_gunicorn:app", "--workers", str(WORKERS), "--threads", str(THREADS)),
        *("--access-logfile", "-", "--bind"),
    ]
    return [
        _peer("FastAPI, ORM, asyncpg, uvicorn", place, packages, uvicorn, "{port}", POOL_SIZE),
        _peer("Flask, ORM, psycopg2, gunicorn", place, packages, gunicorn, "127.0.0.1:{port}", THREADS),
    ]


def _peer(name: str, place: Place, packages: Path, command: list[str], address: str, pool: int) -> Contestant:
    environment = {
        "DATABASE": f"{USER}:{PASSWORD}@127.0.0.1:{place.postgresql.port}/{place.database}",
        "POOL_SIZE": str(pool),
    }
    cache = {"CACHE": f"redis://:{CacheServer.PASSWORD}@127.0.0.1:{place.cache.port}/0"}
    ports = {edition: free_port() for edition in ("cached", "plain")}
    servers = {
        edition: Server(
            # -I and -S: with its own packages only, and none of this environment.
            [sys.executable, "-I", "-S", "-c", _START, f"{packages}:{REPOSITORY}", *command, address.format(port=port)],
            place.folder / f"peer-{port}.log",
            process_environment(environment | (cache if edition == "cached" else {})),
        )
        for edition, port in ports.items()
    }
    return Contestant(name, servers["cached"], servers["plain"], ports)


def _ready(port: int) -> bool:
    return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started meanwhile runs on that core only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
