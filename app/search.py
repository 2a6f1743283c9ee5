"""Search in quotes over PostgreSQL's full text: each quote in its own language, best first, with what matched marked.

What matched comes as pieces of text and not as HTML: nobody has to trust or to parse it, and no client has to count in our
kind of characters, as positions would demand.
"""

# ruff: noqa: S608 - the statement is put together from constants of this file only

import asyncio
import base64
import struct
from hashlib import blake2b
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field

from app.cache import ENTRY, Cache
from app.database import Database, DatabaseUnavailableError
from app.description import IF_NONE_MATCH, documented
from app.quotes import Quote
from app.representations import readable

QUESTION_CHARACTERS = 200
MOST_RANKED = 1000
"""So many of the newest matches of each language compete: a word that is everywhere costs no more than that."""

STATEMENT_SECONDS = 1.0  # then the statement is cancelled in the server
BEGIN, END, BETWEEN = "\x02", "\x03", "\x04"

router = APIRouter(tags=["search"])


class Piece(BaseModel):
    """A part of a text, and whether it is what was searched."""

    text: str = Field(examples=["short"])
    match: bool = Field(examples=[True])


class Found(Quote):
    """A quote that matches. The pieces, one after the other, are the whole author and the whole text."""

    author_pieces: list[Piece]
    text_pieces: list[Piece]


class FoundPage(BaseModel):
    """A part of what was found, best first."""

    items: list[Found]
    next: str | None = Field(
        examples=["PczMzQAAAAAAAAAq"], description="Value of `cursor` for the following page; null on the last one."
    )


# OFFSET 0 keeps the planner from walking through all ids, newest first, in the hope of meeting matches early.
_MATCHES = """
    SELECT id, document, query, configuration FROM (
        SELECT id, document, query, '{configuration}'::regconfig AS configuration
        FROM quotes, websearch_to_tsquery('{configuration}', %(question)s) AS query
        WHERE language = '{language}' AND document @@ query OFFSET 0
    ) AS matching ORDER BY id DESC LIMIT %(most)s
"""
SEARCH = f"""
    WITH matches AS (
        ({_MATCHES.format(configuration="quotes_en", language="en")})
        UNION ALL ({_MATCHES.format(configuration="quotes_fr", language="fr")})
    ), ranked AS (SELECT id, query, configuration, ts_rank_cd(document, query) AS rank FROM matches
    ), page AS (
        SELECT * FROM ranked WHERE %(rank)s::float4 IS NULL OR (rank, id) < (%(rank)s::float4, %(id)s)
        ORDER BY rank DESC, id DESC LIMIT %(limit)s
    )
    SELECT quotes.id, author, text, language, owner, created_at, rank, ts_headline(
        configuration, translate(author, %(marks)s, '   ') || %(between)s || translate(text, %(marks)s, '   '), query, %(marking)s
    ) AS marked
    FROM page JOIN quotes USING (id) ORDER BY rank DESC, id DESC
"""


@router.get(
    "/search",
    response_model=FoundPage,
    responses=documented(304, 422, 429, 503),
    summary="Search in quotes",
    openapi_extra=IF_NONE_MATCH,
)
async def search(
    request: Request,
    question: Annotated[
        str,
        Query(
            alias="q",
            min_length=1,
            max_length=QUESTION_CHARACTERS,
            pattern=r"^[^\x00]*$",
            examples=["short time"],
            description='Words in English or French, `"a phrase"`, `or`, and `-without`.',
        ),
    ],
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
    cursor: Annotated[str | None, Query(max_length=16, description="`next` of the page before")] = None,
) -> Response:
    """A page of matches; of a word that is everywhere, the newest 1000 quotes of each language compete."""
    rank, before = (None, 0) if cursor is None else _position(cursor)
    cache: Cache = request.app.state.cache
    asked = blake2b(question.encode(), digest_size=16).hexdigest()
    key = f"{ENTRY}search:{asked}:{cursor or ''}:{limit}"
    cached = await cache.read(key)
    if cached.value is not None:
        return await readable(request, cached.value)
    rows = await _rows(request.app.state.database, search_values(question, rank, before, limit + 1))
    items = rows[:limit]
    following = _cursor(items[-1]["rank"], items[-1]["id"]) if len(rows) > limit else None
    body = orjson.dumps({"items": [_shown(row) for row in items], "next": following})
    await cache.store(key, body, cached)
    return await readable(request, body)


def search_values(question: str, rank: float | None, before: int, limit: int) -> dict[str, Any]:
    """The parameters of `SEARCH`: the question, after which rank and id, how many rows."""
    return {
        "question": question,
        "rank": rank,
        "id": before,
        "limit": limit,
        "most": MOST_RANKED,
        "marks": BEGIN + END + BETWEEN,
        "between": BETWEEN,
        "marking": f'HighlightAll=true, StartSel="{BEGIN}", StopSel="{END}"',
    }


async def _rows(database: Database, values: dict[str, Any]) -> list[dict[str, Any]]:
    # Not by the server's statement_timeout: to set it for one statement takes a transaction, which costs as much as the search.
    limit = asyncio.timeout(STATEMENT_SECONDS)
    try:
        async with database.connection() as connection, limit:
            return await (await connection.execute(SEARCH.encode(), values)).fetchall()
    except DatabaseUnavailableError as error:
        if limit.expired():
            raise HTTPException(
                503, "The search took too long; ask for fewer or rarer words.", {"Retry-After": "2"}
            ) from error
        raise


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    marked = row.pop("marked").split(BETWEEN)
    row.pop("rank")
    row["author_pieces"], row["text_pieces"] = (
        _pieces(part, row[whole]) for part, whole in zip(marked, ("author", "text"), strict=True)
    )
    return row


def _pieces(marked: str, whole: str) -> list[dict[str, Any]]:
    """The parts of `whole` outside and inside of the marks that PostgreSQL put around what matches."""
    pieces, at = [], 0
    parts = marked.replace(END, BEGIN).split(BEGIN)
    if sum(map(len, parts)) != len(whole):
        # PostgreSQL promises nowhere to leave nothing out.
        return [{"text": whole, "match": False}]
    for number, part in enumerate(parts):
        if part:
            # Taken from the original, in which no character gave way to a mark.
            pieces.append({"text": whole[at : at + len(part)], "match": number % 2 == 1})
            at += len(part)
    return pieces


def _cursor(rank: float, last: int) -> str:
    return base64.urlsafe_b64encode(struct.pack(">fq", rank, last)).decode()


def _position(cursor: str) -> tuple[float, int]:
    try:
        rank, last = struct.unpack(">fq", base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (ValueError, struct.error):
        rank, last = -1.0, 0
    if not (0 <= rank < float("inf") and last > 0):
        raise RequestValidationError(
            [{"type": "cursor", "loc": ("query", "cursor"), "msg": "take `next` of another page as it is"}]
        )
    return rank, last
