"""PostgreSQL that is slow, full, out of connections, read-only, failed over, or given another password: under load."""

import copy
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.app.conftest import PASSWORD, USER, Place
from tests.app.proxy import Proxy
from tests.app.servers import Application, PostgreSql, Server, eventually, free_port, stopping
from tests.app.writers import loaded, recovered

Starter = Callable[..., Application]
BODY = {"author": "a", "text": "t"}
END_SESSIONS = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{USER}'"  # noqa: S608

FAILURES = {
    "25006": "read-only",
    "40001": "serialization",
    "40P01": "deadlock",
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "too many connections",
    "55P03": "lock not available",
    "57014": "statement cancelled",
    "57P03": "starting up",
    "58030": "input or output failed",
}


@pytest.fixture(autouse=True)
def nothing_left(place: Place) -> Iterator[None]:
    place.empty()
    yield
    if place.postgresql.server.process is None:
        place.postgresql.start()


def reads(application: Application, limit: int) -> bool:
    """Whether a list that nobody asked for before can be read."""
    return application.client.get("/quotes", params={"limit": limit}).status_code == 200


def writes(application: Application) -> bool:
    return application.client.post("/quotes", json=BODY).status_code == 201


def test_whatever_fails_in_the_server_is_a_503_and_nothing_is_written(start: Starter, place: Place) -> None:
    application = start()
    place.postgresql.run(
        """
        CREATE FUNCTION failing() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'as if' USING ERRCODE = NEW.author; END $$
        """,
        place.database,
    )
    place.postgresql.run(
        "CREATE TRIGGER failing BEFORE INSERT ON quotes FOR EACH ROW EXECUTE FUNCTION failing()", place.database
    )
    try:
        for code, meaning in FAILURES.items():
            answer = application.client.post("/quotes", json={"author": code, "text": "t"})
            assert (answer.status_code, answer.headers.get("retry-after")) == (503, "2"), (code, meaning, answer.text)
    finally:
        place.postgresql.run("DROP FUNCTION failing CASCADE", place.database)
    recovered(lambda: writes(application), "writes work")
    assert len(application.ids()) == 1


def test_a_row_that_somebody_else_locks_is_a_503_before_the_client_loses_patience(start: Starter, place: Place) -> None:
    application = start()
    quote = application.add()
    with place.postgresql.transaction(place.database) as blocker:
        blocker.execute("SELECT 1 FROM quotes FOR UPDATE")
        answer = application.client.delete(f"/quotes/{quote['id']}")
        assert answer.status_code == 503
        assert application.ids(limit=3) == [quote["id"]]
    assert application.client.delete(f"/quotes/{quote['id']}").status_code == 204


def test_a_slow_way_to_the_database_gives_right_answers_late_and_then_honest_503s(start: Starter, place: Place) -> None:
    with Proxy(place.postgresql.port) as proxy:
        application = start(DATABASE_PORT=str(proxy.port))
        quote = application.add()["id"]
        proxy.delay = 0.1
        assert application.ids(limit=2) == [quote]
        proxy.delay = 3.0
        assert application.client.get("/quotes?limit=3").status_code == 503
        assert application.client.post("/quotes", json=BODY).status_code == 503
        assert application.client.get("/healthz").status_code == 200
        proxy.delay = 0.0
        recovered(lambda: reads(application, 4) and writes(application), "the fast way is used")


def test_without_connections_left_it_serves_with_those_that_it_gets(start: Starter, place: Place) -> None:
    application = start()
    quote = application.add()["id"]
    try:
        place.postgresql.run(f"ALTER ROLE {USER} CONNECTION LIMIT 0")
        place.postgresql.run(END_SESSIONS)
        assert application.client.get("/quotes?limit=2").status_code == 503
        place.postgresql.run(f"ALTER ROLE {USER} CONNECTION LIMIT 1")
        recovered(lambda: reads(application, 3), "reads on one connection of five")
        assert application.ids(limit=4) == [quote]
        assert writes(application)
    finally:
        place.postgresql.run(f"ALTER ROLE {USER} CONNECTION LIMIT -1")


