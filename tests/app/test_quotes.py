"""Quotes over HTTP, on a real server with a real database and cache."""

import json
import threading
from collections.abc import Iterator

import httpx
import pytest

from app import __version__
from app.cache import ENTRY
from tests.app.conftest import Place
from tests.app.servers import Application, eventually


def test_a_quote_that_was_added_can_be_read_where_the_answer_says(application: Application) -> None:
    response = application.client.post("/quotes", json={"author": " Ovid ", "text": "Gutta cavat lapidem. 💧"})
    assert response.status_code == 201
    quote = application.client.get(response.headers["Location"]).json()
    assert quote == response.json()
    assert (quote["author"], quote["text"]) == ("Ovid", "Gutta cavat lapidem. 💧")
    assert quote["created_at"].endswith("+00:00")


def test_quotes_are_listed_newest_first_and_page_by_page_without_gaps(application: Application) -> None:
    added = [application.add(text=f"quote {number}")["id"] for number in range(7)]
    seen, cursor, pages = [], None, 0
    while True:
        page = application.client.get("/quotes", params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        seen += [quote["id"] for quote in page["items"]]
        pages += 1
        if (cursor := page["next"]) is None:
            break
    assert seen == added[::-1]
    assert pages == 3


def test_a_full_last_page_says_that_it_is_the_last(application: Application) -> None:
    for number in range(3):
        application.add(text=f"quote {number}")
    assert application.client.get("/quotes", params={"limit": 3}).json()["next"] is None


def test_a_list_that_was_cached_shows_a_new_quote_at_once(application: Application) -> None:
    first = application.add()["id"]
    assert application.ids() == [first] == application.ids()
    second = application.add()["id"]
    assert application.ids() == [second, first]


def test_a_second_read_comes_from_the_cache(application: Application, place: Place) -> None:
    quote = application.add()
    application.client.get(f"/quotes/{quote['id']}")
    application.ids()
    place.postgresql.run("DELETE FROM quotes", place.database)  # behind the application's back
    assert application.client.get(f"/quotes/{quote['id']}").json() == quote
    assert application.ids() == [quote["id"]]


def test_what_a_slow_reader_read_before_a_write_is_never_served_after_it(
    application: Application, place: Place
) -> None:
    """The reader waits in PostgreSQL, with its empty cache lookup behind it, while another quote is written."""
    first = application.add()["id"]
    place.cache.client().delete(f"{ENTRY}list::20")
    with place.postgresql.transaction(place.database) as blocker:
        blocker.execute("LOCK TABLE quotes IN ACCESS EXCLUSIVE MODE")
        answers: list[list[int]] = []
        reader = threading.Thread(target=lambda: answers.append(application.ids()))
        reader.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        eventually(lambda: place.postgresql.run(waiting)[0][0] == 1, what="the reader waits for the table")
        blocker.execute("INSERT INTO quotes (author, text) VALUES ('Cato', 'Carthago delenda est.')")
        generation = place.cache.client().get("{quotes}:generation")
        place.cache.client().set(
            "{quotes}:generation", b"another writer's"
        )  # 16 bytes, as the application of that writer does
        blocker.commit()
    reader.join()
    assert len(answers[0]) == 2
    stored = place.cache.client().get(f"{ENTRY}list::20")
    assert isinstance(stored, bytes)
    assert isinstance(generation, bytes)
    assert stored.startswith(generation)
    place.postgresql.run("DELETE FROM quotes WHERE author = 'Cato'", place.database)
    assert application.ids() == [first]


def test_a_quote_that_does_not_exist_is_a_problem_document(application: Application) -> None:
    response = application.client.get("/quotes/999999")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["title"] == "Not found"


HOSTILE = {
    "author too long": {"author": "a" * 201, "text": "t"},
    "text too long": {"author": "a", "text": "t" * 2001},
    "empty after trimming": {"author": "  ", "text": "t"},
    "a NUL character": {"author": "a", "text": "a\x00b"},
    "a number for a text": {"author": 1, "text": "t"},
    "an unknown member": {"author": "a", "text": "t", "id": 5},
    "a missing member": {"author": "a"},
    "a list": [1, 2],
    "nothing": None,
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_body_with_invalid_parts_is_refused_and_not_echoed(application: Application, body: object) -> None:
    response = application.client.post(
        "/quotes", content=json.dumps(body), headers={"content-type": "application/json"}
    )
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["faults"]
    assert len(response.content) < 1000
    assert application.ids() == []


HOSTILE_BYTES = {
    "no JSON": (b"{author", {422}),
    "a lone surrogate": (rb'{"author": "a", "text": "\ud800"}', {422}),
    "a lone surrogate as a name": (rb'{"author": "a", "text": "t", "\ud800": 1}', {422}),
    "invalid UTF-8": (b'{"author": "a", "text": "\xff\xfe"}', {400, 422}),
    "a thousand unknown members": (json.dumps({f"m{n}": n for n in range(1000)}).encode(), {422}),
    "nested a thousand times": (b"[" * 20000 + b"]" * 20000, {400, 422}),
    "a body larger than the limit": (b'{"author": "a", "text": "' + b"t" * 70_000 + b'"}', {413}),
}


@pytest.mark.parametrize(("body", "statuses"), HOSTILE_BYTES.values(), ids=HOSTILE_BYTES.keys())
def test_hostile_bytes_are_refused_as_a_problem(application: Application, body: bytes, statuses: set[int]) -> None:
    response = application.client.post("/quotes", content=body, headers={"content-type": "application/json"})
    assert response.status_code in statuses, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.content) < 5000


def test_a_body_without_an_announced_length_is_limited_too(application: Application) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 10_000

    response = application.client.post("/quotes", content=endless(), headers={"content-type": "application/json"})
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/quotes?limit=0",
        "/quotes?limit=101",
        "/quotes?limit=x",
        "/quotes?cursor=!",
        "/quotes?cursor=AAAAAAAAAAA",
        "/quotes?cursor=__________8",
        "/quotes?cursor=" + "A" * 10_000,
        "/quotes/0",
        "/quotes/9223372036854775808",
        "/quotes/" + "9" * 5000,
        "/quotes/x",
    ],
    ids=lambda path: path[:40],
)
def test_a_hostile_path_or_query_is_refused(application: Application, path: str) -> None:
    response = application.client.get(path)
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"


def test_the_largest_valid_quote_is_taken_however_it_is_escaped(application: Application) -> None:
    body = json.dumps({"author": "😀" * 200, "text": "😀" * 2000})  # each character as two escaped surrogates
    response = application.client.post("/quotes", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 201, response.text
    assert application.client.get(response.headers["Location"]).json()["text"] == "😀" * 2000


def test_a_method_that_a_path_does_not_have_is_a_problem_and_names_those_it_has(application: Application) -> None:
    response = application.client.delete("/quotes")
    assert response.status_code == 405
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["allow"]


def test_the_root_says_name_and_version_and_the_api_describes_itself(application: Application) -> None:
    assert application.client.get("/version").json() == {"name": "quotes", "version": __version__}
    paths = application.client.get("/openapi.json").json()["paths"]
    assert {"/quotes", "/quotes/{id}", "/healthz", "/readyz", "/health", "/quotes/health"} <= set(paths)


def test_health_names_each_dependency(application: Application) -> None:
    assert application.client.get("/health").json() == {
        "status": "ok",
        "dependencies": {"database": "ok", "cache": "ok"},
    }
    assert application.client.get("/quotes/health").json() == {"status": "ok"}


def test_the_server_does_not_introduce_itself(application: Application) -> None:
    response: httpx.Response = application.client.get("/healthz")
    assert "server" not in response.headers
