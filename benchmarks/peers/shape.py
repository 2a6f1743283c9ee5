"""What both peers share with nobody's framework: addresses from the environment, tables, and the search's answer."""

import os
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import BigInteger, DateTime, FetchedValue, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

DATABASE = os.environ["DATABASE"]
"""Of a SQLAlchemy URL all but the driver: user:password@host:port/name."""

CACHE = os.environ.get("CACHE")
"""URL of Redis; without it nothing is cached."""

POOL_SIZE = int(os.environ["POOL_SIZE"])
CACHE_SECONDS = 60
BEGIN, END, BETWEEN = "\x02", "\x03", "\x04"

# As the tutorials have it: rank all matches, take the best twenty. The marks are those that the application uses.
SEARCH = text(
    """
    SELECT quotes.id, author, text, language, owner, created_at,
        ts_headline(query.configuration, author || :between || text, query.query, :marking) AS marked
    FROM quotes JOIN (VALUES
        ('en', 'quotes_en'::regconfig, websearch_to_tsquery('quotes_en', :question)),
        ('fr', 'quotes_fr'::regconfig, websearch_to_tsquery('quotes_fr', :question))
    ) AS query (language, configuration, query) USING (language)
    WHERE document @@ query.query
    ORDER BY ts_rank_cd(document, query.query) DESC, quotes.id DESC LIMIT 20
    """
)


class Base(DeclarativeBase):
    """The tables."""


class User(Base):
    """A row of users."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    password_version: Mapped[int]


class Quote(Base):
    """A row of quotes; a trigger of the database finds the language."""

    __tablename__ = "quotes"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    author: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text, server_default=FetchedValue())
    owner: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=FetchedValue())


def session_key(authorization: str) -> str:
    """Where the session of a header `Authorization` lies in Redis."""
    return f"{{session}}:{sha256(authorization.removeprefix('Bearer ').encode()).hexdigest()}"


def search_values(question: str) -> dict[str, str]:
    """The parameters of `SEARCH`."""
    marking = f'HighlightAll=true, StartSel="{BEGIN}", StopSel="{END}"'
    return {"question": question, "between": BETWEEN, "marking": marking}


def found(row: dict[str, Any]) -> dict[str, Any]:
    """A row of `SEARCH` as the API answers it."""
    row = dict(row)
    author, content = row.pop("marked").split(BETWEEN)
    return {**row, "author_pieces": _pieces(author), "text_pieces": _pieces(content)}


def _pieces(marked: str) -> list[dict[str, Any]]:
    parts = marked.replace(END, BEGIN).split(BEGIN)
    return [{"text": part, "match": number % 2 == 1} for number, part in enumerate(parts) if part]
