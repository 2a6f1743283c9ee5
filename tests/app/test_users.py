"""Users and their sessions over HTTP, on a real server with a real database and a real store of sessions."""

import json
import re
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.app.conftest import Place
from tests.app.servers import Application, eventually

Starter = Callable[..., Application]

PASSWORD = "gutta cavat lapidem 41"  # noqa: S105 - of users that live for these tests
OTHER = "non vi sed saepe cadendo 7"


@pytest.fixture
def user() -> None:
    """Nobody is logged in."""


@pytest.fixture(autouse=True)
def nobody(place: Place) -> Iterator[None]:
    if place.postgresql.server.process is None:
        place.postgresql.start()
    place.empty()
    yield
    if place.postgresql.server.process is None:
        place.postgresql.start()
    if place.cache.server.process is None:
        place.cache.start()


def client(application: Application, **headers: str) -> httpx.Client:
    """Somebody with cookies of their own."""
    return httpx.Client(base_url=application.client.base_url, timeout=30, headers=headers)


def registered(application: Application, name: str = "ovid") -> None:
    answer = application.client.post("/users", json={"name": name, "password": PASSWORD})
    assert answer.status_code == 201, answer.text


def token(application: Application, name: str = "ovid", password: str = PASSWORD) -> str:
    answer = application.client.post("/users/login", json={"name": name, "password": password, "bearer": True})
    assert answer.status_code == 201, answer.text
    assert "set-cookie" not in answer.headers
    found: str = answer.json()["token"]
    return found


def bearer(value: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {value}"}


def me(application: Application, value: str) -> httpx.Response:
    return application.client.get("/users/me", headers=bearer(value))


BROWSER = {"Sec-Fetch-Site": "same-origin"}


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


def test_where_tls_is_the_cookie_is_bound_to_this_very_host_over_tls(start: Starter) -> None:
    application = start(SECURE_COOKIES="true")
    registered(application)
    cookie = application.client.post("/users/login", json={"name": "ovid", "password": PASSWORD}).headers["set-cookie"]
    assert cookie.startswith("__Host-session=")
    assert "; Secure" in cookie
    assert "domain" not in cookie.lower()


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


def test_without_the_store_what_needs_a_session_is_503_and_reading_and_registering_go_on(
    start: Starter, place: Place
) -> None:
    application = start(RATE_LIMIT_SIGNING_IN="100")
    registered(application)
    session = token(application)
    place.sign_in(application)
    quote = application.add()["id"]
    del application.client.headers["Authorization"]
    place.cache.stop()
    for _ in range(2):  # the request that finds out, and one that comes after it
        answer = me(application, session)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert answer.headers["content-type"] == "application/problem+json"
    for password in (PASSWORD, OTHER):  # the same for right and wrong, or it would be an oracle without limits
        answer = application.client.post("/users/login", json={"name": "ovid", "password": password})
        assert answer.status_code == 503
    assert application.client.get("/users/me").status_code == 401  # without a session there is nothing to look up
    assert application.ids() == [quote]
    assert application.client.get("/quotes", headers=bearer(session)).status_code == 200
    assert application.client.get("/users/health").status_code == 503
    assert application.client.get("/healthz").status_code == application.client.get("/readyz").status_code == 200
    registered(application, "cato")
    place.cache.start()
    eventually(lambda: application.client.get("/users/health").status_code == 200, 5, "users' health")
    assert token(application, "cato")


def test_a_frozen_store_delays_a_login_by_seconds_and_is_503(start: Starter, place: Place) -> None:
    application = start()
    registered(application)
    session = token(application)
    place.cache.server.freeze()
    try:
        assert me(application, session).status_code == 503
        began = time.monotonic()
        assert me(application, session).status_code == 503
        assert time.monotonic() - began < 1, "a store that is known to be away is not asked again"
    finally:
        place.cache.server.thaw()
    eventually(lambda: me(application, session).status_code == 200, 5, "the session works again")


def test_without_the_database_a_login_is_503_and_the_session_is_good_when_it_is_back(
    start: Starter, place: Place
) -> None:
    application = start()
    registered(application)
    session = token(application)
    place.postgresql.stop()
    login = {"name": "ovid", "password": PASSWORD}
    assert application.client.post("/users/login", json=login).status_code == 503
    assert me(application, session).status_code == 503
    assert application.client.get("/users/health").status_code == 503
    place.postgresql.start()
    eventually(lambda: me(application, session).status_code == 200, 5, "the session works again")


def test_a_flood_of_logins_keeps_reads_answering_and_takes_no_more_memory(start: Starter, place: Place) -> None:
    application = start()
    registered(application)
    place.sign_in(application)
    application.add()
    process = application.server.process
    assert process is not None

    def memory() -> int:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
        assert found
        return int(found[1])

    before = memory()
    statuses: list[int] = []
    stop = threading.Event()

    def flood() -> None:
        with client(application) as attacker:
            while not stop.is_set():
                login = {"name": "ovid", "password": OTHER}
                statuses.append(attacker.post("/users/login", json=login).status_code)
                time.sleep(0.02)  # leaves the processor to those who are measured

    attackers = [threading.Thread(target=flood) for _ in range(24)]
    for attacker in attackers:
        attacker.start()
    try:
        eventually(lambda: statuses.count(503) > 20 and statuses.count(401) > 3, 30, "the queue is full")
        refused = statuses.count(401)
        for _ in range(100):
            assert len(application.ids()) == 1
        # Reads pass logins: a read that waited for hashes would wait for 16 of them.
        assert statuses.count(401) - refused < 100
    finally:
        stop.set()
        for attacker in attackers:
            attacker.join()
    assert set(statuses) == {401, 503}
    # One hash at a time: 24 at once would be 456 MiB.
    assert memory() - before < 60 * 1024


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
