# ruff: noqa: RUF001
"""Search over PostgreSQL's full text, on a real server: languages, ranks, marks, pages, and what hostile questions cost."""

import secrets
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from app.search import MOST_RANKED, SEARCH, STATEMENT_SECONDS, search_values
from tests.app.conftest import Place
from tests.app.servers import Application

FRENCH = "Les chevaux de la nuit courent vers le château où l'on a aimé."
ENGLISH = "The running horses of the night were loved by the queen."


def found(application: Application, question: str, **more: Any) -> list[dict[str, Any]]:
    response = application.client.get("/search", params={"q": question, **more})
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


def ids(application: Application, question: str, **more: Any) -> list[int]:
    return [quote["id"] for quote in found(application, question, **more)]


def marked(pieces: list[dict[str, Any]]) -> str:
    return "".join(f"[{piece['text']}]" if piece["match"] else piece["text"] for piece in pieces)


@pytest.mark.parametrize(
    ("question", "languages"),
    [
        ("horse", {"en"}),
        ("loving", {"en"}),
        ("cheval chevaux", {"fr"}),
        ("courir OR courent", {"fr"}),
        ("chateau", {"fr"}),
        ("château", {"fr"}),
        ("CHÂTEAU", {"fr"}),
        ("queen OR château", {"en", "fr"}),
        ('"running horses"', {"en"}),
        ('"horses running"', set()),
        ("horses -queen", set()),
        ("the", set()),
        ("seneca", {"en", "fr"}),
        ("nothing", set()),
        ("?!&|():*<->'\\", set()),
    ],
)
def test_a_question_finds_quotes_in_their_own_language(
    application: Application, question: str, languages: set[str]
) -> None:
    for text in (ENGLISH, FRENCH):
        application.add(text=text)
    assert {quote["language"] for quote in found(application, question)} == languages


@pytest.mark.parametrize(
    ("text", "given", "language"),
    [
        (ENGLISH, None, "en"),
        (FRENCH, None, "fr"),
        ("C’est l’été.", None, "fr"),
        ("Veni, vidi, vici", None, "en"),
        ("Veni, vidi, vici", "fr", "fr"),
        (ENGLISH, "fr", "fr"),
    ],
)
def test_the_language_is_the_given_one_or_the_one_whose_words_it_has(
    application: Application, text: str, given: str | None, language: str
) -> None:
    body = {"author": "a", "text": text, **({"language": given} if given else {})}
    assert application.client.post("/quotes", json=body).json()["language"] == language


def test_where_no_word_tells_the_setting_does(start: Callable[..., Application], place: Place) -> None:
    place.empty()
    assert start(DEFAULT_LANGUAGE="fr").add(text="Veni, vidi, vici")["language"] == "fr"


def test_a_changed_quote_is_found_by_its_new_words_and_language_only(application: Application) -> None:
    quote = application.add(text=ENGLISH)["id"]
    assert ids(application, "queen") == [quote]
    changed = application.client.put(
        f"/quotes/{quote}", json={"author": "a", "text": FRENCH}, headers={"If-Match": "*"}
    )
    assert changed.json()["language"] == "fr"
    assert ids(application, "queen") == []
    assert ids(application, "chateau") == [quote]
    application.client.delete(f"/quotes/{quote}")
    assert ids(application, "chateau") == []


def test_the_best_comes_first_and_of_equals_the_newest(application: Application) -> None:
    once, author, older, newer = (
        application.add(text="A river.", author="x")["id"],
        application.add(text="Nothing of it.", author="River")["id"],
        application.add(text="River of a river, my river.", author="x")["id"],
        application.add(text="River of a river, my river.", author="x")["id"],
    )
    assert ids(application, "river") == [newer, older, once, author]


def test_what_matched_is_marked_in_author_and_text_and_the_pieces_are_the_whole(application: Application) -> None:
    application.add(author="Horse lover", text="Two horses, one\nhorse-race: no HORSE <b>is</b> last.")
    quote = found(application, "horse")[0]
    assert marked(quote["author_pieces"]) == "[Horse] lover"
    assert marked(quote["text_pieces"]) == "Two [horses], one\n[horse]-race: no [HORSE] <b>is</b> last."


