"""PostgreSQL: one pool of connections, each logged in with a fresh token or with the password file as it is then."""

import asyncio
import select
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from app import NAME
from app.settings import DatabaseServer, Settings
from app.together import Together

SCHEMA_REVISION = "0004"
"""The newest migration that this code needs.

Revisions are numbered, and a newer schema serves older code (migrations only expand).
"""

MOST_TOGETHER = 32  # rows in one statement
OPERATION_SECONDS = 4.0  # for a connection and the answer together; then the client gets a 503
POOL_WAIT_SECONDS = 2.0
CHECK_SECONDS = 1.0  # for so long after its server answered, a connection is trusted while nothing came in on it
CONNECTION_LIFE_SECONDS = 720.0  # a rotated password or a revoked role takes effect within 15 minutes
SERVER_LIMITS = (
    "-c statement_timeout=3000 -c lock_timeout=2500 -c idle_in_transaction_session_timeout=10000 -c timezone=UTC"
)

PasswordSource = Callable[[], str]


class DatabaseUnavailableError(Exception):
    """PostgreSQL did not answer in time, or not at all. Whether a write got through is unknown."""


def connection_parameters(settings: DatabaseServer, user: str, password: str) -> dict[str, Any]:
    """Parameters of libpq for a connection that notices within seconds that its server is gone."""
    tls = {"sslmode": "disable"}
    if settings.database_tls == "verify-full":
        tls = {"sslmode": "verify-full", "sslrootcert": str(settings.database_tls_ca_file)}
    return {
        "host": settings.database_host,
        "port": settings.database_port,
        "dbname": settings.database_name,
        "user": user,
        "password": password,
        "application_name": NAME,
        "connect_timeout": 3,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 5000,  # milliseconds
        # Of a standby, what it reads may be old: while an address still leads to one, there is no database.
        "target_session_attrs": "primary",
        **tls,
    }


class _Connection(AsyncConnection[DictRow]):
    """A connection that gives a cancelled statement one second; psycopg's ten would keep clients waiting."""

    checked_at = 0.0

    @property
    def silent(self) -> bool:
        """Whether nothing came in since the last answer: a server that stops or ends a session says so, or hangs up."""
        inbox = select.poll()
        inbox.register(self.pgconn.socket, select.POLLIN)
        return not inbox.poll(0)

    async def cancel_safe(self, *, timeout: float = 1.0) -> None:
        try:
            await super().cancel_safe(timeout=min(timeout, 1.0))
        except BaseException:
            self.pgconn.finish()
            raise


class Database:
    """The application's way to PostgreSQL."""

    def __init__(self, settings: Settings, password: PasswordSource) -> None:
        async def parameters() -> dict[str, Any]:
            # In a thread: a token may need new credentials from the Pod Identity agent, a file may sit on a slow
            # volume.
            current = await asyncio.to_thread(password)
            return {
                **connection_parameters(settings, settings.database_user, current),
                "options": SERVER_LIMITS,
                "autocommit": True,  # every request is one statement: no BEGIN and COMMIT around it
                "row_factory": dict_row,
            }

        self._pool: AsyncConnectionPool[_Connection] = AsyncConnectionPool(
            kwargs=parameters,
            connection_class=_Connection,
            min_size=min(2, settings.database_pool_size),
            max_size=settings.database_pool_size,
            max_lifetime=CONNECTION_LIFE_SECONDS,
            timeout=POOL_WAIT_SECONDS,
            max_waiting=1000,
            # The pool doubles its delay after each failure; giving up after 2 s keeps it at 1 s, and the next request
            # starts it again.
            reconnect_timeout=2.0,
            check=self._check,
            open=False,
            name="database",
        )
        self._drained_at = 0.0

    async def _check(self, connection: _Connection) -> None:
        """Try a connection before a request gets it. One that is dead condemns all idle ones, once a second at most.

        After a restart of the server they are all dead, and the pool alone would try them one by one, with growing
        delays. One that was tried within `CHECK_SECONDS` isn't asked again, or reads would go there and back twice.
        """
        if monotonic() - connection.checked_at < CHECK_SECONDS and connection.silent:
            return
        try:
            await AsyncConnectionPool.check_connection(connection)
            connection.checked_at = monotonic()
        except psycopg.Error:
            await self._drain()
            raise

    async def _drain(self) -> None:
        if monotonic() - self._drained_at > 1.0:
            self._drained_at = monotonic()
            await self._pool.drain()

    async def open(self) -> None:
        """Begin to connect, without waiting: while the database is late, /readyz says so."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close(timeout=2.0)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection[DictRow]]:
        """A connection in autocommit mode whose rows are dictionaries. Raises `DatabaseUnavailableError`."""
        try:
            async with asyncio.timeout(OPERATION_SECONDS), self._pool.connection() as connection:
                yield connection
        except (TimeoutError, psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise DatabaseUnavailableError(type(error).__name__) from error
        except psycopg.errors.ReadOnlySqlTransaction as error:
            # Psycopg files it under programming errors; but here a server takes no writes that took them before.
            await self._drain()
            raise DatabaseUnavailableError(type(error).__name__) from error

    def by_id(self, statement: str) -> Together[int, DictRow | None]:
        """Looks rows up by their ids, in one execution of `statement` for all that are asked for at once.

        It takes an array of ids and answers rows with an `id`; a row that isn't there is None. Raises `DatabaseUnavailableError`.
        """

        async def rows(numbers: list[int]) -> list[DictRow | None]:
            async with self.connection() as connection:
                found = await (await connection.execute(statement.encode(), (numbers,))).fetchall()
            by_id = {row["id"]: row for row in found}
            return [by_id.get(number) for number in numbers]

        return Together(rows, MOST_TOGETHER)

    async def is_migrated(self) -> bool:
        """Whether the schema has what this code needs. Raises `DatabaseUnavailableError`."""
        try:
            async with self.connection() as connection:
                row = await (
                    await connection.execute("SELECT max(version_num) AS revision FROM alembic_version")
                ).fetchone()
        except psycopg.errors.UndefinedTable:
            return False
        return bool(row and row["revision"] and row["revision"] >= SCHEMA_REVISION)

    async def ping(self) -> None:
        """Ask the server for a sign of life. Raises `DatabaseUnavailableError`."""
        async with self.connection() as connection:
            await connection.execute("SELECT 1")

    def statistics(self) -> dict[str, int]:
        """The pool's own figures (`pool_size`, `pool_available`, `requests_waiting`, ...)."""
        return self._pool.get_stats()
