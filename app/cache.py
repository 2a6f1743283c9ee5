"""The cache in Valkey or Redis: never needed for a right answer, and left alone while it doesn't work.

Every entry carries the generation under which it was read. A write starts a new generation, so that one command forgets
everything, and so that a slow reader that stores what it read before the write stores something that nobody will take.
Generations are random: an evicted one can't come back by counting from zero. Whenever the cache was away, a new one begins
with its return, or with another server in its place: what answers then may be a replica that had not heard of the last.
"""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import structlog
from redis.asyncio import BlockingConnectionPool, Redis, SSLConnection
from redis.asyncio.connection import AbstractConnection, Connection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import ConnectionError as CacheConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as CacheTimeoutError

from app.metrics import CACHE_LOOKUPS
from app.settings import Settings
from app.together import Together

GENERATION = "{quotes}:generation"
PROBE = "{quotes}:probe"
ENTRY = "{quotes}:2:"
"""Begins every key. The number is that of the answers' form: while versions roll, none takes another one's answers."""

GENERATION_BYTES = 16
ENTRY_SECONDS = 60  # bounds what a pod that is cut off from the cache while it writes can leave behind for the others
SOCKET_SECONDS = 1.0  # a failover leaves sockets to the demoted node behind
OPERATION_SECONDS = 1.5
CONNECTIONS = 20
MOST_TOGETHER = 32
"""Lookups in one command: of the longest answers, those are 8 MB."""

_RUN = re.compile(rb"run_id:(\w+)")
_ALL_TAKEN = "No connection available."  # redis-py's words when its pool made somebody wait too long

