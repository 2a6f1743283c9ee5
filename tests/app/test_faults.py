"""What happens when PostgreSQL, the cache or the platform take something away, and give it back."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.app.conftest import PASSWORD, USER, Place
from tests.app.servers import Application, eventually
from tests.app.writers import recovered

Starter = Callable[..., Application]
BOUND_SECONDS = 20.0  # the application's own limits add up to 5; without one, a request waits for ever


@pytest.fixture(autouse=True)
def everything_runs_again(place: Place) -> Iterator[None]:
    place.empty()
    yield
    if place.postgresql.server.process is None:
        place.postgresql.start()
    place.postgresql.thaw()
    if place.cache.server.process is None:
        place.cache.start()
    place.cache.server.thaw()


def test_quotes_survive_a_restart_of_the_application(start: Starter) -> None:
    first = start()
    quote = first.add()
    assert first.stop() == 0
    assert start().client.get(f"/quotes/{quote['id']}").json() == quote


def test_without_the_database_cached_answers_are_served_and_others_are_an_honest_503(
    start: Starter, place: Place
) -> None:
    application = start()
    quote = application.add()
    assert application.ids() == [quote["id"]]
    place.postgresql.stop()

    assert application.ids() == [quote["id"]]
    for method, path, body in (("GET", "/quotes?limit=7", None), ("POST", "/quotes", {"author": "a", "text": "t"})):
        response = application.client.request(method, path, json=body, timeout=BOUND_SECONDS)
        assert response.status_code == 503, response.text
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["retry-after"]
    assert application.client.get("/healthz").status_code == 200
    assert application.client.get("/readyz").status_code == 200
    assert application.client.get("/health").json()["dependencies"] == {"database": "unavailable", "cache": "ok"}
    assert application.client.get("/quotes/health").status_code == 503
    assert 'dependency_up{dependency="database"} 0.0' in application.metrics()

    place.postgresql.start()
    recovered(lambda: application.client.get("/quotes?limit=7").status_code == 200, "reads work again")
    application.add()


def test_a_restart_of_the_database_costs_no_request_once_it_is_back(start: Starter, place: Place) -> None:
    application = start(DATABASE_POOL_SIZE="10")
    quote = application.add()
    # Fill the pool with connections that will be dead afterwards.
    with place.postgresql.transaction(place.database) as blocker:
        blocker.execute("LOCK TABLE quotes IN ACCESS EXCLUSIVE MODE")
        readers = [
            threading.Thread(target=lambda n=n: application.client.get("/quotes", params={"limit": n}))
            for n in range(30, 40)
        ]
        for reader in readers:
            reader.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        eventually(lambda: place.postgresql.run(waiting)[0][0] >= 9)
    for reader in readers:
        reader.join()
    place.postgresql.stop()
    place.postgresql.start()
    place.cache.client().flushall()
    for limit in range(1, 21):
        assert application.ids(limit=limit) == [quote["id"]]


def test_a_frozen_database_is_a_503_in_seconds_and_works_on_when_it_thaws(start: Starter, place: Place) -> None:
    application = start()
    application.add()
    place.postgresql.freeze()
    assert application.client.get("/quotes?limit=9", timeout=BOUND_SECONDS).status_code == 503
    assert application.client.get("/healthz").status_code == 200
    place.postgresql.thaw()
    recovered(lambda: application.client.get("/quotes?limit=9").status_code == 200, "reads work again")


def test_without_the_cache_answers_stay_right_and_nothing_stale_comes_back_with_it(
    start: Starter, place: Place
) -> None:
    application = start()
    first = application.add()["id"]
    assert application.ids() == [first]
    place.cache.server.freeze()  # its content stays, unlike after a stop

    began = time.monotonic()
    assert application.ids() == [first]
    found_out = time.monotonic() - began
    second = place.postgresql.run(
        "INSERT INTO quotes (author, text) VALUES ('Cato', 'Ceterum censeo.') RETURNING id", place.database
    )[0][0]
    began = time.monotonic()
    assert application.ids() == [second, first]
    assert time.monotonic() - began < found_out / 2, "a cache that is known to be away must not slow requests down"
    response = application.client.post("/quotes", json={"author": "a", "text": "t"})
    assert response.status_code == 503, "nobody is logged in where sessions can't be looked up"
    assert response.headers["content-type"] == "application/problem+json"
    health = application.client.get("/health")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")

    place.cache.server.thaw()
    recovered(lambda: 'dependency_up{dependency="cache"} 1.0' in application.metrics(), "the cache is asked again")
    place.cache.client().flushall()
    assert application.ids() == [second, first]
    place.postgresql.run("DELETE FROM quotes", place.database)
    assert application.ids() == [second, first], "the cache is used again"


def test_what_was_cached_before_a_write_is_forgotten_although_the_cache_went_away_during_it(
    start: Starter, place: Place
) -> None:
    application = start()
    first = application.add()["id"]
    assert application.ids() == [first]
    answers: list[httpx.Response] = []
    body = {"author": "Cato", "text": "Ceterum censeo."}
    with place.postgresql.transaction(place.database) as blocker:
        blocker.execute("LOCK TABLE quotes IN ACCESS EXCLUSIVE MODE")
        writer = threading.Thread(target=lambda: answers.append(application.client.post("/quotes", json=body)))
        writer.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        eventually(lambda: place.postgresql.run(waiting)[0][0] == 1, what="the write waits for the table")
        place.cache.server.freeze()  # its content stays, unlike after a stop
    writer.join()
    assert answers[0].status_code == 201
    place.cache.server.thaw()
    recovered(lambda: 'dependency_up{dependency="cache"} 1.0' in application.metrics(), "the cache is asked again")
    assert application.ids() == [answers[0].json()["id"], first]


def test_a_stopped_cache_is_taken_into_use_again(start: Starter, place: Place) -> None:
    application = start()
    quote = application.add()["id"]
    place.cache.stop()
    assert application.ids() == [quote]
    place.cache.start()
    hits = 'cache_lookups_total{result="hit"}'

    def hit() -> bool:
        application.ids()
        return hits in application.metrics()

    recovered(hit, "a hit after the cache's return")


def test_it_starts_without_its_dependencies_and_becomes_ready_when_they_come(start: Starter, place: Place) -> None:
    place.postgresql.stop()
    place.cache.stop()
    application = start(ready=False)
    response = application.client.get("/readyz")
    assert response.status_code == 503
    assert "database" in response.json()["status"]
    place.postgresql.start()
    recovered(lambda: application.client.get("/readyz").status_code == 200, "ready")
    place.cache.start()
    recovered(lambda: application.client.get("/users/health").status_code == 200, "sessions too")
    place.sign_in(application)
    application.add()


def test_sigterm_lets_the_running_request_finish_and_ends_with_status_0(start: Starter, place: Place) -> None:
    application = start()
    answers: list[httpx.Response] = []
    with place.postgresql.transaction(place.database) as blocker:
        blocker.execute("LOCK TABLE quotes IN ACCESS EXCLUSIVE MODE")
        body = {"author": "Tacitus", "text": "Omne ignotum pro magnifico."}
        writer = threading.Thread(target=lambda: answers.append(application.client.post("/quotes", json=body)))
        writer.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        eventually(lambda: place.postgresql.run(waiting)[0][0] == 1, what="the request waits for the table")
        process = application.server.process
        assert process is not None
        process.terminate()
        eventually(lambda: _refused(application.port), what="no new connections are taken")
        assert process.poll() is None
        blocker.commit()
    writer.join()
    assert answers[0].status_code == 201
    assert process.wait(10) == 0
    assert place.postgresql.run("SELECT author FROM quotes", place.database) == [("Tacitus",)]


def test_a_rotated_password_is_used_by_the_next_connection(start: Starter, place: Place) -> None:
    application = start()
    quote = application.add()["id"]
    place.postgresql.run(f"ALTER ROLE {USER} PASSWORD 'rotated-0d1c'")
    place.password_file.write_text("rotated-0d1c\n")
    try:
        place.postgresql.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{USER}'")  # noqa: S608
        place.cache.client().flushall()
        assert application.ids() == [quote]
    finally:
        place.postgresql.run(f"ALTER ROLE {USER} PASSWORD '{PASSWORD}'")
        place.password_file.write_text(PASSWORD)


def test_a_secret_that_kubernetes_renews_in_its_volume_is_used_without_a_restart(
    start: Starter, place: Place, tmp_path: Path
) -> None:
    volume = tmp_path / "secrets"
    volume.mkdir()

    def mount(version: str, password: str) -> None:
        """As the kubelet does: a new folder, then one rename of the link that leads into it; the old folder goes."""
        old = (volume / "..data").resolve()
        (volume / version).mkdir()
        (volume / version / "database-password").write_text(password)
        (volume / "..data_tmp").symlink_to(version)
        (volume / "..data_tmp").rename(volume / "..data")
        if old.name.startswith("..2026"):
            shutil.rmtree(old)

    mount("..2026_1", PASSWORD)
    file = volume / "database-password"
    file.symlink_to("..data/database-password")
    application = start(DATABASE_PASSWORD_FILE=str(file))
    process = application.server.process
    quote = application.add()["id"]
    place.postgresql.run(f"ALTER ROLE {USER} PASSWORD 'rotated-7e2a'")
    try:
        mount("..2026_2", "rotated-7e2a")
        place.postgresql.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{USER}'")  # noqa: S608
        place.cache.client().flushall()
        assert application.ids() == [quote]
        assert application.server.process is process
        assert process is not None
        assert process.poll() is None
    finally:
        place.postgresql.run(f"ALTER ROLE {USER} PASSWORD '{PASSWORD}'")


def test_no_acknowledged_quote_is_lost_while_the_database_restarts_under_load(start: Starter, place: Place) -> None:
    application = start()
    acknowledged: list[int] = []
    unexpected: list[int] = []
    stop = threading.Event()

    def write() -> None:
        with httpx.Client(
            base_url=application.client.base_url, timeout=30, headers=application.client.headers
        ) as client:
            while not stop.is_set():
                response = client.post("/quotes", json={"author": "a", "text": "t"})
                if response.status_code == 201:
                    acknowledged.append(response.json()["id"])
                elif response.status_code != 503:
                    unexpected.append(response.status_code)

    writers = [threading.Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    try:
        eventually(lambda: len(acknowledged) > 50)
        place.postgresql.stop()
        place.postgresql.start()
        before = len(acknowledged)
        recovered(lambda: len(acknowledged) > before + 50, "writes go on")
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert unexpected == []
    kept = {row[0] for row in place.postgresql.run("SELECT id FROM quotes", place.database)}
    assert set(acknowledged) <= kept


def _refused(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=1)
    except httpx.ConnectError:
        return True
    return False