HOSTILE = [
    "<script>alert('vita')</script> vita",
    "vita &lt;b&gt; &amp; vita",
    'vita <img src=x onerror="vita"> <!-- vita -->',
    "\x02vita\x03 \x04 vita",
    "http://vita.example/vita?vita=vita vita@vita.example /vita/vita.txt vita-vita -1.5e3 1.2.3",
    "  vita  😀 vita\t\tvita \u202e vita \u0301",
    "vita" * 400 + " vita",
    "vita " * 400,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_the_pieces_of_a_hostile_text_are_exactly_that_text(application: Application, text: str) -> None:
    """Nothing is escaped or left out, nor can a text mark itself: every mark is a word that was searched."""
    quote = application.add(author="\x02vita\x03", text=text)
    shown = found(application, "vita")[0]
    assert "".join(piece["text"] for piece in shown["text_pieces"]) == quote["text"]
    assert "".join(piece["text"] for piece in shown["author_pieces"]) == quote["author"]
    marks = {piece["text"].lower() for piece in shown["text_pieces"] if piece["match"]}
    assert "vita" in marks
    assert all("vita" in mark for mark in marks)


def test_pages_have_no_gap_and_no_double_also_while_others_write(application: Application) -> None:
    for number in range(11):
        application.add(text="river " * (number % 3 + 1))
    wanted = ids(application, "river", limit=50)
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        response = application.client.get("/search", params={"q": "river", "limit": 4, **cursor}).json()
        seen += [quote["id"] for quote in response["items"]]
        if response["next"] is None:
            break
        application.add(text="river river river river river")  # better than all: it belongs to a page that is over
        cursor = {"cursor": response["next"]}
    assert seen == wanted
    assert len(set(seen)) == 11


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("", {"query.q"}),
        ("q=", {"query.q"}),
        ("q=" + "a" * 201, {"query.q"}),
        ("q=%00", {"query.q"}),
        ("q=a&limit=51", {"query.limit"}),
        ("q=a&cursor=!", {"query.cursor"}),
        ("q=a&cursor=AAAAAAAAAAAAAAAA", {"query.cursor"}),
        ("q=a&cursor=f8AAAAAAAAAAAAAB", {"query.cursor"}),
        ("limit=0&cursor=" + "A" * 100, {"query.q", "query.limit", "query.cursor"}),
    ],
)
def test_every_fault_of_a_question_is_named(application: Application, query: str, where: set[str]) -> None:
    response = application.client.get(f"/search?{query}")
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert {fault["where"] for fault in response.json()["faults"]} == where


def test_any_question_of_the_allowed_length_is_answered(application: Application) -> None:
    application.add()
    alphabet = "ab \"'-()&|!:*<>\\%_/.@#é😀\x01\u202e"
    for _ in range(60):
        question = "".join(secrets.choice(alphabet) for _ in range(1 + secrets.randbelow(200)))
        response = application.client.get("/search", params={"q": question})
        assert response.status_code == 200, (question, response.text)


def test_a_second_search_comes_from_the_cache_until_something_is_written(
    application: Application, place: Place
) -> None:
    quote = application.add()["id"]
    assert ids(application, "vita") == [quote]
    place.postgresql.run("DELETE FROM quotes", place.database)  # behind the application's back
    assert ids(application, "vita") == [quote]
    assert ids(application, "vita", limit=5) == []
    application.add(text="something else")
    assert ids(application, "vita") == []


def test_a_word_that_is_everywhere_costs_no_more_than_its_newest_thousand(
    application: Application, place: Place
) -> None:
    fill = f"INSERT INTO quotes (author, text) SELECT 'x', 'river' FROM generate_series(1, {MOST_RANKED + 500})"  # noqa: S608
    place.postgresql.run(fill, place.database)
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while cursor or not seen:
        page = application.client.get("/search", params={"q": "river", "limit": 50, **cursor}).json()
        seen += [quote["id"] for quote in page["items"]]
        cursor = {"cursor": page["next"]} if page["next"] else {}
        if not cursor:
            break
    newest = place.postgresql.run("SELECT max(id) FROM quotes", place.database)[0][0]
    assert seen == list(range(newest, newest - MOST_RANKED, -1))


def test_a_search_that_takes_too_long_is_ended_by_the_database(application: Application, place: Place) -> None:
    """The lock stands for slowness: it holds for longer than a search may take, and for less than any other statement."""
    with place.postgresql.transaction(place.database) as blocker:
        blocker.execute("LOCK TABLE quotes IN ACCESS EXCLUSIVE MODE")
        response = application.client.get("/search?q=vita")
    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert "too long" in response.json()["detail"], "something else ended it"
    assert STATEMENT_SECONDS < 2
    assert application.client.get("/search?q=vita").status_code == 200, "the connection was given back unharmed"


def test_the_limit_of_a_search_does_not_stay_with_its_connection(
    start: Callable[..., Application], place: Place
) -> None:
    application = start(DATABASE_POOL_SIZE="1")
    place.empty()
    assert ids(application, "vita") == []
    shown = place.postgresql.run(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'quotes' AND state LIKE 'idle in%'"
    )
    assert shown == [(0,)]


def test_the_index_serves_the_search(place: Place) -> None:
    fill = "INSERT INTO quotes (author, text) SELECT 'x', md5(n::text) FROM generate_series(1, 5000) AS n"
    place.postgresql.run(fill, place.database)
    place.postgresql.run("VACUUM ANALYZE quotes", place.database)
    with place.postgresql.connect(place.database) as connection:
        explained = connection.execute(b"EXPLAIN " + SEARCH.encode(), search_values("c4ca4238", None, 0, 21)).fetchall()
    assert "Bitmap Index Scan on quotes_by_document" in str(explained), explained
    assert "Seq Scan" not in str(explained), explained


def test_health_says_whether_it_can_search(application: Application) -> None:
    response: httpx.Response = application.client.get("/search/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
