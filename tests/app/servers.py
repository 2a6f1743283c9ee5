"""Real servers for the tests: PostgreSQL, Redis or Valkey, the application; child processes on free ports."""

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
import psycopg
import redis

from tests.app.certificates import Certificates
from tests.app.programs import ServerError, cache_binary, postgresql_binaries

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60.0  # what is waited for comes or doesn't, however busy the machine is


def free_port() -> int:
    """A port that nobody listens on now.

    Below those that Linux hands out for outgoing connections (32768 and up): one of them would take it meanwhile.
    """
    while True:
        port = random.randrange(20_000, 30_000)  # noqa: S311 - no secret
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("", port))
            return port


def eventually(true: Callable[[], object], seconds: float = PATIENCE_SECONDS, what: str = "") -> None:
    """Ask again until the answer is true. An exception counts as no. Fails after `seconds`."""
    until, last = time.monotonic() + seconds, None
    while time.monotonic() < until:
        try:
            if true():
                return
        except Exception as error:
            last = error
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what or true}; last error: {last}")


def _as(user: str | None) -> list[str]:
    """What starts a command as that user; and kills it when pytest is killed: no server outlives the tests.

    By `setpriv` of util-linux, not by `preexec_fn`: a fork of a process in which gRPC works aborts now and then.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return []
    entry = pwd.getpwnam(user) if user else None
    identity = [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"] if entry else []
    return [setpriv, *identity, "--pdeathsig", "KILL"]


@dataclass
class Server:
    """A child process that can be stopped, frozen and started again with the same data."""

    command: list[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; whether it answers is the caller's to wait for."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*_as(self.user), *self.command],
                env=self.environment,
                cwd=REPOSITORY if self.user is None else "/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def stop(self, seconds: float = 15) -> int:
        """Stop it, by force if it takes longer than `seconds`; returns its exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(self.stop_signal)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.process = None
        return status

    def freeze(self) -> None:
        """Stop it from running, while its connections stay open."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def lines(self) -> str:
        """What it has written."""
        return self.log.read_text(errors="replace")


class PostgreSql:
    """An own PostgreSQL instance with a superuser `postgres` (any password) and password logins for everybody else."""

    def __init__(self, folder: Path, connections: int = 50) -> None:
        self.port = free_port()
        self.data = folder / "data"
        certificates = Certificates(folder)
        self.authority = certificates.authority
        # PostgreSQL refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            os.chown(folder, pwd.getpwnam(self._user).pw_uid, -1)
        self._binaries = postgresql_binaries()
        arguments = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        initdb = Server(
            [str(self._binaries / "initdb"), "-D", str(self.data), *arguments], folder / "log", {}, self._user
        )
        initdb.start()
        assert initdb.process is not None
        if initdb.process.wait(60):
            raise ServerError(f"initdb failed: {initdb.lines()}")
        rules = "host all,replication postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (self.data / "pg_hba.conf").write_text(rules)
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": str(connections),
        }
        if self._user:
            shutil.chown(certificates.key, self._user)
        options |= {"ssl": "on", "ssl_cert_file": str(certificates.certificate), "ssl_key_file": str(certificates.key)}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command = [str(self._binaries / "postgres"), "-D", str(self.data), "-p", str(self.port), *settings]
        # SIGINT is "fast": it ends sessions, where SIGTERM would wait for them.
        self.server = Server(command, folder / "log", {}, self._user, signal.SIGINT)

    def start(self) -> None:
        """Start and wait until it answers."""
        self.server.start()
        eventually(lambda: self.run("SELECT 1"), what="PostgreSQL answers")

    def stop(self) -> None:
        """Stop it, and its sessions with it."""
        self.server.stop()

    def freeze(self) -> None:
        """Freeze every process of it: connections stay open, nothing answers."""
        for pid in self._processes():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let every process of it run on."""
        for pid in self._processes():
            os.kill(pid, signal.SIGCONT)

    def _processes(self) -> list[int]:
        assert self.server.process is not None
        postmaster = self.server.process.pid
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        return [postmaster, *map(int, children)]

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """A superuser's connection in autocommit mode."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname=database, connect_timeout=3, autocommit=True
        )

    @contextlib.contextmanager
    def transaction(self, database: str) -> Iterator[psycopg.Connection[Any]]:
        """A superuser's connection in a transaction, with which a test holds locks."""
        with self.connect(database) as connection:
            connection.autocommit = False
            yield connection

    def run(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run one statement as superuser; returns its rows, or one true element when it has none."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else [True]


class CacheServer:
    """An own Valkey or Redis with a password, without persistence."""

    PASSWORD = "cache-password-7f3a"  # noqa: S105 - of a server that lives for these tests

    def __init__(self, folder: Path) -> None:
        self.port, self.tls_port = free_port(), free_port()
        certificates = Certificates(folder)
        self.authority = certificates.authority
        binary = cache_binary()
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        options += ["--save", "", "--appendonly", "no"]
        options += ["--tls-port", str(self.tls_port), "--tls-auth-clients", "no"]
        options += ["--tls-ca-cert-file", str(certificates.authority)]
        options += ["--tls-cert-file", str(certificates.certificate), "--tls-key-file", str(certificates.key)]
        self.server = Server([binary, *options, "--requirepass", self.PASSWORD], folder / "log")

    def start(self) -> None:
        """Start and wait until it answers."""
        self.server.start()
        eventually(lambda: self.client().ping(), what="the cache answers")

    def stop(self) -> None:
        """Stop it; its content is gone."""
        self.server.stop()

    def client(self) -> "redis.Redis":
        """A client of its own."""
        return redis.Redis(port=self.port, password=self.PASSWORD, socket_timeout=2)


class Application:
    """`python -m app` as the image runs it, and a client for it."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.port, self.metrics_port = int(environment["PORT"]), int(environment["METRICS_PORT"])
        self.server = Server(
            [sys.executable, "-m", "app"], folder / f"app-{self.port}.log", process_environment(environment)
        )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def start(self, ready: bool = True) -> "Application":
        """Start and wait until it is ready, or only alive."""
        self.server.start()
        path = "/readyz" if ready else "/healthz"
        try:
            eventually(lambda: self.client.get(path).status_code == 200, what=f"{path} of the application")
        except AssertionError as error:
            self.stop()
            raise AssertionError(f"{error}\n{self.server.lines()}") from None
        return self

    def stop(self) -> int:
        """Ask it to stop, and wait; returns its exit status."""
        return self.server.stop()

    def metrics(self) -> str:
        """What Prometheus would scrape."""
        return httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5).text

    def add(self, author: str = "Seneca", text: str = "Dum differtur vita transcurrit.") -> dict[str, Any]:
        """Add a quote; returns it as answered. Fails unless it was created."""
        response = self.client.post("/quotes", json={"author": author, "text": text})
        assert response.status_code == 201, response.text
        quote: dict[str, Any] = response.json()
        return quote

    def ids(self, **query: int) -> list[int]:
        """Ids of the listed quotes."""
        response = self.client.get("/quotes", params=query)
        assert response.status_code == 200, response.text
        return [quote["id"] for quote in response.json()["items"]]


def process_environment(settings: dict[str, str]) -> dict[str, str]:
    """The environment of a process of the application: its settings and nothing of ours but what coverage needs."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("COVERAGE_", "COV_CORE_"))}
    return {**kept, "PATH": os.environ["PATH"], **settings}


def run_module(module: str, settings: dict[str, str], seconds: float = 60) -> subprocess.CompletedProcess[str]:
    """Run `python -m module` to its end."""
    return subprocess.run(
        [sys.executable, "-m", module],
        env=process_environment(settings),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


class Stoppable(Protocol):
    """Something that these tests started."""

    def stop(self) -> object:
        """End it."""


@contextlib.contextmanager
def stopping(*servers: Stoppable) -> Iterator[None]:
    """Stop the servers at the end, whatever happened."""
    try:
        yield
    finally:
        for server in servers:
            server.stop()
