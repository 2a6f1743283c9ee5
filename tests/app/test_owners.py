"""Who may add, change and delete quotes, and that nobody overwrites what he has not seen."""

import threading

import httpx
import pytest

from app.cache import GENERATION
from tests.app.conftest import Place
from tests.app.servers import Application, eventually

CHANGED = {"author": "Ovid", "text": "Gutta cavat lapidem, non vi, sed saepe cadendo."}


def tag(application: Application, number: int) -> str:
    return application.client.get(f"/quotes/{number}").headers["ETag"]


def change(application: Application, number: int, if_match: str | None, body: object = None) -> httpx.Response:
    headers = {} if if_match is None else {"If-Match": if_match}
    return application.client.put(f"/quotes/{number}", json=CHANGED if body is None else body, headers=headers)


def refused(response: httpx.Response, status: int) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert response.json()["status"] == status


def test_a_quote_belongs_to_who_added_it(application: Application, place: Place) -> None:
    user = place.sign_in(application)
    assert application.add()["owner"] == user


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nobody_writes_without_logging_in(application: Application, method: str) -> None:
    quote = application.add()
    path = "/quotes" if method == "POST" else f"/quotes/{quote['id']}"
    body = None if method == "DELETE" else CHANGED
    del application.client.headers["Authorization"]
    response = application.client.request(method, path, json=body, headers={"If-Match": "*"})
    refused(response, 401)
    assert response.headers["www-authenticate"]
    assert application.client.get("/quotes").json()["items"] == [quote]


def test_its_owner_changes_a_quote_and_everybody_reads_the_new_one_at_once(application: Application) -> None:
    quote = application.add()
    response = change(application, quote["id"], tag(application, quote["id"]))
    assert response.status_code == 200, response.text
    expected = {**quote, **CHANGED}
    assert response.json() == expected
    assert application.client.get(f"/quotes/{quote['id']}").json() == expected
    assert application.client.get("/quotes").json()["items"] == [expected]
    assert response.headers["ETag"] == tag(application, quote["id"])


def test_the_answer_to_a_new_quote_has_the_tag_with_which_it_can_be_changed(application: Application) -> None:
    added = application.client.post("/quotes", json=CHANGED)
    assert change(application, added.json()["id"], added.headers["ETag"], {"author": "a", "text": "b"}).is_success


def test_of_two_who_change_the_same_version_the_second_is_told(application: Application) -> None:
    quote = application.add()["id"]
    seen = tag(application, quote)
    assert change(application, quote, seen).is_success
    refused(change(application, quote, seen, {"author": "x", "text": "overwritten"}), 412)
    assert application.client.get(f"/quotes/{quote}").json()["text"] == CHANGED["text"]


@pytest.mark.parametrize(
    ("if_match", "status"),
    [
        (None, 428),
        ('"0123"', 412),
        ("W/{}", 412),
        ("rubbish", 412),
        ("", 428),
        ("*", 200),
        ('"0123", {}', 200),
        ("{}", 200),
    ],
)
def test_a_change_names_the_version_that_it_replaces(
    application: Application, if_match: str | None, status: int
) -> None:
    quote = application.add()["id"]
    response = change(application, quote, if_match and if_match.replace("{}", tag(application, quote)))
    assert response.status_code == status, response.text
    if status != 200:
        refused(response, status)


def test_its_owner_deletes_a_quote_and_it_is_gone_at_once(application: Application) -> None:
    quote = application.add()["id"]
    assert application.ids() == [quote]
    response = application.client.delete(f"/quotes/{quote}")
    assert (response.status_code, response.content) == (204, b"")
    assert application.ids() == []
    refused(application.client.get(f"/quotes/{quote}"), 404)
    refused(application.client.delete(f"/quotes/{quote}"), 404)


def test_a_deletion_may_name_the_version_that_it_deletes(application: Application) -> None:
    quote = application.add()["id"]
    refused(application.client.delete(f"/quotes/{quote}", headers={"If-Match": '"0123"'}), 412)
    known = {"If-Match": tag(application, quote)}
    assert application.client.delete(f"/quotes/{quote}", headers=known).status_code == 204


