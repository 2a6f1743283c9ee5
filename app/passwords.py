"""Passwords: hashed with Argon2id, off the event loop, and never so many at once that requests go short.

Parameters: OWASP's Password Storage Cheat Sheet, m = 19 MiB, t = 2, p = 1; one hash takes about 22 ms of a core.
Memory: one thread hashes, so 19 MiB at most beside the application's own (docs/decisions/0030 has the figures).
Processor: after each hash the thread rests three times as long as it worked, so a flood of logins takes a quarter of a
core, half of the smallest limit that the platform gives (500m); and the kernel prefers the thread that answers requests.
"""

import asyncio
import hashlib
import os
import secrets
import sys
import time
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type, hash_secret_raw
from fastapi import HTTPException

from app.metrics import PASSWORDS_WAITING

PASSES = 2
MEMORY_KIB = 19 * 1024
REST = 3.0
MOST_WAITING = 16
"""Sixteen times 22 + 66 ms are 1.4 s; who comes then is better told to come again."""
PATIENCE_SECONDS = 5.0
"""After which somebody who waits is told to come again, when others press for the processor."""

_NICENESS = 10
_T = TypeVar("_T")


class Passwords:
    """Hashes and compares passwords, one after the other. Raises HTTP 503 when too many wait."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1)
        self._thread = ThreadPoolExecutor(1, "passwords", _give_way)
        self._waiting = 0
        self._rested_at = 0.0
        # What an unknown name's password is compared with, so that it takes as long as a known one's.
        self._nobodys = self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """What to keep of a password."""
        return await self._run(lambda: self._hasher.hash(_one_form(password)))

    async def matches(self, password: str, kept: str | None) -> bool:
        """Whether the password is the one that `kept` was made of; without `kept` no, in the same time."""

        def compare() -> bool:
            try:
                return self._hasher.verify(kept or self._nobodys, _one_form(password)) and kept is not None
            except (VerificationError, InvalidHashError):
                return False

        return await self._run(compare)

    async def recognise(self, password: str, salt: bytes) -> bytes:
        """The same bytes for the same password and salt, as costly to guess from as a hash that is kept."""
        secret, short = _one_form(password).encode(), hashlib.sha256(salt).digest()[:16]
        return await self._run(lambda: hash_secret_raw(secret, short, PASSES, MEMORY_KIB, 1, 32, Type.ID))

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], _T]) -> _T:
        if self._waiting >= MOST_WAITING:
            raise _busy()
        self._waiting += 1
        PASSWORDS_WAITING.set(self._waiting)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._thread, self._rested, work)
        except TimeoutError:
            raise _busy() from None
        finally:
            self._waiting -= 1
            PASSWORDS_WAITING.set(self._waiting)

    def _rested(self, work: Callable[[], _T]) -> _T:
        time.sleep(max(0.0, self._rested_at - time.monotonic()))
        began = time.thread_time()
        try:
            return work()
        finally:
            self._rested_at = time.monotonic() + REST * (time.thread_time() - began)


def _busy() -> HTTPException:
    return HTTPException(503, "Too many people log in at once; try again shortly.", {"Retry-After": "2"})


def _give_way() -> None:
    # On Linux a thread has a priority of its own; elsewhere nobody runs this in earnest.
    if sys.platform == "linux":
        os.nice(_NICENESS)


def _one_form(password: str) -> str:
    # Keyboards differ in how they compose "é" (NIST SP 800-63B asks for one form).
    return unicodedata.normalize("NFKC", password)
