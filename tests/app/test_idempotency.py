"""Repeated requests, on a real database: one write, one answer, however often and however much at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.app.conftest import Place
from tests.app.servers import Application, eventually

PASSWORD = "gutta cavat lapidem 41"  # noqa: S105 - of users that live for these tests
BODY = {"name": "ovid", "password": PASSWORD}
KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"


@pytest.fixture
def user() -> None:
    """Nobody is logged in."""


def register(application: Application, key: str | None = KEY, **changed: str) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key is not None else {}
    return application.client.post("/users", json={**BODY, **changed}, headers=headers)


def rows(place: Place, what: str) -> int:
    [(count,)] = place.postgresql.run(f"SELECT count(*) FROM {what}", place.database)  # noqa: S608
    return int(count)


def test_a_repeated_request_gets_the_same_answer_and_writes_once(application: Application, place: Place) -> None:
    first, second = register(application), register(application, f'"{KEY}"')  # quoted, as the draft writes it
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert first.headers["location"] == second.headers["location"]
    assert rows(place, "users") == 1
    assert register(application, None).status_code == 409
    assert "idempotent_answers_repeated_total 1.0" in application.metrics()


@pytest.mark.parametrize("changed", [{"name": "cato"}, {"password": PASSWORD + "!"}], ids=lambda one: next(iter(one)))
def test_the_same_key_with_another_request_is_422(
    application: Application, place: Place, changed: dict[str, str]
) -> None:
    assert register(application).status_code == 201
    answer = register(application, **changed)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert rows(place, "users") == 1


def test_of_twenty_at_once_one_writes_and_all_others_hear_of_it(application: Application, place: Place) -> None:
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: register(application), range(20)))
    assert rows(place, "users") == 1
    created = {answer.content for answer in answers if answer.status_code == 201}
    assert len(created) == 1
    # The others: the same answer, or that it is on its way, or that too many wait for their passwords' hashes.
    assert {answer.status_code for answer in answers} <= {201, 409, 503}
    assert register(application).content in created


def test_while_the_first_request_runs_the_second_is_409(application: Application, place: Place) -> None:
    answers: list[httpx.Response] = []
    with place.postgresql.transaction(place.database) as blocker:
        blocker.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        first = threading.Thread(target=lambda: answers.append(register(application)))
        first.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation IS NOT NULL"
        eventually(lambda: place.postgresql.run(waiting)[0][0] == 1, what="the first waits for the table")
        second = register(application)
        blocker.rollback()
    first.join()
    assert (second.status_code, second.headers["retry-after"]) == (409, "1")
    assert answers[0].status_code == 201
    assert register(application).content == answers[0].content


def test_a_request_that_failed_may_be_tried_again_with_its_key(application: Application, place: Place) -> None:
    assert register(application, None).status_code == 201
    assert register(application).status_code == 409
    assert rows(place, "idempotency_keys") == 0
    place.postgresql.run("DELETE FROM users", place.database)
    assert register(application).status_code == 201


def test_a_write_whose_answer_got_lost_is_not_made_twice(start: Callable[..., Application], place: Place) -> None:
    """The process dies after the commit: the next pod answers for it."""
    place.empty()
    first = start()
    answer = register(first)
    process = first.server.process
    assert process is not None
    process.kill()
    process.wait()
    again = register(start())
    assert (again.status_code, again.content) == (201, answer.content)
    assert rows(place, "users") == 1


def test_after_a_day_a_key_is_new_and_old_ones_are_removed_with_the_next_use(
    application: Application, place: Place
) -> None:
    assert register(application).status_code == 201
    place.postgresql.run("UPDATE idempotency_keys SET created_at = now() - interval '24 hours'", place.database)
    assert register(application).status_code == 409  # not replayed: the name is taken
    many = """
        INSERT INTO idempotency_keys (key, fingerprint, status, body, created_at)
        SELECT int4send(n), '', 201, '', now() - interval '2 days' FROM generate_series(1, 15) n
    """
    place.postgresql.run(many, place.database)
    for number in range(2):
        assert register(application, f"new-{number}", name=f"new-{number}").status_code == 201
    assert rows(place, "idempotency_keys") == 2


@pytest.mark.parametrize("key", ["", "a" * 256, "a b", '"a', 'a"b', "\u00fc"])
def test_a_malformed_key_is_a_400_or_422(application: Application, place: Place, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1"))]
    answer = application.client.post("/users", json=BODY, headers=headers)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert rows(place, "users") == 0


def test_neither_the_key_nor_the_password_can_be_read_from_what_is_kept(application: Application, place: Place) -> None:
    register(application)
    [(kept,)] = place.postgresql.run("SELECT idempotency_keys::text FROM idempotency_keys", place.database)
    assert KEY.encode().hex() not in kept
    assert PASSWORD.encode().hex() not in kept
