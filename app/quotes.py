"""Quotes: listed and read by everybody, added by users, changed and deleted by who added them.

SQL in the hot path, answers cached as the bytes that are sent.
"""

# ruff: noqa: S608 - statements are put together from constants of this file only

import base64
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from psycopg import AsyncConnection
from psycopg.errors import ForeignKeyViolation
from psycopg.rows import DictRow
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app import idempotency
from app.cache import ENTRY, Cache
from app.database import Database
from app.description import IF_MATCH, IF_NONE_MATCH, documented
from app.entity_tags import refuse_unless_current, tag_of
from app.idempotency import Answer, IdempotencyKey
from app.representations import readable
from app.sessions import User, signed_in
from app.together import Together

BIGGEST_ID = 2**63 - 1  # PostgreSQL's bigint
AUTHOR_CHARACTERS = 200  # the limits stand in the table's constraints too
TEXT_CHARACTERS = 2000

# PostgreSQL stores no NUL, whatever its encoding.
_WITHOUT_NUL = r"^[^\x00]*$"

router = APIRouter(tags=["quotes"])

Language = Literal["en", "fr"]
SignedIn = Annotated[User, Depends(signed_in)]
QuoteNumber = Annotated[int, Path(alias="id", ge=1, le=BIGGEST_ID)]


class NewQuote(BaseModel):
    """A quote as a client sends it."""

    model_config = ConfigDict(extra="forbid")

    author: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=AUTHOR_CHARACTERS, pattern=_WITHOUT_NUL)
    ] = Field(examples=["Seneca"])
    text: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_CHARACTERS, pattern=_WITHOUT_NUL)
    ] = Field(examples=["It is not that we have a short time to live."])
    language: Language | None = Field(
        None, description="In which language it is searched; when left out, the one whose frequent words it has."
    )


class Quote(BaseModel):
    """A quote as it is kept."""

    id: int = Field(examples=[42])
    author: str = Field(examples=["Seneca"])
    text: str = Field(examples=["It is not that we have a short time to live."])
    language: Language = Field(examples=["en"])
    owner: int | None = Field(
        examples=[7], description="Id of the user who added it, and alone may change or delete it; null for nobody."
    )
    created_at: datetime


class QuotePage(BaseModel):
    """A part of the list, newest first."""

    items: list[Quote]
    next: str | None = Field(
        examples=["AAAAAAAAACo"], description="Value of `cursor` for the following page; null on the last one."
    )


COLUMNS = "id, author, text, language, owner, created_at"
_NEWEST = f"SELECT {COLUMNS} FROM quotes ORDER BY id DESC LIMIT %s"
_OLDER = f"SELECT {COLUMNS} FROM quotes WHERE id < %s ORDER BY id DESC LIMIT %s"
_ONE = f"SELECT {COLUMNS} FROM quotes WHERE id = %s"
THESE = f"SELECT {COLUMNS} FROM quotes WHERE id = ANY(%s::bigint[])"
_ADD = f"""
    INSERT INTO quotes (author, text, owner, language)
    VALUES (%(author)s, %(text)s, %(owner)s, coalesce(%(language)s, quotes_language(%(text)s, %(otherwise)s)))
    RETURNING {COLUMNS}
"""
_CHANGE = f"""
    UPDATE quotes SET author = %(author)s, text = %(text)s,
        language = coalesce(%(language)s, quotes_language(%(text)s, %(otherwise)s))
    WHERE id = %(id)s RETURNING {COLUMNS}
"""
_DELETE = "DELETE FROM quotes WHERE id = %s"


@router.get(
    "/quotes", response_model=QuotePage, responses=documented(304, 422, 429, 503), summary="Quotes, newest first"
)
async def list_quotes(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=16, description="`next` of the page before")] = None,
) -> Response:
    """A page; `next` of its answer is the `cursor` of the page after it."""
    before = None if cursor is None else _position(cursor)
    cache = _cache(request)
    key = f"{ENTRY}list:{before or ''}:{limit}"
    cached = await cache.read(key)
    if cached.value is not None:
        return await readable(request, cached.value)
    async with _database(request).connection() as connection:
        # One row more than asked for tells whether there is a next page.
        found = (
            await connection.execute(_NEWEST, (limit + 1,))
            if before is None
            else await connection.execute(_OLDER, (before, limit + 1))
        )
        rows = await found.fetchall()
    items = rows[:limit]
    body = orjson.dumps({"items": items, "next": _cursor(items[-1]["id"]) if len(rows) > limit else None})
    await cache.store(key, body, cached)
    return await readable(request, body)


@router.get(
    "/quotes/{id}",
    response_model=Quote,
    responses=documented(304, 404, 422, 429, 503),
    summary="One quote",
    openapi_extra=IF_NONE_MATCH,
)
async def read_quote(request: Request, number: QuoteNumber) -> Response:
    """The quote with this id."""
    cache = _cache(request)
    key = f"{ENTRY}one:{number}"
    cached = await cache.read(key)
    if cached.value is not None:
        return await readable(request, cached.value)
    reader: Together[int, DictRow | None] = request.app.state.quotes_by_id
    row = await reader.ask(number)
    if row is None:
        # Not cached: ids that don't exist are without end.
        raise _nothing(number)
    body = orjson.dumps(row)
    await cache.store(key, body, cached)
    return await readable(request, body)


