"""Who asks: sessions in Valkey or Redis, by cookie for browsers and by bearer token for other clients.

The server keeps only the hash of a session's id: who reads the store can't take a session over. A session says which
version of the user's password it was opened with, and each use compares it with PostgreSQL: after a change of password,
or without the user, it is worth nothing, whatever happened to the store meanwhile. A session that the store lost means a
new login.
"""

import hashlib
import re
import secrets
import time
from dataclasses import dataclass

import orjson
from fastapi import HTTPException, Request, Response

from app.cache import Cache
from app.database import Database

ID_BYTES = 32  # 256 random bits; OWASP's Session Management Cheat Sheet asks for 64 at least
IDLE_SECONDS = 7 * 24 * 3600  # begins anew at each use
LONGEST_SECONDS = 30 * 24 * 3600  # then the user logs in again, however busy
_ID = re.compile(r"[A-Za-z0-9_-]{43}")
_SAFE = ("GET", "HEAD", "OPTIONS")

_WHO = "SELECT id, name, password_version FROM users WHERE id = ANY(%s::bigint[])"


@dataclass(frozen=True, slots=True)
class User:
    """Who is logged in."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Credential:
    """The session's id as the client sent it, and whether the browser sent it on its own."""

    id: str
    by_cookie: bool


class Sessions:
    """Opens, finds and ends sessions. Raises `CacheUnavailableError` while the store is away."""

    def __init__(self, cache: Cache, database: Database, *, secure_cookies: bool) -> None:
        self._cache = cache
        self._users = database.by_id(_WHO)
        self._secure = secure_cookies
        # With the prefix, browsers take the cookie from this very host over TLS, and from nobody else.
        self._cookie = "__Host-session" if secure_cookies else "session"

    def require(self) -> None:
        """Raise `CacheUnavailableError` when the store is known to be away."""
        self._cache.require()

    async def begin(self, user_id: int, password_version: int) -> str:
        """Open a session; returns its id, which nobody else learns."""
        session = secrets.token_urlsafe(ID_BYTES)
        document = orjson.dumps({"user": user_id, "version": password_version, "since": int(time.time())})
        async with self._cache.commands() as redis:
            await redis.set(_key(session), document, ex=IDLE_SECONDS)
        return session

    async def end(self, session: str) -> None:
        """End a session."""
        async with self._cache.commands() as redis:
            await redis.delete(_key(session))

    async def user_of(self, session: str) -> User | None:
        """Whose session this is, if it is one. Raises `DatabaseUnavailableError` too."""
        async with self._cache.commands() as redis:
            document = await redis.getex(_key(session), ex=IDLE_SECONDS)
        if document is None:
            return None
        found = orjson.loads(document)
        if time.time() - found["since"] > LONGEST_SECONDS:
            return None
        row = await self._users.ask(found["user"])
        return User(row["id"], row["name"]) if row and row["password_version"] == found["version"] else None

    def credential(self, request: Request) -> Credential | None:
        """What the request shows; a header `Authorization` outdoes the cookie."""
        if (header := request.headers.get("authorization")) is not None:
            scheme, _, token = header.partition(" ")
            return Credential(token.strip(), by_cookie=False) if scheme.lower() == "bearer" else None
        cookie = request.cookies.get(self._cookie)
        return Credential(cookie, by_cookie=True) if cookie else None

    def hand_out(self, response: Response, session: str) -> None:
        """Give a browser its session: no script reads the cookie, and no other site's form sends it."""
        response.set_cookie(
            self._cookie, session, max_age=LONGEST_SECONDS, secure=self._secure, httponly=True, samesite="lax"
        )

    def take_back(self, response: Response) -> None:
        """Let a browser forget its session."""
        response.delete_cookie(self._cookie, secure=self._secure, httponly=True, samesite="lax")


async def signed_in(request: Request) -> User:
    """Dependency: the user who asks.

    401 without a valid session, 403 when another site's page may have sent the request, 503 while the session can't be
    looked up.
    """
    sessions = of(request)
    credential = sessions.credential(request)
    if credential is None or not _ID.fullmatch(credential.id):
        raise _unauthenticated()
    if credential.by_cookie:
        refuse_other_sites(request, unknown=True)
    user = await sessions.user_of(credential.id)
    if user is None:
        raise _unauthenticated()
    return user


def of(request: Request) -> Sessions:
    """The application's sessions."""
    sessions: Sessions = request.app.state.sessions
    return sessions


def refuse_other_sites(request: Request, *, unknown: bool) -> None:
    """Raise 403 when a browser sends a change from another origin's page, after OWASP's CSRF Prevention Cheat Sheet.

    `Sec-Fetch-Site` decides; a browser that doesn't send it (over plain HTTP none does) is judged by `Origin`. `unknown`
    refuses a request with neither too.
    """
    if request.method in _SAFE:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        foreign = site not in ("same-origin", "none")
    elif origin is not None:
        # Not the scheme: behind a load balancer that ends TLS, the application doesn't see its own.
        foreign = origin.partition("://")[2].lower() != request.headers.get("host", "-").lower()
    else:
        foreign = unknown
    if foreign:
        raise HTTPException(
            403, "A change with a session cookie must come from a page of this site; other clients use a bearer token."
        )


def _key(session: str) -> str:
    return f"{{session}}:{hashlib.sha256(session.encode()).hexdigest()}"


def _unauthenticated() -> HTTPException:
    return HTTPException(401, "Log in first: POST /users/login.", {"WWW-Authenticate": "Bearer"})
