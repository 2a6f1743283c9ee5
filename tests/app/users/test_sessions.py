"""Sessions of users: who may bring one, from where, and for how long."""

import json
from collections.abc import Callable

import pytest

from tests.app.conftest import Place
from tests.app.servers import Application
from tests.app.users.people import BROWSER, OTHER, PASSWORD, Starter, bearer, client, me, registered, token


def test_where_tls_is_the_cookie_is_bound_to_this_very_host_over_tls(start: Starter) -> None:
    application = start(SECURE_COOKIES="true")
    registered(application)
    cookie = application.client.post("/users/login", json={"name": "ovid", "password": PASSWORD}).headers["set-cookie"]
    assert cookie.startswith("__Host-session=")
    assert "; Secure" in cookie
    assert "domain" not in cookie.lower()


TAMPERED = {
    "another letter": lambda value: ("A" if value[0] != "A" else "B") + value[1:],
    "shortened": lambda value: value[:-1],
    "lengthened": lambda value: value + "A",
    "a glob": lambda _: "*",
    "a path": lambda value: "../" + value,
    "empty": lambda _: "",
    "huge": lambda _: "A" * 8000,
    "not ASCII": lambda _: "\u00fc" * 43,
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
def test_a_tampered_session_is_none(application: Application, change: Callable[[str], str]) -> None:
    registered(application)
    wrong = change(token(application)).encode("latin-1")
    for header, value in ((b"Cookie", b"session=" + wrong), (b"Authorization", (b"Bearer " + wrong).strip())):
        answer = application.client.get("/users/me", headers={header: value})
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_session_id_that_the_client_brings_is_never_taken_over(application: Application, place: Place) -> None:
    """Session fixation: an attacker plants an id, the victim logs in with it."""
    registered(application)
    planted = token(application)  # even a valid one, of the attacker's own
    with client(application, **BROWSER) as browser:
        login = {"name": "ovid", "password": PASSWORD}
        answer = browser.post("/users/login", json=login, headers={"Cookie": f"session={planted}"})
        assert answer.status_code == 201
        assert browser.cookies["session"] != planted
    assert me(application, planted).status_code == 401
    assert len(list(place.cache.client().scan_iter("{session}:*"))) == 1


FOREIGN = {
    "another site": ({"Sec-Fetch-Site": "cross-site"}, 403),
    "a neighbour in the same domain": ({"Sec-Fetch-Site": "same-site", "Origin": "http://{host}"}, 403),
    "an old browser's other site": ({"Origin": "https://evil.example"}, 403),
    "an opaque origin": ({"Origin": "null"}, 403),
    "an origin that begins like ours": ({"Origin": "http://{host}.evil.example"}, 403),
    "nothing says where from": ({}, 403),
    "our own page": ({"Sec-Fetch-Site": "same-origin"}, 204),
    "our own page in an old browser": ({"Origin": "http://{host}"}, 204),
}


@pytest.mark.parametrize(("headers", "status"), FOREIGN.values(), ids=FOREIGN.keys())
def test_a_change_by_cookie_must_come_from_a_page_of_ours(
    application: Application, headers: dict[str, str], status: int
) -> None:
    registered(application)
    session = token(application)
    host = f"127.0.0.1:{application.port}"
    sent = {name: value.format(host=host) for name, value in headers.items()}
    answer = application.client.post("/users/logout", headers={**sent, "Cookie": f"session={session}"})
    assert answer.status_code == status, answer.text
    assert me(application, session).status_code == (200 if status == 403 else 401)


def test_another_site_cannot_log_a_browser_in(application: Application) -> None:
    registered(application)
    body = {"name": "ovid", "password": PASSWORD}
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert application.client.post("/users/login", json=body, headers=headers).status_code == 403


def test_a_changed_password_ends_every_session_and_opens_a_new_one(application: Application) -> None:
    registered(application)
    mine, other = token(application), token(application)
    change = {"current": "wrong password 123", "new": OTHER}
    assert application.client.put("/users/me/password", json=change, headers=bearer(mine)).status_code == 403
    assert me(application, other).status_code == 200
    change = {"current": PASSWORD, "new": OTHER}
    answer = application.client.put("/users/me/password", json=change, headers=bearer(mine))
    assert answer.status_code == 200
    assert me(application, answer.json()["token"]).status_code == 200
    assert {me(application, old).status_code for old in (mine, other)} == {401}
    old = application.client.post("/users/login", json={"name": "ovid", "password": PASSWORD})
    assert old.status_code == 401
    assert token(application, password=OTHER)


def test_a_session_lasts_as_long_as_it_is_used_but_not_for_ever(application: Application, place: Place) -> None:
    registered(application)
    session = token(application)
    store = place.cache.client()
    [key] = store.scan_iter("{session}:*")
    store.expire(key, 60)
    assert me(application, session).status_code == 200
    assert store.ttl(key) > 6 * 24 * 3600
    kept = json.loads(store.get(key) or b"")
    kept["since"] -= 30 * 24 * 3600 + 1
    store.set(key, json.dumps(kept))
    assert me(application, session).status_code == 401


def test_a_session_that_the_store_lost_means_a_new_login(application: Application, place: Place) -> None:
    registered(application)
    session = token(application)
    place.cache.client().flushall()
    assert me(application, session).status_code == 401
    assert me(application, token(application)).status_code == 200
