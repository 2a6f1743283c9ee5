"""Users and their sessions over HTTP. Of a user, a name and the hash of a password are kept, and nothing else.

An unknown name and a wrong password get the same answer after the same work.
"""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from app import idempotency, sessions
from app.cache import CacheUnavailableError
from app.database import Database
from app.idempotency import Answer, IdempotencyKey
from app.metrics import LOGINS
from app.passwords import Passwords
from app.rate_limits import RateLimits, refuse_beyond
from app.sessions import User, signed_in

LEAST_CHARACTERS = 15
"""NIST SP 800-63B-4, 3.1.1.2, where a password is the only factor; no rules on what it is composed of."""
MOST_CHARACTERS = 128


def _utf8(password: SecretStr) -> SecretStr:
    try:
        password.get_secret_value().encode()
    except UnicodeEncodeError:
        # JSON may escape half of a surrogate pair, which is no character.
        raise ValueError("must be made of characters that UTF-8 has") from None
    return password


Name = Annotated[
    str,
    # The table's own form (0002), in small letters: nobody is to be mistaken for somebody else.
    StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{2,31}$"),
    Field(examples=["seneca"]),
]
Password = Annotated[SecretStr, Field(min_length=1, max_length=MOST_CHARACTERS), AfterValidator(_utf8)]
NewPassword = Annotated[
    SecretStr,
    Field(min_length=LEAST_CHARACTERS, max_length=MOST_CHARACTERS, examples=["non est ad astra mollis via"]),
    AfterValidator(_utf8),
]


class NewUser(BaseModel):
    """Who wants to be a user."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Name
    password: NewPassword


class Login(BaseModel):
    """Who says that they are a user."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Name
    password: Password
    bearer: bool = Field(False, description="Answer with a token for `Authorization: Bearer`, and set no cookie.")


class PasswordChange(BaseModel):
    """A new password, and the current one as proof."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    current: Password
    new: NewPassword


class Me(BaseModel):
    """A user, as they themselves see it."""

    id: int
    name: str


class Session(BaseModel):
    """A session that was opened."""

    user: Me
    token: str | None = Field(description="For `Authorization: Bearer`; null when the answer set a cookie.")


_ADD = "INSERT INTO users (name, password_hash) VALUES (%s, %s) RETURNING id, name"
_LOGIN = "SELECT id, name, password_hash, password_version FROM users WHERE name = %s"
_MINE = "SELECT password_hash, password_version FROM users WHERE id = %s"
_CHANGE = """
UPDATE users SET password_hash = %s, password_version = password_version + 1
WHERE id = %s AND password_version = %s RETURNING password_version
"""
_REMOVE = "DELETE FROM users WHERE id = %s"

_UNAUTHENTICATED: dict[int | str, dict[str, Any]] = {
    401: {"description": "Not logged in"},
    403: {"description": "Sent by another site's page"},
}
_BUSY: dict[int | str, dict[str, Any]] = {
    429: {"description": "Beyond the client's or the account's limit"},
    503: {"description": "Try again shortly"},
}

router = APIRouter(tags=["users"])
SignedIn = Annotated[User, Depends(signed_in)]


@router.post(
    "/users",
    status_code=201,
    response_model=Me,
    responses={409: {"description": "The name is taken"}, **_BUSY},
    summary="Become a user",
)
async def register(request: Request, user: NewUser, _: IdempotencyKey = None) -> Response:
    """Keep a name and a password's hash; logging in is another request."""
    sessions.refuse_other_sites(request, unknown=False)
    passwords, password = _passwords(request), user.password.get_secret_value()
    content = b""
    if (key := idempotency.key_of(request)) is not None:
        # What is kept of the request for comparison must not give the password away faster than its hash does.
        content = user.name.encode() + b"\0" + await passwords.recognise(password, key.encode())
    claim = idempotency.claim(request, "users", content)
    # Before the database's connection is taken: others need it meanwhile.
    hashed = await passwords.hash(password)

    async def write(connection: AsyncConnection[DictRow]) -> Answer:
        try:
            row = await (await connection.execute(_ADD, (user.name, hashed))).fetchone()
        except UniqueViolation:
            raise HTTPException(409, "This name is taken; choose another one.") from None
        if row is None:
            raise RuntimeError("INSERT ... RETURNING answered without a row")
        return Answer(201, orjson.dumps(row), "/users/me", row["id"])

    answer = await idempotency.once(_database(request), claim, write)
    return _private(answer.response())