def test_a_database_that_takes_no_writes_is_still_read_and_written_as_soon_as_it_takes_them(
    start: Starter, place: Place
) -> None:
    application = start()
    quote = application.add()["id"]
    place.postgresql.run(f"ALTER DATABASE {place.database} SET default_transaction_read_only = on")
    try:
        place.postgresql.run(END_SESSIONS)
        eventually(lambda: reads(application, 2))
        answer = application.client.post("/quotes", json=BODY)
        assert answer.status_code == 503, answer.text
        assert answer.headers["retry-after"]
        assert application.ids(limit=3) == [quote]
    finally:
        place.postgresql.run(f"ALTER DATABASE {place.database} RESET default_transaction_read_only")
    # Its connections began as read-only ones: without the drain they would stay so for twelve minutes.
    recovered(lambda: writes(application), "writes work")


def test_a_rotated_password_costs_no_request_and_later_connections_use_the_new_one(
    start: Starter, place: Place
) -> None:
    application = start()
    try:
        with loaded(application, place) as load:
            place.password_file.write_text("rotated-under-load")
            place.postgresql.run(f"ALTER ROLE {USER} PASSWORD 'rotated-under-load'")
            load.more()
            assert set(load.statuses) == {201}
            place.postgresql.run(END_SESSIONS)
            recovered(lambda: load.more(1) is None, "writes on new connections")
    finally:
        place.postgresql.run(f"ALTER ROLE {USER} PASSWORD '{PASSWORD}'")
        place.password_file.write_text(PASSWORD)


def hot_standby(of: PostgreSql, folder: Path) -> PostgreSql:
    """A copy that follows, not yet started."""
    standby = copy.copy(of)
    standby.port, standby.data = free_port(), folder / "data"
    options = ["-D", str(standby.data), "-h", "127.0.0.1", "-p", str(of.port), "-U", "postgres"]
    backup = Server([str(of._binaries / "pg_basebackup"), *options, "-R", "-X", "stream", "-c", "fast", "--no-sync"],
                    folder / "backup.log", {}, of._user)  # fmt: skip
    backup.start()
    assert backup.process is not None
    assert backup.process.wait(60) == 0, backup.lines()
    replaced = {str(of.data): str(standby.data), str(of.port): str(standby.port)}
    command = [replaced.get(part, part) for part in of.server.command]
    standby.server = Server(command, folder / "log", {}, of._user, of.server.stop_signal)
    return standby


def test_a_failover_loses_no_acknowledged_write_and_the_standby_is_used_once_it_leads(
    start: Starter, place: Place, temporary_folder: Path
) -> None:
    primary, folder = place.postgresql, temporary_folder / "standby"
    folder.mkdir()
    if primary._user:
        subprocess.run(["chown", primary._user, folder], check=True)
    standby = hot_standby(primary, folder)
    with stopping(standby), Proxy(primary.port) as proxy:
        standby.start()
        # As RDS' Multi-AZ: what was acknowledged is on both.
        primary.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.run("SELECT pg_reload_conf()")
        synchronous = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
        try:
            eventually(lambda: primary.run(synchronous), what="the standby is synchronous")
            application = start(DATABASE_PORT=str(proxy.port))
            with loaded(application, place) as load:
                primary.server.stop_signal = primary.server.stop_signal.SIGQUIT  # at once, without goodbyes
                primary.stop()
                proxy.target = standby.port
                refused = load.statuses[503]
                eventually(lambda: load.statuses[503] > refused + 20, what="503s while nobody leads")
                before = len(load.acknowledged)
                # Of a standby nothing is read: it may be behind.
                assert application.client.get("/quotes?limit=77").status_code == 503
                assert len(load.acknowledged) == before
                standby.run("SELECT pg_promote()")
                recovered(lambda: len(load.acknowledged) > before + 20, "writes on the new leader")
            assert load.kept_by(standby, place.database)
            application.stop()
        finally:
            primary.server.stop_signal = standby.server.stop_signal
            primary.stop()
            (primary.data / "postgresql.auto.conf").write_text("")
            primary.start()


def test_what_is_read_through_a_session_that_ended_in_between_is_right(start: Starter, place: Place) -> None:
    application = start()
    with loaded(application, place) as load:
        for _ in range(3):
            place.postgresql.run(END_SESSIONS)
            load.more(10)
        began = time.monotonic()
        place.postgresql.stop()
        place.postgresql.start()
        print(f"restarted in {time.monotonic() - began:.1f} s", end=", ")
        recovered(lambda: load.more(1) is None, "writes")
