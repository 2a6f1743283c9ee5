"""Fixtures: one PostgreSQL and one cache for all tests, a database for each test module, applications on top."""

import hashlib
import json
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from tests.app.servers import Application, CacheServer, PostgreSql, free_port, run_module, stopping

USER, PASSWORD = "quotes_app", "database-password-91c2"
_numbers = count(1)


@dataclass
class Place:
    """A migrated database, the cache, and the files with their passwords."""

    folder: Path
    postgresql: PostgreSql
    cache: CacheServer
    database: str

    @property
    def password_file(self) -> Path:
        """The file that the application reads the database's password from."""
        return self.folder / "database-password"

    def environment(self, **changed: str) -> dict[str, str]:
        """A right environment for the application, with fresh ports."""
        return {
            "PORT": str(free_port()),
            "METRICS_PORT": str(free_port()),
            "LOG_LEVEL": "info",
            "DATABASE_HOST": "127.0.0.1",
            "DATABASE_PORT": str(self.postgresql.port),
            "DATABASE_NAME": self.database,
            "DATABASE_USER": USER,
            "DATABASE_AUTHENTICATION": "password",
            "DATABASE_PASSWORD_FILE": str(self.password_file),
            "DATABASE_TLS": "disable",
            "DATABASE_POOL_SIZE": "5",
            "CACHE_HOST": "127.0.0.1",
            "CACHE_PORT": str(self.cache.port),
            "CACHE_TLS": "false",
            "CACHE_AUTHENTICATION": "password",
            "CACHE_PASSWORD_FILE": str(self.folder / "cache-password"),
            "SECURE_COOKIES": "false",
            "RATE_LIMIT_READING": "0",
            "RATE_LIMIT_WRITING": "0",
            "RATE_LIMIT_SIGNING_IN": "0",
            **changed,
        }

    def sign_in(self, application: Application, name: str = "marcus") -> int:
        """Make a user with a session, which every request of the application's client then shows; returns the user's id.

        Beside the API, whose hashing and limits would cost every test its time; test_sessions.py goes through it.
        """
        made = f"""
            INSERT INTO users (name, password_hash) VALUES ('{name}', '')
            ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id
        """  # noqa: S608 - names of these tests
        number: int = self.postgresql.run(made, self.database)[0][0]
        token = secrets.token_urlsafe(32)
        session = json.dumps({"user": number, "version": 1, "since": int(time.time())})
        self.cache.client().set(f"{{session}}:{hashlib.sha256(token.encode()).hexdigest()}", session)
        application.client.headers["Authorization"] = f"Bearer {token}"
        return number

    def empty(self) -> None:
        """Remove every quote and everything cached."""
        self.postgresql.run("TRUNCATE quotes, users CASCADE", self.database)
        self.cache.client().flushall()


@pytest.fixture(scope="session")
def temporary_folder() -> Iterator[Path]:
    # Not tmp_path: pytest closes its folders to other users, and PostgreSQL runs as one.
    folder = Path(tempfile.mkdtemp(prefix="app-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql(temporary_folder: Path) -> Iterator[PostgreSql]:
    folder = temporary_folder / "postgresql"
    folder.mkdir()
    server = PostgreSql(folder)
    with stopping(server):
        server.start()
        server.run(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
        yield server


@pytest.fixture(scope="session")
def cache(temporary_folder: Path) -> Iterator[CacheServer]:
    folder = temporary_folder / "cache"
    folder.mkdir()
    server = CacheServer(folder)
    with stopping(server):
        server.start()
        yield server


@pytest.fixture
def unmigrated(temporary_folder: Path, postgresql: PostgreSql, cache: CacheServer) -> Place:
    """An empty database of its own."""
    return _place(temporary_folder, postgresql, cache)


@pytest.fixture(scope="module")
def place(temporary_folder: Path, postgresql: PostgreSql, cache: CacheServer) -> Place:
    """A migrated database, one for each test module."""
    made = _place(temporary_folder, postgresql, cache)
    migrated = run_module("app.migrate", made.environment())
    assert migrated.returncode == 0, migrated.stdout + migrated.stderr
    return made


def _place(temporary_folder: Path, postgresql: PostgreSql, cache: CacheServer) -> Place:
    number = next(_numbers)
    folder = temporary_folder / f"place-{number}"
    folder.mkdir()
    postgresql.run(f"CREATE DATABASE quotes_{number} OWNER {USER}")
    made = Place(folder, postgresql, cache, f"quotes_{number}")
    cache.client().flushall()  # the databases share it, one after the other
    made.password_file.write_text(PASSWORD + "\n")
    (folder / "cache-password").write_text(CacheServer.PASSWORD)
    return made


@pytest.fixture
def user() -> str | None:
    """Who is logged in when a test begins; a module in which nobody is says so in a fixture of its own."""
    return "marcus"


@pytest.fixture
def start(place: Place, user: str | None) -> Iterator[Callable[..., Application]]:
    """Starts applications, with changed settings if wanted, and stops them after the test."""
    started: list[Application] = []

    def starting(*, ready: bool = True, **changed: str) -> Application:
        application = Application(place.environment(**changed), place.folder)
        started.append(application)
        application.start(ready)
        if ready and user:
            place.sign_in(application, user)
        return application

    try:
        yield starting
    finally:
        for application in started:
            application.stop()


@pytest.fixture(scope="module")
def shared(place: Place) -> Iterator[Application]:
    """One application for the tests of a module that harm nothing."""
    application = Application(place.environment(), place.folder)
    with stopping(application):
        yield application.start()


@pytest.fixture
def application(shared: Application, place: Place, user: str | None) -> Application:
    """The module's application, with no quotes, and a client that is logged in as `user`."""
    place.empty()
    shared.client.headers.pop("Authorization", None)
    if user:
        place.sign_in(shared, user)
    return shared
