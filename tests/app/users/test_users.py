"""Users over HTTP, on a real server with a real database: names, passwords, and what is kept of them."""

import json
import statistics
import time

import pytest

from tests.app.conftest import Place
from tests.app.servers import Application
from tests.app.users.people import BROWSER, OTHER, PASSWORD, Starter, bearer, client, me, registered, token


def test_somebody_registers_logs_in_is_recognised_and_logs_out_as_a_browser_does(application: Application) -> None:
    with client(application, **BROWSER) as browser:
        answer = browser.post("/users", json={"name": " Ovid ", "password": PASSWORD})
        assert (answer.status_code, answer.json()["name"], answer.headers["location"]) == (201, "ovid", "/users/me")
        assert browser.get("/users/me").status_code == 401
        answer = browser.post("/users/login", json={"name": "OVID", "password": PASSWORD})
        assert answer.status_code == 201
        assert answer.json()["token"] is None
        flags = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/"} <= flags
        assert "secure" not in flags
        assert answer.headers["cache-control"] == "no-store"
        answer = browser.get("/users/me")
        assert (answer.status_code, answer.json()["name"]) == (200, "ovid")
        assert answer.headers["cache-control"] == "no-store"
        stolen = dict(browser.cookies)
        assert browser.post("/users/logout").status_code == 204
        assert not browser.cookies
        assert browser.get("/users/me").status_code == 401
        assert browser.get("/users/me", headers={"Cookie": f"session={stolen['session']}"}).status_code == 401


def test_the_server_keeps_neither_the_password_nor_the_sessions_id(application: Application, place: Place) -> None:
    registered(application)
    session = token(application)
    [(kept,)] = place.postgresql.run("SELECT password_hash FROM users", place.database)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    store = place.cache.client()
    keys = [key.decode() for key in store.scan_iter("{session}:*")]
    assert len(keys) == 1
    assert session not in keys[0]
    assert session.encode() not in (store.get(keys[0]) or b"")
    assert 0 < store.ttl(keys[0]) <= 7 * 24 * 3600


def test_a_name_is_taken_once_in_whatever_letters(application: Application) -> None:
    registered(application)
    answer = application.client.post("/users", json={"name": "OVID", "password": OTHER})
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    assert token(application)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/users", {"name": "ov", "password": PASSWORD}),
        ("/users", {"name": "o" * 33, "password": PASSWORD}),
        ("/users", {"name": "ovid\n", "password": PASSWORD, "id": 1}),
        ("/users", {"name": "\u043evid", "password": PASSWORD}),  # a Cyrillic letter that looks like o
        ("/users", {"name": "ovid", "password": "fourteen chars"}),
        ("/users", {"name": "ovid", "password": "p" * 129}),
        ("/users", {"name": "ovid", "password": 123456789012345}),
        ("/users", {"name": "ovid"}),
        ("/users/login", {"name": "ovid", "password": ""}),
        ("/users/login", {"name": "' OR 1=1 --", "password": PASSWORD}),
        ("/users/login", {"name": {"$ne": ""}, "password": PASSWORD}),
    ],
)
def test_a_name_or_password_out_of_form_is_refused_and_not_echoed(
    application: Application, path: str, body: dict[str, object]
) -> None:
    answer = application.client.post(path, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert PASSWORD not in answer.text
    assert "fourteen chars" not in answer.text


def test_a_password_with_a_lone_surrogate_is_refused(application: Application) -> None:
    body = rb'{"name": "ovid", "password": "\ud800 fifteen characters"}'
    answer = application.client.post("/users", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text


def test_a_password_is_the_same_however_the_keyboard_composes_it(application: Application) -> None:
    answer = application.client.post("/users", json={"name": "ovid", "password": "caf\u00e9 caf\u00e9 caf\u00e9 7"})
    assert answer.status_code == 201
    assert token(application, password="cafe\u0301 cafe\u0301 cafe\u0301 7")  # noqa: S106


def test_an_unknown_name_and_a_wrong_password_get_one_answer_after_the_same_work(application: Application) -> None:
    registered(application)
    took: dict[str, list[float]] = {"ovid": [], "nemo": []}
    answers = set()
    for _ in range(9):
        for name, times in took.items():
            began = time.perf_counter()
            answer = application.client.post("/users/login", json={"name": name, "password": OTHER})
            times.append(time.perf_counter() - began)
            answers.add((answer.status_code, answer.content))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 401
    known, unknown = (statistics.median(times) for times in took.values())
    assert 0.5 < known / unknown < 2, (known, unknown)  # without a hash to compare with, it would be a tenth


def test_who_deletes_themselves_is_gone_with_sessions_and_kept_answers(application: Application, place: Place) -> None:
    body = {"name": "ovid", "password": PASSWORD}
    assert application.client.post("/users", json=body, headers={"Idempotency-Key": "k1"}).status_code == 201
    first, second = token(application), token(application)
    assert application.client.delete("/users/me", headers=bearer(first)).status_code == 204
    assert {me(application, old).status_code for old in (first, second)} == {401}
    for table in ("users", "idempotency_keys"):
        assert place.postgresql.run(f"SELECT * FROM {table}", place.database) == []  # noqa: S608
    registered(application)  # the name is free again, and no old session fits the new user
    assert me(application, second).status_code == 401


def test_nothing_of_a_user_is_in_the_logs(start: Starter) -> None:
    application = start(LOG_LEVEL="debug")
    registered(application, "publius-ovidius")
    session = token(application, "publius-ovidius")
    with client(application, **BROWSER) as browser:
        browser.post("/users/login", json={"name": "publius-ovidius", "password": PASSWORD})
        cookie = browser.cookies["session"]
        browser.put("/users/me/password", json={"current": PASSWORD, "new": OTHER})
    application.client.post("/users/login", json={"name": "publius-ovidius", "password": "a wrong password"})
    application.client.post("/users", json={"name": "publius-ovidius", "password": PASSWORD, "more": PASSWORD})
    me(application, session)
    application.stop()
    lines = application.server.lines()
    for secret in ("publius", PASSWORD, OTHER, "a wrong password", session, cookie, "argon2id", "127.0.0.1:"):
        assert secret not in lines
    routes = [json.loads(line)["route"] for line in lines.splitlines() if '"request"' in line]
    assert routes.count("/users/login") == 3


def test_logins_are_counted_by_result_alone(start: Starter) -> None:
    application = start()
    registered(application)
    token(application)
    application.client.post("/users/login", json={"name": "nemo", "password": OTHER})
    text = application.metrics()
    assert 'logins_total{result="accepted"} 1.0' in text
    assert 'logins_total{result="refused"} 1.0' in text
    assert "ovid" not in text