Credentials = Callable[[], tuple[str] | tuple[str, str]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Lookup:
    """What the cache knows: the value or None, and the generation to store a value under (None: store nothing)."""

    value: bytes | None
    generation: bytes | None


NOTHING = Lookup(None, None)


class CacheUnavailableError(Exception):
    """Valkey or Redis did not answer in time, or not at all. Whether a change got through is unknown."""


class _Credentials(CredentialProvider):
    """Asks for the password at each new connection, as it is at that moment."""

    def __init__(self, current: Credentials) -> None:
        self._current = current

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        try:
            return self._current()
        except Exception as error:
            # No password is, for the cache's users, a cache that can't be reached.
            raise CacheConnectionError(f"no credentials: {error}") from error

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return await asyncio.to_thread(self.get_credentials)


class Cache:
    """Answers as JSON bytes, forgotten all together by `forget`. Only `commands` raises when the cache is away."""

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        pool = BlockingConnectionPool(
            connection_class=SSLConnection if settings.cache_tls else Connection,
            host=settings.cache_host,
            port=settings.cache_port,
            credential_provider=_Credentials(credentials),
            max_connections=CONNECTIONS,
            timeout=SOCKET_SECONDS,
            socket_timeout=SOCKET_SECONDS,
            socket_connect_timeout=SOCKET_SECONDS,
            socket_keepalive=True,
            health_check_interval=30,
            redis_connect_func=self._meet,
            retry=Retry(ExponentialBackoff(cap=0.1, base=0.02), retries=1),
            retry_on_error=[CacheConnectionError, CacheTimeoutError],
        )
        self._redis = Redis.from_pool(pool)
        self._working = True
        self._must_forget = False
        self._server: bytes | None = None
        self._lookups = Together(self._found, MOST_TOGETHER)
        self._forgetting = Together(self._forgotten, MOST_TOGETHER)

    async def _meet(self, connection: AbstractConnection) -> None:
        """Log in, and notice when another server answers than before, or the same one after a start.

        The driver and its pool replace a broken connection without a word.
        """
        await connection.on_connect()
        await connection.send_command("INFO", "server", check_health=False)
        found = _RUN.search(bytes(await connection.read_response()))
        server = found[1] if found else None
        if self._server is not None and server != self._server:
            self._failed(CacheConnectionError("another server answers than before"))
        self._server = server

    async def read(self, key: str) -> Lookup:
        """The value under `key`, if it is of the current generation."""
        if not self._working:
            CACHE_LOOKUPS.labels("skipped").inc()
            return NOTHING
        found = await self._lookups.ask(key)
        CACHE_LOOKUPS.labels("error" if found is NOTHING else "miss" if found.value is None else "hit").inc()
        return found

    async def _found(self, keys: list[str]) -> list[Lookup]:
        """What the cache knows of these keys; `NOTHING` of each when it doesn't answer."""
        try:
            async with asyncio.timeout(OPERATION_SECONDS):
                generation, *entries = cast(list[bytes | None], await self._redis.mget(GENERATION, *keys))
                if generation is None:
                    fresh = secrets.token_bytes(GENERATION_BYTES)
                    # Somebody else's may win; then these answers aren't stored, and the next ones are.
                    generation = fresh if await self._redis.set(GENERATION, fresh, nx=True) else None
        except (RedisError, OSError) as error:
            self._failed(error)
            return [NOTHING] * len(keys)
        if not self._working:
            # While this was asked, it turned out that it went away, or that another server answers.
            return [NOTHING] * len(keys)
        return [
            Lookup(entry[GENERATION_BYTES:], generation)
            if generation is not None and entry is not None and entry.startswith(generation)
            else Lookup(None, generation)
            for entry in entries
        ]

    async def store(self, key: str, value: bytes, looked_up: Lookup) -> None:
        """Keep `value`, which was read from the database after `looked_up` came from here."""
        if looked_up.generation is None or not self._working:
            return
        try:
            async with asyncio.timeout(OPERATION_SECONDS):
                await self._redis.set(key, looked_up.generation + value, ex=ENTRY_SECONDS)
        except (RedisError, OSError) as error:
            self._failed(error)

    async def forget(self) -> None:
        """Make every entry worthless. When the cache is away, this is done before it is used again."""
        self._must_forget = True
        if self._working:
            await self._forgetting.ask(None)

    @asynccontextmanager
    async def commands(self) -> AsyncIterator["Redis"]:
        """The server itself, for what is no cached answer. Raises `CacheUnavailableError`, at once while known to be away."""
        self.require()
        try:
            async with asyncio.timeout(OPERATION_SECONDS):
                yield self._redis
        except (RedisError, OSError) as error:
            self._failed(error)
            raise CacheUnavailableError(type(error).__name__) from error

    def require(self) -> None:
        """Raise `CacheUnavailableError` when the server is known to be away."""
        if not self._working:
            raise CacheUnavailableError("known to be away")

    async def recover(self) -> bool:
        """Look after the cache, as often as wanted; returns whether it works now.

        By a write: a replica, and a server without memory, answer to a PING and to reads.
        """
        try:
            async with asyncio.timeout(OPERATION_SECONDS):
                if not self._working:
                    await self._drop_connections()
                await self._redis.set(PROBE, b"", ex=ENTRY_SECONDS)
        except (RedisError, OSError) as error:
            self._failed(error)
            return False
        if self._must_forget and not await self._start_generation():
            return False
        if not self._working:
            log.info("cache_back")
        self._working = True
        return True

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()

    async def _drop_connections(self) -> None:
        # After a failover they may lead to what is a replica now, and each would have to find out by itself.
        pool = self._redis.connection_pool
        await pool.disconnect(inuse_connections=False)
        await pool.update_active_connections_for_reconnect()  # type: ignore[no-untyped-call]

    async def _forgotten(self, asked: list[None]) -> list[bool]:
        return [await self._start_generation()] * len(asked)

    async def _start_generation(self) -> bool:
        # Lowered before the command: a write that ends meanwhile raises it again.
        self._must_forget = False
        try:
            async with asyncio.timeout(OPERATION_SECONDS):
                await self._redis.set(GENERATION, secrets.token_bytes(GENERATION_BYTES))
        except (RedisError, OSError) as error:
            self._must_forget = True
            self._failed(error)
            return False
        except BaseException:
            self._must_forget = True
            raise
        return True

    def _failed(self, error: Exception) -> None:
        if str(error) == _ALL_TAKEN:
            # Too much to do here says nothing about the server; those who hold the connections will notice if it is away.
            return
        if self._working:
            log.warning("cache_away", error=type(error).__name__, reason=str(error))
        self._working = False
        self._must_forget = True
