"""FastAPI, Pydantic and SQLAlchemy's ORM on asyncpg, as the full-stack template and FastAPI's tutorial arrange them; uvicorn."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from benchmarks.peers.shape import (
    CACHE,
    CACHE_SECONDS,
    DATABASE,
    POOL_SIZE,
    SEARCH,
    Quote,
    User,
    found,
    search_values,
    session_key,
)

engine = create_async_engine(
    f"postgresql+asyncpg://{DATABASE}", pool_size=POOL_SIZE, max_overflow=0, pool_pre_ping=True
)
make_session = async_sessionmaker(engine, expire_on_commit=False)
redis = Redis.from_url(CACHE) if CACHE else None
app = FastAPI()


class NewQuote(BaseModel):
    """A quote as a client sends it."""

    author: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=2000)


class QuotePublic(BaseModel):
    """A quote as the API answers it."""

    model_config = ConfigDict(from_attributes=True)
    id: int
    author: str
    text: str
    language: str
    owner: int | None
    created_at: datetime


class Piece(BaseModel):
    """A part of a text, and whether it is what was searched."""

    text: str
    match: bool


class FoundPublic(QuotePublic):
    """A quote that matches."""

    author_pieces: list[Piece]
    text_pieces: list[Piece]


class FoundPage(BaseModel):
    """What was found."""

    items: list[FoundPublic]
    next: str | None = None


async def database() -> AsyncIterator[AsyncSession]:
    """A session for one request."""
    async with make_session() as session:
        yield session


Database = Annotated[AsyncSession, Depends(database)]


async def current_user(session: Database, authorization: Annotated[str, Header()]) -> User:
    """Whose session the request shows."""
    document = await redis.get(session_key(authorization)) if redis else None
    user = await session.get(User, json.loads(document)["user"]) if document else None
    if user is None:
        raise HTTPException(401)
    return user


@app.get("/readyz")
async def ready(session: Database) -> dict[str, str]:
    """Whether the database answers."""
    await session.execute(text("SELECT 1"))
    return {"status": "ok"}


@app.get("/quotes/{number}", response_model=QuotePublic)
async def read(number: int, session: Database) -> Any:
    """One quote."""
    if redis and (cached := await redis.get(f"fastapi:{number}")):
        return Response(cached, media_type="application/json")
    quote = await session.get(Quote, number)
    if quote is None:
        raise HTTPException(404)
    if redis:
        await redis.set(f"fastapi:{number}", QuotePublic.model_validate(quote).model_dump_json(), ex=CACHE_SECONDS)
    return quote


@app.get("/search", response_model=FoundPage)
async def search(q: str, session: Database) -> Any:
    """The best twenty matches."""
    rows = (await session.execute(SEARCH, search_values(q))).mappings()
    return {"items": [found(dict(row)) for row in rows]}


@app.post("/quotes", response_model=QuotePublic, status_code=201)
async def add(quote: NewQuote, session: Database, user: Annotated[User, Depends(current_user)]) -> Any:
    """Keep a quote."""
    row = Quote(**quote.model_dump(), owner=user.id)
    session.add(row)
    await session.commit()
    await session.refresh(row)
    if redis:
        await redis.delete("fastapi:newest")
    return row