@router.post(
    "/users/login",
    status_code=201,
    response_model=Session,
    responses={401: {"description": "Name or password is wrong"}, **_BUSY},
    summary="Log in",
)
async def log_in(request: Request, login: Login) -> Response:
    """Open a session; one that the request came with ends."""
    sessions.refuse_other_sites(request, unknown=False)
    store, limits = sessions.of(request), _limits(request)
    refuse_beyond(await limits.take(limits.account, login.name))
    # Before the password is looked at: without a store, 503 for right and 401 for wrong would let anybody guess.
    store.require()
    async with _database(request).connection() as connection:
        row = await (await connection.execute(_LOGIN, (login.name,))).fetchone()
    kept = row["password_hash"] if row else None
    if not await _passwords(request).matches(login.password.get_secret_value(), kept) or row is None:
        LOGINS.labels("refused").inc()
        raise HTTPException(401, "Name or password is wrong.", {"WWW-Authenticate": "Bearer"})
    session = await store.begin(row["id"], row["password_version"])
    if (shown := store.credential(request)) is not None:
        await store.end(shown.id)
    LOGINS.labels("accepted").inc()
    return _opened(request, User(row["id"], row["name"]), session, 201, bearer=login.bearer)


@router.post("/users/logout", status_code=204, responses={**_UNAUTHENTICATED, **_BUSY}, summary="Log out")
async def log_out(request: Request, _: SignedIn) -> Response:
    """End the session that the request came with."""
    store = sessions.of(request)
    if (shown := store.credential(request)) is not None:
        await store.end(shown.id)
    return _gone(request)


@router.get("/users/me", response_model=Me, responses={**_UNAUTHENTICATED, **_BUSY}, summary="Who is logged in")
async def read_me(user: SignedIn) -> Response:
    """The user whose session this is."""
    return _private(Response(orjson.dumps({"id": user.id, "name": user.name}), media_type="application/json"))


@router.put(
    "/users/me/password",
    response_model=Session,
    responses={204: {"description": "Changed, but no session could be opened: log in"}, **_UNAUTHENTICATED, **_BUSY},
    summary="Change the password",
)
async def change_password(request: Request, change: PasswordChange, user: SignedIn) -> Response:
    """Every session ends; the answer opens a new one, as the request's own may be what was stolen."""
    limits, passwords, database = _limits(request), _passwords(request), _database(request)
    refuse_beyond(await limits.take(limits.account, user.name))
    async with database.connection() as connection:
        row = await (await connection.execute(_MINE, (user.id,))).fetchone()
    kept = row["password_hash"] if row else None
    if not await passwords.matches(change.current.get_secret_value(), kept) or row is None:
        raise HTTPException(403, "The current password is wrong.")
    hashed = await passwords.hash(change.new.get_secret_value())
    async with database.connection() as connection:
        changed = await (await connection.execute(_CHANGE, (hashed, user.id, row["password_version"]))).fetchone()
    if changed is None:
        raise HTTPException(409, "The password was changed meanwhile; log in with the new one.")
    store, shown = sessions.of(request), sessions.of(request).credential(request)
    try:
        session = await store.begin(user.id, changed["password_version"])
    except CacheUnavailableError:
        return _gone(request)
    return _opened(request, user, session, 200, bearer=shown is None or not shown.by_cookie)


@router.delete("/users/me", status_code=204, responses={**_UNAUTHENTICATED, **_BUSY}, summary="Be forgotten")
async def remove_me(request: Request, user: SignedIn) -> Response:
    """Delete the user; their sessions are worth nothing from then on."""
    try:
        async with _database(request).connection() as connection:
            await connection.execute(_REMOVE, (user.id,))
    finally:
        # Their quotes stay, without an owner.
        await request.app.state.cache.forget()
    return _gone(request)


def _opened(request: Request, user: User, session: str, status: int, *, bearer: bool) -> Response:
    document = {"user": {"id": user.id, "name": user.name}, "token": session if bearer else None}
    response = Response(orjson.dumps(document), status, media_type="application/json")
    if not bearer:
        sessions.of(request).hand_out(response, session)
    return _private(response)


def _gone(request: Request) -> Response:
    response = Response(status_code=204)
    sessions.of(request).take_back(response)
    return _private(response)


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _passwords(request: Request) -> Passwords:
    passwords: Passwords = request.app.state.passwords
    return passwords


def _limits(request: Request) -> RateLimits:
    limits: RateLimits = request.app.state.rate_limits
    return limits
