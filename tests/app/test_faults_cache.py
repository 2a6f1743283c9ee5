"""A cache that is full, out of clients, a replica, failed over, or given another password."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from app.cache import GENERATION
from tests.app.conftest import Place
from tests.app.proxy import Proxy
from tests.app.servers import Application, CacheServer, eventually, stopping
from tests.app.writers import loaded, recovered

Starter = Callable[..., Application]
BODY = {"author": "Cato", "text": "Ceterum censeo."}
DOWN = 'dependency_up{dependency="cache"} 0.0'


@pytest.fixture(autouse=True)
def nothing_left(place: Place) -> Iterator[None]:
    place.empty()
    yield
    if place.cache.server.process is None:
        place.cache.start()


@pytest.fixture
def other(temporary_folder: Path) -> Iterator[CacheServer]:
    """A second server, which the shared one will give way to."""
    folder = temporary_folder / "other-cache"
    folder.mkdir(exist_ok=True)
    server = CacheServer(folder)
    with stopping(server):
        server.start()
        server.client().config_set("masterauth", CacheServer.PASSWORD)
        yield server


def behind_the_back(place: Place) -> int:
    """A quote that the cache hears nothing of."""
    statement = "INSERT INTO quotes (author, text) VALUES ('x', 'y') RETURNING id"
    number: int = place.postgresql.run(statement, place.database)[0][0]
    return number


def hits(application: Application) -> float:
    found = re.search(r'cache_lookups_total{result="hit"} (\S+)', application.metrics())
    return float(found[1]) if found else 0.0


def added(application: Application) -> bool:
    return application.client.post("/quotes", json=BODY).status_code == 201


def follow(server: CacheServer, leader: CacheServer) -> None:
    client = server.client()
    client.config_set("masterauth", CacheServer.PASSWORD)
    client.replicaof("127.0.0.1", str(leader.port))
    eventually(lambda: client.info("replication")["master_link_status"] == "up", what="a replica in step")


def test_a_full_cache_is_left_alone_until_it_has_room(start: Starter, place: Place) -> None:
    application = start()
    first = application.add()["id"]
    client = place.cache.client()
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", "1mb")
    try:
        eventually(lambda: DOWN in application.metrics(), what="it is found to take nothing")
        second = behind_the_back(place)
        for _ in range(3):
            assert application.ids() == [second, first]
            assert application.client.post("/quotes", json=BODY).status_code == 503, "no session can be kept"
        assert application.client.get("/health").json()["status"] == "degraded"
    finally:
        client.config_set("maxmemory", "0")
    recovered(lambda: added(application), "writes work")


def test_a_cache_without_room_for_another_client_is_left_alone(start: Starter, place: Place) -> None:
    application = start()
    first = application.add()["id"]
    client = place.cache.client()
    usual = client.config_get("maxclients")["maxclients"]
    client.config_set("maxclients", "1")
    try:
        client.client_kill_filter(_type="normal", skipme=True)
        assert application.ids() == [first]
        second = behind_the_back(place)
        assert application.ids() == [second, first]
        assert application.client.post("/quotes", json=BODY).status_code == 503
    finally:
        client.config_set("maxclients", usual)
        client.close()
    recovered(lambda: added(application), "writes work")


def test_a_replica_is_no_cache_and_its_leader_is_found_behind_the_same_address(
    start: Starter, place: Place, other: CacheServer
) -> None:
    with Proxy(place.cache.port) as proxy:
        application = start(CACHE_PORT=str(proxy.port))
        first = application.add()["id"]
        assert application.ids() == [first]
        follow(other, place.cache)
        try:
            other.client().replicaof("NO", "ONE")
            follow(place.cache, other)
            # The connections stay, as after a failover of ElastiCache: they lead to what follows now.
            eventually(lambda: DOWN in application.metrics(), what="it is found to take no writes")
            second = behind_the_back(place)
            assert application.ids() == [second, first]
            assert application.client.post("/quotes", json=BODY).status_code == 503
            proxy.target = other.port
            recovered(lambda: added(application), "the session works on the new leader")
            assert application.ids()[1:] == [second, first]
            assert other.client().exists(GENERATION)
        finally:
            place.cache.client().replicaof("NO", "ONE")


def test_a_leader_that_had_not_heard_of_the_last_write_serves_nothing_from_before_it(
    start: Starter, place: Place, other: CacheServer
) -> None:
    with Proxy(place.cache.port) as proxy:
        application = start(CACHE_PORT=str(proxy.port))
        first = application.add()["id"]
        assert application.ids() == [first]
        follow(other, place.cache)
        other.client().replicaof("NO", "ONE")  # from here on it misses what comes
        second = application.add()["id"]
        proxy.target = other.port
        proxy.cut()
        assert application.ids() == [second, first]
        before = hits(application)

        def right_and_from_the_cache() -> bool:
            assert application.ids() == [second, first]
            return hits(application) > before

        recovered(right_and_from_the_cache, "the other one is used")


def test_a_rotated_password_of_the_cache_costs_no_request(start: Starter, place: Place) -> None:
    application, file = start(), place.folder / "cache-password"
    client = place.cache.client()
    try:
        with loaded(application, place) as load:
            file.write_text("rotated-under-load")
            client.config_set("requirepass", "rotated-under-load")
            load.more()
            assert set(load.statuses) == {201}
            client.client_kill_filter(_type="normal", skipme=True)
            recovered(lambda: load.more(1) is None, "writes on new connections")
    finally:
        with redis.Redis(port=place.cache.port, password="rotated-under-load") as again:  # noqa: S106
            again.config_set("requirepass", CacheServer.PASSWORD)
        file.write_text(CacheServer.PASSWORD)


def test_a_clock_that_goes_back_locks_nobody_out(start: Starter, place: Place) -> None:
    application = start(RATE_LIMIT_READING="60")
    client = place.cache.client()
    application.ids()
    [key] = client.keys("{limit}:reading:*")
    # An hour ahead, as the server itself would have written it before its clock went back.
    client.set(key, str(int((client.time()[0] + 3600) * 1e6)), keepttl=True)
    assert application.ids() == []