@router.post(
    "/quotes",
    status_code=201,
    response_model=Quote,
    responses=documented(400, 401, 403, 409, 413, 422, 429, 503),
    summary="Add a quote",
)
async def add_quote(request: Request, quote: NewQuote, user: SignedIn, _: IdempotencyKey = None) -> Response:
    """Keep a quote of the user who is logged in; the answer, and the header Location, say where."""
    claim = idempotency.claim(request, f"quotes:{user.id}", orjson.dumps(quote.model_dump()))

    async def write(connection: AsyncConnection[DictRow]) -> Answer:
        try:
            row = await (await connection.execute(_ADD, _values(request, quote, owner=user.id))).fetchone()
        except ForeignKeyViolation:
            raise HTTPException(401, "This user is no more.", {"WWW-Authenticate": "Bearer"}) from None
        if row is None:
            raise RuntimeError("INSERT ... RETURNING answered without a row")
        return Answer(201, orjson.dumps(row), f"/quotes/{row['id']}", user.id)

    async with _forgetting(request):
        answer = await idempotency.once(_database(request), claim, write)
    return _written(answer.response(), answer.body)


@router.put(
    "/quotes/{id}",
    response_model=Quote,
    responses=documented(401, 403, 404, 412, 413, 422, 428, 429, 503),
    summary="Change a quote",
    openapi_extra=IF_MATCH,
)
async def change_quote(request: Request, number: QuoteNumber, quote: NewQuote, user: SignedIn) -> Response:
    """Put another version in the place of the one that the header If-Match names, if it is the user's own."""
    async with (
        _forgetting(request),
        _database(request).connection() as connection,
        connection.transaction(),
    ):
        await _own(request, connection, number, user, precondition=True)
        row = await (await connection.execute(_CHANGE, _values(request, quote, id=number))).fetchone()
    body = orjson.dumps(row)
    return _written(Response(body, media_type="application/json"), body)


@router.delete(
    "/quotes/{id}",
    status_code=204,
    responses=documented(401, 403, 404, 412, 422, 429, 503),
    summary="Delete a quote",
    openapi_extra=IF_MATCH,
)
async def delete_quote(request: Request, number: QuoteNumber, user: SignedIn) -> Response:
    """Delete the user's own quote; with a header If-Match, only the version that it names."""
    async with (
        _forgetting(request),
        _database(request).connection() as connection,
        connection.transaction(),
    ):
        await _own(request, connection, number, user, precondition=False)
        await connection.execute(_DELETE, (number,))
    return Response(status_code=204)


@asynccontextmanager
async def _forgetting(request: Request) -> AsyncIterator[None]:
    """Forget what is cached after a write: also after a failure, as the row may be written although the answer was lost.

    Not after a refusal, or whoever may change nothing could keep the cache empty.
    """
    refused = False
    try:
        yield
    except HTTPException:
        refused = True
        raise
    finally:
        if not refused:
            await _cache(request).forget()


async def _own(
    request: Request, connection: AsyncConnection[DictRow], number: int, user: User, *, precondition: bool
) -> None:
    """Hold the quote until the end of the transaction; raises 404, 403, 412 or 428 when it may not be changed."""
    row = await (await connection.execute(f"{_ONE} FOR UPDATE".encode(), (number,))).fetchone()
    if row is None:
        raise _nothing(number)
    if row["owner"] != user.id:
        raise HTTPException(403, "Only who added a quote may change or delete it.")
    refuse_unless_current(request, orjson.dumps(row), required=precondition)


def _values(request: Request, quote: NewQuote, **more: int) -> dict[str, Any]:
    return {**quote.model_dump(), "otherwise": request.app.state.settings.default_language, **more}


def _written(response: Response, body: bytes) -> Response:
    response.headers["ETag"] = tag_of(body)
    response.headers["Cache-Control"] = "no-store"
    return response


def _nothing(number: int) -> HTTPException:
    return HTTPException(404, f"There is no quote {number}.")


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _cache(request: Request) -> Cache:
    cache: Cache = request.app.state.cache
    return cache


def _cursor(last: int) -> str:
    """An opaque position, so that its meaning may change without a new API."""
    return base64.urlsafe_b64encode(struct.pack(">q", last)).rstrip(b"=").decode()


def _position(cursor: str) -> int:
    try:
        position: int = struct.unpack(">q", base64.b64decode(cursor + "=", altchars=b"-_", validate=True))[0]
    except (ValueError, struct.error):
        position = 0
    if position < 1:
        raise RequestValidationError(
            [{"type": "cursor", "loc": ("query", "cursor"), "msg": "take `next` of another page as it is"}]
        )
    return position
