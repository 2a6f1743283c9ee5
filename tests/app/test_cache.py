"""The way to Valkey or Redis, without an application around it."""

import asyncio
from pathlib import Path

import pytest

from app.cache import CONNECTIONS, Cache, CacheUnavailableError
from app.settings import Settings
from tests.app.conftest import Place
from tests.app.servers import CacheServer


def settings(place: Place, folder: Path) -> Settings:
    unused = {"PORT", "METRICS_PORT"}
    given = {name.lower(): value for name, value in place.environment().items() if name not in unused}
    return Settings(**{**given, "cache_password_file": folder / "unused"})


def test_a_pod_with_too_much_to_do_does_not_take_the_server_for_lost(place: Place, tmp_path: Path) -> None:
    async def overloaded() -> None:
        cache = Cache(settings(place, tmp_path), lambda: (CacheServer.PASSWORD,))
        pool = cache._redis.connection_pool
        taken = [await pool.get_connection() for _ in range(CONNECTIONS)]
        with pytest.raises(CacheUnavailableError):
            async with cache.commands() as redis:
                await redis.ping()
        cache.require()  # the next request asks again
        for connection in taken:
            await pool.release(connection)
        async with cache.commands() as redis:
            assert await redis.ping()
        await cache.close()

    asyncio.run(overloaded())


def test_a_server_that_is_gone_is_asked_once(place: Place, tmp_path: Path) -> None:
    async def gone() -> None:
        cache = Cache(settings(place, tmp_path).model_copy(update={"cache_port": 1}), lambda: (CacheServer.PASSWORD,))
        with pytest.raises(CacheUnavailableError, match="ConnectionError"):
            async with cache.commands() as redis:
                await redis.ping()
        with pytest.raises(CacheUnavailableError, match="known to be away"):
            cache.require()
        await cache.close()

    asyncio.run(gone())
