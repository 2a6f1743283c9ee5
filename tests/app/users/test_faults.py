"""Users while a store is away or frozen, and in a flood of logins."""

import re
import threading
import time
from pathlib import Path

from tests.app.conftest import Place
from tests.app.servers import eventually
from tests.app.users.people import OTHER, PASSWORD, Starter, bearer, client, me, registered, token


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
    eventually(lambda: application.client.get("/users/health").status_code == 200, what="users' health")
    assert token(application, "cato")


def test_a_frozen_store_delays_a_login_by_seconds_and_is_503(start: Starter, place: Place) -> None:
    application = start()
    registered(application)
    session = token(application)
    place.cache.server.freeze()
    try:
        began = time.monotonic()
        assert me(application, session).status_code == 503
        waited = time.monotonic()
        assert me(application, session).status_code == 503
        assert time.monotonic() - waited < (waited - began) / 2, "a store that is known to be away is not asked again"
    finally:
        place.cache.server.thaw()
    eventually(lambda: me(application, session).status_code == 200, what="the session works again")


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
    eventually(lambda: me(application, session).status_code == 200, what="the session works again")


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
