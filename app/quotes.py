"""Quotes: listed, read and added. SQL in the hot path, answers cached as the bytes that are sent."""

import base64
import struct
from datetime import datetime
from typing import Annotated

import orjson
from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.cache import Cache
from app.database import Database

BIGGEST_ID = 2**63 - 1  # PostgreSQL's bigint
AUTHOR_CHARACTERS = 200  # the limits stand in the table's constraints too
TEXT_CHARACTERS = 2000

# PostgreSQL stores no NUL, whatever its encoding.
_WITHOUT_NUL = r"^[^\x00]*$"

router = APIRouter(tags=["quotes"])


class NewQuote(BaseModel):
    """A quote as a client sends it."""

    model_config = ConfigDict(extra="forbid")

    author: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=AUTHOR_CHARACTERS, pattern=_WITHOUT_NUL)
    ] = Field(examples=["Seneca"])
    text: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_CHARACTERS, pattern=_WITHOUT_NUL)
    ] = Field(examples=["Non est ad astra mollis e terris via."])


class Quote(BaseModel):
    """A quote as it is kept."""

    id: int
    author: str
    text: str
    created_at: datetime


class QuotePage(BaseModel):
    """A part of the list, newest first."""

    items: list[Quote]
    next: str | None = Field(description="Value of `cursor` for the following page; null on the last one.")


_NEWEST = "SELECT id, author, text, created_at FROM quotes ORDER BY id DESC LIMIT %s"
_OLDER = "SELECT id, author, text, created_at FROM quotes WHERE id < %s ORDER BY id DESC LIMIT %s"
_ONE = "SELECT id, author, text, created_at FROM quotes WHERE id = %s"
_ADD = "INSERT INTO quotes (author, text) VALUES (%s, %s) RETURNING id, author, text, created_at"


@router.get("/quotes", response_model=QuotePage, summary="Quotes, newest first")
async def list_quotes(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=16, description="`next` of the page before")] = None,
) -> Response:
    """A page; `next` of its answer is the `cursor` of the page after it."""
    before = None if cursor is None else _position(cursor)
    cache = _cache(request)
    key = f"{{quotes}}:list:{before or ''}:{limit}"
    cached = await cache.read(key)
    if cached.value is not None:
        return _json(cached.value)
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
    return _json(body)


@router.get(
    "/quotes/{id}", response_model=Quote, responses={404: {"description": "No such quote"}}, summary="One quote"
)
async def read_quote(request: Request, number: Annotated[int, Path(alias="id", ge=1, le=BIGGEST_ID)]) -> Response:
    """The quote with this id."""
    cache = _cache(request)
    key = f"{{quotes}}:one:{number}"
    cached = await cache.read(key)
    if cached.value is not None:
        return _json(cached.value)
    async with _database(request).connection() as connection:
        row = await (await connection.execute(_ONE, (number,))).fetchone()
    if row is None:
        # Not cached: ids that don't exist are without end.
        raise HTTPException(404, f"There is no quote {number}.")
    body = orjson.dumps(row)
    await cache.store(key, body, cached)
    return _json(body)


@router.post("/quotes", status_code=201, response_model=Quote, summary="Add a quote")
async def add_quote(request: Request, quote: NewQuote) -> Response:
    """Keep a quote; the answer, and the header Location, say where."""
    try:
        async with _database(request).connection() as connection:
            row = await (await connection.execute(_ADD, (quote.author, quote.text))).fetchone()
    finally:
        # Also after a failure: the row may have been written although the answer was lost.
        await _cache(request).forget()
    if row is None:
        raise RuntimeError("INSERT ... RETURNING answered without a row")
    return Response(orjson.dumps(row), 201, {"Location": f"/quotes/{row['id']}"}, "application/json")


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _cache(request: Request) -> Cache:
    cache: Cache = request.app.state.cache
    return cache


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")


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
