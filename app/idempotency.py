"""Requests that may be repeated: the answer to one with an `Idempotency-Key` is kept and given again.

After draft-ietf-httpapi-idempotency-key-header. The answer is kept in PostgreSQL, in the transaction of the write that
it tells of: whoever repeats a request whose answer got lost finds both, or neither. Only successes are kept; what failed
may be tried again. After 24 hours a key is as good as new; each use of a key removes a few older ones, so that the table
holds a day's worth while there is traffic, and no job is needed.

    claim = idempotency.claim(request, f"quotes:{user.id}", await request.body())
    answer = await idempotency.once(database, claim, write)   # `write` takes the connection, returns an `Answer`
    return answer.response()
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Header, HTTPException, Request, Response
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from app.database import Database
from app.metrics import ANSWERS_REPEATED

HEADER = "Idempotency-Key"
_KEY = re.compile(r'"[\x21\x23-\x5b\x5d-\x7e]{1,255}"|[\x21\x23-\x5b\x5d-\x7e]{1,255}')

IdempotencyKey = Annotated[
    str | None, Header(alias=HEADER, max_length=257, description="A repeated request gets the first one's answer.")
]
"""For the signature of a route, so that the API's description names the header."""

_LOCK = "SELECT pg_try_advisory_xact_lock(%s) AS free"
_FIND = """
SELECT fingerprint, status, location, body FROM idempotency_keys
WHERE key = %s AND created_at > now() - interval '24 hours'
"""
_CLEAN = """
DELETE FROM idempotency_keys WHERE key IN (
    SELECT key FROM idempotency_keys WHERE created_at <= now() - interval '24 hours'
    ORDER BY created_at LIMIT 10 FOR UPDATE SKIP LOCKED
)
"""
_KEEP = """
INSERT INTO idempotency_keys (key, fingerprint, status, location, body, user_id) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (key) DO UPDATE SET (fingerprint, status, location, body, user_id, created_at)
    = (excluded.fingerprint, excluded.status, excluded.location, excluded.body, excluded.user_id, now())
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """A success that can be given again."""

    status: int
    body: bytes
    location: str | None = None
    user_id: int | None = None
    """Whom it is about; with the user, the answer goes."""

    def response(self) -> Response:
        """The answer as HTTP."""
        headers = {"Location": self.location} if self.location else None
        return Response(self.body, self.status, headers, "application/json")


@dataclass(frozen=True, slots=True)
class Claim:
    """A client's key, and what its request is recognised by; both only as hashes."""

    key: bytes
    fingerprint: bytes

    @property
    def lock(self) -> int:
        """Key of the advisory lock that keeps two requests with this key apart."""
        return int.from_bytes(self.key[:8], "big", signed=True)


Write = Callable[[AsyncConnection[DictRow]], Awaitable[Answer]]


def key_of(request: Request) -> str | None:
    """The request's key without its quotation marks, or None. Raises 400 for a malformed one."""
    given = request.headers.get(HEADER)
    if given is not None and not _KEY.fullmatch(given):
        raise HTTPException(400, f"{HEADER} takes 1 to 255 visible ASCII characters, in quotation marks or without.")
    return given and given.strip('"')


def claim(request: Request, scope: str, content: bytes) -> Claim | None:
    """The request's claim, or None without the header. Raises 400 for a malformed one.

    `scope` keeps apart who may use the same key: the route, and the user if there is one. `content` is what the same
    request would send again.
    """
    if (key := key_of(request)) is None:
        return None
    return Claim(hashlib.sha256(f"{scope}\0{key}".encode()).digest(), hashlib.sha256(content).digest())


async def once(database: Database, claimed: Claim | None, write: Write) -> Answer:
    """Write, or give the answer of the write with the same claim. Raises 409 while that runs, 422 for another request.

    With a claim, `write` runs in a transaction, which an exception rolls back. Raises `DatabaseUnavailableError`.
    """
    async with database.connection() as connection:
        if claimed is None:
            return await write(connection)
        async with connection.transaction():
            # A statement of its own: the next one must see what the lock's last holder committed.
            held = await (await connection.execute(_LOCK, (claimed.lock,))).fetchone()
            if held is None or not held["free"]:
                raise HTTPException(
                    409, f"A request with this {HEADER} is being answered; try again.", {"Retry-After": "1"}
                )
            before = await (await connection.execute(_FIND, (claimed.key,))).fetchone()
            if before is not None:
                if before["fingerprint"] != claimed.fingerprint:
                    raise HTTPException(422, f"This {HEADER} came with another request before; choose a new one.")
                ANSWERS_REPEATED.inc()
                return Answer(before["status"], before["body"], before["location"])
            answer = await write(connection)
            await connection.execute(_CLEAN)
            kept = (
                claimed.key, claimed.fingerprint, answer.status, answer.location, answer.body, answer.user_id,
            )  # fmt: skip
            await connection.execute(_KEEP, kept)
            return answer
