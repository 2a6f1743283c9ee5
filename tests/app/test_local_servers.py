"""PostgreSQL and Valkey as stack `local` runs them: real servers with exactly the arguments that the program gives its pods."""

import hashlib
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from infra.in_cluster.cache import DATA_FOLDER
from infra.pods import SECRETS_FOLDER
from tests.app.programs import cache_binary
from tests.app.servers import PostgreSql, Server, eventually, free_port, stopping
from tests.unit.plan import planned

STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"


def container(name: str) -> dict[str, Any]:
    """Of a server of stack `local`, as the program registers it."""
    [found] = planned("local").only(STATEFUL_SET, f"{name}-server").inputs["spec"]["template"]["spec"]["containers"]
    result: dict[str, Any] = found
    return result


class Valkey:
    """The cache with the pod's arguments: only its folders are the test's own, and one user more that may ask for everything."""

    def __init__(self, folder: Path) -> None:
        self.port, self._password = free_port(), secrets.token_urlsafe(16)
        places = {DATA_FOLDER: folder, SECRETS_FOLDER: folder}
        arguments = container("valkey")["args"][1:]
        for pod, here in places.items():
            arguments = [str(here) + word.removeprefix(pod) if word.startswith(pod) else word for word in arguments]
        digest = hashlib.sha256(self._password.encode()).hexdigest()
        (folder / "cache-users.acl").write_text(f"user default off\nuser tester on #{digest} ~* &* +@all\n")
        own = ["--port", str(self.port), "--bind", "127.0.0.1"]
        self.server = Server([cache_binary(), *arguments, *own], folder / "log", {})

    def start(self) -> None:
        self.server.start()
        eventually(lambda: self.client().ping(), what="the cache answers")

    def stop(self) -> None:
        self.server.stop()

    def kill(self) -> None:
        """Without a chance to save anything."""
        assert self.server.process is not None
        self.server.process.send_signal(signal.SIGKILL)
        self.server.process.wait()

    def client(self) -> Any:
        return redis.Redis(
            port=self.port, username="tester", password=self._password, socket_timeout=2, decode_responses=True
        )


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    with stopping(server):
        server.start()
        yield server


def test_the_cache_says_that_it_runs_as_it_was_told(valkey: Valkey) -> None:
    told = valkey.client().config_get(
        "appendonly", "save", "maxmemory", "maxmemory-policy", "maxclients", "slowlog-log-slower-than", "dir"
    )
    assert told == {
        "appendonly": "yes",
        "save": "900 1",
        "maxmemory": str(128 * 2**20),
        "maxmemory-policy": "allkeys-lru",
        "maxclients": "1000",
        "slowlog-log-slower-than": "10000",
        "dir": told["dir"],
    }
    assert Path(told["dir"]) == valkey.server.log.parent.resolve()


def test_the_slow_log_of_the_cache_has_what_took_longer_than_ten_milliseconds(valkey: Valkey) -> None:
    client = valkey.client()
    client.eval("local n = 0; for i = 1, 3e6 do n = n + i end; return n", 0)
    [slow] = client.slowlog_get()
    assert slow["duration"] > 10_000


def test_what_is_in_the_cache_is_still_there_when_it_was_killed(valkey: Valkey) -> None:
    client = valkey.client()
    client.set("session", "kept")
    # The append-only file is flushed once a second (`everysec`); a process that is killed has handed all of it to the kernel.
    valkey.kill()
    valkey.start()
    assert valkey.client().get("session") == "kept"


def test_a_snapshot_alone_brings_the_cache_back(valkey: Valkey) -> None:
    client = valkey.client()
    client.set("session", "kept")
    client.save()
    valkey.kill()
    folder = valkey.server.log.parent
    assert (folder / "dump.rdb").stat().st_size > 0
    for part in (folder / "appendonlydir").iterdir():
        part.unlink()
    (folder / "appendonlydir").rmdir()
    at = valkey.server.command.index("--appendonly") + 1
    valkey.server.command[at] = "no"
    valkey.start()
    assert valkey.client().get("session") == "kept"


@pytest.fixture
def postgresql(temporary_folder: Path, tmp_path: Path) -> Iterator[PostgreSql]:
    folder = temporary_folder / tmp_path.name
    folder.mkdir()
    server = PostgreSql(folder)
    server.server.command += container("postgresql")["args"]
    with stopping(server):
        server.start()
        yield server


def test_the_database_says_that_it_runs_as_it_was_told_and_fits_its_memory(postgresql: PostgreSql) -> None:
    told = dict(postgresql.run("SELECT name, current_setting(name) FROM pg_settings"))
    assert told["max_connections"] == "50"
    assert told["shared_buffers"] == "64MB"
    assert told["effective_cache_size"] == "128MB"
    assert told["log_min_duration_statement"] == "500ms"
    assert told["idle_in_transaction_session_timeout"] == "1min"
    assert container("postgresql")["resources"]["limits"]["memory"] == "256Mi"
    postgresql.run("CREATE EXTENSION pg_stat_statements")
    assert postgresql.run("SELECT count(*) > 0 FROM pg_stat_statements") == [(True,)]


def test_what_is_committed_is_still_there_when_the_database_was_killed(postgresql: PostgreSql) -> None:
    postgresql.run("CREATE TABLE kept (word text)")
    postgresql.run("INSERT INTO kept VALUES ('kept')")
    process = postgresql.server.process
    assert process is not None
    process.send_signal(signal.SIGKILL)
    process.wait()
    postgresql.start()
    assert postgresql.run("SELECT word FROM kept") == [("kept",)]
