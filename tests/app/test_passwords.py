"""The one thread that hashes passwords, without a server around it."""

import asyncio
import os
import sys
import threading
import time

import pytest
from fastapi import HTTPException

from app import passwords
from app.passwords import MOST_WAITING, REST, Passwords


def test_who_waits_too_long_is_told_to_come_again_and_leaves_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "PATIENCE_SECONDS", 0.2)

    async def wait() -> None:
        hashing, gate = Passwords(), threading.Event()
        running = asyncio.create_task(hashing._run(lambda: gate.wait(30)))
        waiting = asyncio.create_task(hashing.hash("never hashed"))
        for task in (running, waiting):
            with pytest.raises(HTTPException) as refused:
                await task
            assert refused.value.status_code == 503
            assert refused.value.headers is not None
            assert refused.value.headers["Retry-After"]
        gate.set()
        monkeypatch.setattr(passwords, "PATIENCE_SECONDS", 60.0)
        assert await hashing.matches("a password", await hashing.hash("a password"))
        hashing.close()

    asyncio.run(wait())


def test_only_so_many_wait() -> None:
    async def crowd() -> None:
        hashing, gate = Passwords(), threading.Event()
        waiting = [asyncio.create_task(hashing._run(lambda: gate.wait(30))) for _ in range(MOST_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(HTTPException) as refused:
            await hashing.hash("one too many")
        assert refused.value.status_code == 503
        gate.set()
        assert all(await asyncio.gather(*waiting))
        hashing.close()

    asyncio.run(crowd())


def test_the_thread_rests_longer_than_it_works_and_gives_way_to_the_one_that_answers() -> None:
    hashing = Passwords()

    def work() -> float:
        until = time.thread_time() + 0.05
        while time.thread_time() < until:
            pass
        return time.monotonic()

    async def three() -> tuple[float, float, int]:
        ended = await hashing._run(work)
        return ended, await hashing._run(time.monotonic), await hashing._run(priority)

    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    ended, began, niceness = asyncio.run(three())
    if sys.platform == "linux":
        assert niceness == min(19, priority() + 10)
    assert began - ended >= 0.05 * REST * 0.9
    hashing.close()


def test_what_is_kept_of_no_password_matches_nothing() -> None:
    async def compare() -> list[bool]:
        hashing = Passwords()
        kept = await hashing.hash("a password")
        found = [await hashing.matches("a password", other) for other in (kept, None, "", "no hash", kept[:-2])]
        hashing.close()
        return found

    assert asyncio.run(compare()) == [True, False, False, False, False]
