"""Flask and SQLAlchemy's ORM on psycopg2 with a cache by hand, as the platform's users have it; gunicorn with threads."""

import json
import logging
from typing import Any

from flask import Flask, Response, abort, jsonify, request
from flask.json.provider import DefaultJSONProvider
from redis import Redis
from sqlalchemy import create_engine, text
from sqlalchemy.orm import scoped_session, sessionmaker

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

engine = create_engine(f"postgresql+psycopg2://{DATABASE}", pool_size=POOL_SIZE, max_overflow=0, pool_pre_ping=True)
session = scoped_session(sessionmaker(engine))
redis = Redis.from_url(CACHE) if CACHE else None
logging.basicConfig(level="INFO")


class _Json(DefaultJSONProvider):
    """Times as in ISO 8601, where Flask writes those of RFC 822."""

    sort_keys = False

    @staticmethod
    def default(o: Any) -> Any:
        """What JSON has no form for."""
        return o.isoformat()


app = Flask(__name__)
app.json = _Json(app)


@app.teardown_appcontext
def close(_: BaseException | None) -> None:
    """Give the connection back."""
    session.remove()


def public(quote: Quote) -> dict[str, Any]:
    """A quote as the API answers it."""
    return {
        "id": quote.id,
        "author": quote.author,
        "text": quote.text,
        "language": quote.language,
        "owner": quote.owner,
        "created_at": quote.created_at,
    }


@app.get("/readyz")
def ready() -> dict[str, str]:
    """Whether the database answers."""
    session.execute(text("SELECT 1"))
    return {"status": "ok"}


@app.get("/quotes/<int:number>")
def read(number: int) -> Response:
    """One quote."""
    if redis and (cached := redis.get(f"flask:{number}")):
        return Response(cached, mimetype="application/json")
    quote = session.get(Quote, number)
    if quote is None:
        abort(404)
    answer = jsonify(public(quote))
    if redis:
        redis.set(f"flask:{number}", answer.get_data(), ex=CACHE_SECONDS)
    return answer


@app.get("/search")
def search() -> Response:
    """The best twenty matches."""
    rows = session.execute(SEARCH, search_values(request.args["q"])).mappings()
    return jsonify({"items": [found(dict(row)) for row in rows], "next": None})


@app.post("/quotes")
def add() -> tuple[Response, int]:
    """Keep a quote."""
    document = redis.get(session_key(request.headers["Authorization"])) if redis else None
    user = session.get(User, json.loads(document)["user"]) if document else None
    if user is None:
        abort(401)
    sent = request.get_json()
    if not (0 < len(sent["author"]) <= 200 and 0 < len(sent["text"]) <= 2000):
        abort(422)
    quote = Quote(author=sent["author"], text=sent["text"], owner=user.id)
    session.add(quote)
    session.commit()
    if redis:
        redis.delete("flask:newest")
    return jsonify(public(quote)), 201