def test_others_change_and_delete_nothing(application: Application, place: Place) -> None:
    quote = application.add()
    place.sign_in(application, "brutus")
    refused(change(application, quote["id"], tag(application, quote["id"])), 403)
    refused(application.client.delete(f"/quotes/{quote['id']}"), 403)
    assert application.client.get(f"/quotes/{quote['id']}").json() == quote


def test_a_quote_without_an_owner_is_changed_by_nobody(application: Application, place: Place) -> None:
    place.postgresql.run("INSERT INTO quotes (author, text) VALUES ('Cato', 'Ceterum censeo.')", place.database)
    quote = application.ids()[0]
    assert application.client.get(f"/quotes/{quote}").json()["owner"] is None
    refused(change(application, quote, "*"), 403)
    refused(application.client.delete(f"/quotes/{quote}"), 403)


def test_quotes_outlive_the_user_who_added_them_and_belong_to_nobody_then(application: Application) -> None:
    quote = application.add()
    assert application.client.get(f"/quotes/{quote['id']}").json() == quote
    assert application.client.delete("/users/me").status_code == 204
    assert application.client.get(f"/quotes/{quote['id']}").json() == {**quote, "owner": None}


def test_a_user_who_is_deleted_while_adding_adds_nothing(application: Application, place: Place) -> None:
    answers: list[httpx.Response] = []
    with place.postgresql.transaction(place.database) as blocker:
        blocker.execute("LOCK TABLE quotes IN ACCESS EXCLUSIVE MODE")
        writer = threading.Thread(target=lambda: answers.append(application.client.post("/quotes", json=CHANGED)))
        writer.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        eventually(lambda: place.postgresql.run(waiting)[0][0] == 1, what="the write waits for the table")
        blocker.execute("DELETE FROM users")
        blocker.commit()
    writer.join()
    refused(answers[0], 401)
    assert application.ids() == []


def test_who_may_change_nothing_cannot_empty_the_cache(application: Application, place: Place) -> None:
    quote = application.add()["id"]
    assert application.ids() == [quote]
    place.sign_in(application, "brutus")
    generation = place.cache.client().get(GENERATION)
    refused(change(application, quote, "*"), 403)
    refused(application.client.delete("/quotes/999999"), 404)
    assert place.cache.client().get(GENERATION) == generation


def test_an_invalid_change_lists_every_fault_and_changes_nothing(application: Application) -> None:
    quote = application.add()
    response = change(application, quote["id"], "*", {"author": "", "text": 1, "language": "de", "more": 2})
    refused(response, 422)
    assert {fault["where"] for fault in response.json()["faults"]} == {
        "body.author",
        "body.text",
        "body.language",
        "body.more",
    }
    assert application.client.get(f"/quotes/{quote['id']}").json() == quote


@pytest.mark.parametrize("path", ["/quotes", "/quotes/{}", "/search?q=vita"])
def test_what_a_client_has_is_not_sent_again_neither_from_the_database_nor_from_the_cache(
    application: Application, place: Place, path: str
) -> None:
    path = path.format(application.add()["id"])
    first = application.client.get(path)
    known = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "no-cache"
    for way in ("cache", "database"):
        if way == "database":
            place.cache.client().flushall()
        again = application.client.get(path, headers={"If-None-Match": f'"other", W/{known}'})
        assert (again.status_code, again.content) == (304, b""), way
        assert again.headers["ETag"] == known
        assert again.headers["Cache-Control"] == "no-cache"
        assert application.client.get(path, headers={"If-None-Match": '"other"'}).content == first.content
    assert application.client.get(path, headers={"If-None-Match": "*"}).status_code == 304


def test_a_change_gives_everything_that_shows_it_another_tag(application: Application) -> None:
    quote = application.add()["id"]
    paths = ("/quotes", f"/quotes/{quote}", "/search?q=saepe OR vita")
    before = {path: application.client.get(path).headers["ETag"] for path in paths}
    assert change(application, quote, "*").is_success
    for path in paths:
        response = application.client.get(path, headers={"If-None-Match": before[path]})
        assert response.status_code == 200, path
        assert response.headers["ETag"] != before[path]
