"""Rate limits per client, on real servers: exact at their border, blind to what a client writes, open without a store."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.rate_limits import FALLBACK, client
from tests.app.conftest import Place
from tests.app.servers import Application, eventually

Starter = Callable[..., Application]

SPOOFED = "X-Forwarded-For"
LOGIN = {"name": "ovid", "password": "not the right password"}
QUOTE = {"author": "a", "text": "t"}


@pytest.fixture
def user() -> None:
    """Nobody is logged in."""


@pytest.fixture(autouse=True)
def nothing_is_spent(place: Place) -> Iterator[None]:
    place.empty()
    yield
    if place.cache.server.process is None:
        place.cache.start()


def statuses(application: Application, times: int, **headers: str) -> list[int]:
    return [application.client.get("/quotes", headers=headers).status_code for _ in range(times)]


def test_the_last_request_within_the_quota_is_answered_and_the_next_is_not(start: Starter) -> None:
    application = start(RATE_LIMIT_READING="4")
    answers = [application.client.get("/quotes") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"reading";q=4;w=60'}
    left = [answer.headers["ratelimit"] for answer in answers]
    assert [part.split(";")[1] for part in left] == ["r=3", "r=2", "r=1", "r=0", "r=0"]
    assert left[0] == '"reading";r=3;t=15'
    refused = answers[-1]
    assert refused.headers["content-type"] == "application/problem+json"
    assert 1 <= int(refused.headers["retry-after"]) <= 15
    assert refused.json()["status"] == 429
    assert 'rate_limited_requests_total{limit="reading"} 1.0' in application.metrics()


def test_of_many_requests_at_once_to_two_pods_exactly_the_quota_is_answered(start: Starter) -> None:
    pods = [start(RATE_LIMIT_READING="10") for _ in range(2)]
    with ThreadPoolExecutor(20) as threads:
        answered = list(threads.map(lambda n: pods[n % 2].client.get("/quotes").status_code, range(40)))
    assert answered.count(200) == 10
    assert answered.count(429) == 30


def test_the_quota_comes_back_evenly(start: Starter) -> None:
    application = start(RATE_LIMIT_READING="60")  # one each second
    allowed = refused = 0
    while (answer := application.client.get("/quotes")).status_code == 200 and allowed < 600:
        allowed += 1
    assert 60 <= allowed < 600  # one more for each second that asking took
    while (answer := application.client.get("/quotes")).status_code == 429:
        assert answer.headers["retry-after"] == "1"
        refused += 1
        time.sleep(0.1)
    assert 1 <= refused <= 15  # not a minute's wait
    assert answer.headers["ratelimit"].startswith('"reading";r=0;')


def test_reading_writing_and_logging_in_are_counted_apart(start: Starter) -> None:
    application = start(RATE_LIMIT_READING="2", RATE_LIMIT_WRITING="1", RATE_LIMIT_SIGNING_IN="1")
    post = application.client.post
    assert statuses(application, 3) == [200, 200, 429]
    assert [post("/quotes", json=QUOTE).status_code != 429 for _ in range(2)] == [True, False]
    assert [post("/users/login", json=LOGIN).status_code for _ in range(2)] == [401, 429]
    assert application.client.put("/users/me/password", json={}).status_code == 429
    assert post("/users", json={}).status_code == 429


def test_probes_are_never_refused(start: Starter) -> None:
    application = start(RATE_LIMIT_READING="1")
    statuses(application, 2)
    for path in ("/healthz", "/readyz"):
        answer = application.client.get(path)
        assert answer.status_code == 200
        assert "ratelimit" not in answer.headers


def test_an_account_is_limited_whoever_tries_and_whether_it_exists(start: Starter) -> None:
    application = start(RATE_LIMIT_SIGNING_IN="3", TRUSTED_PROXIES="1")
    for name in ("ovid", "nemo"):
        body = {**LOGIN, "name": name}
        tried = [
            application.client.post("/users/login", json=body, headers={SPOOFED: f"198.51.100.{number}"})
            for number in range(4)
        ]
        assert [answer.status_code for answer in tried] == [401, 401, 401, 429]
        assert tried[-1].headers.get_list("ratelimit-policy") == ['"account";q=3;w=60']
        assert int(tried[-1].headers["retry-after"]) >= 1


@pytest.mark.parametrize("proxies", ["0", "1", "2"])
def test_what_a_client_writes_into_x_forwarded_for_has_no_effect(start: Starter, proxies: str) -> None:
    application = start(RATE_LIMIT_READING="3", TRUSTED_PROXIES=proxies)
    seen = {"0": "", "1": ", 203.0.113.7", "2": ", 203.0.113.7, 10.0.0.9"}[proxies]  # what our proxies append
    answered = [
        application.client.get("/quotes", headers={SPOOFED: f"192.0.2.{number}{seen}"}).status_code
        for number in range(4)
    ]
    assert answered == [200, 200, 200, 429]
    if proxies != "0":
        assert statuses(application, 1, **{SPOOFED: "192.0.2.1" + seen.replace("113.7", "113.8")}) == [200]


CHAINS = {
    "no proxy is trusted": (0, [b"192.0.2.1"], "198.51.100.5"),
    "the last entry is the proxy's": (1, [b"192.0.2.1, 203.0.113.7"], "203.0.113.7"),
    "in a second header": (1, [b"192.0.2.1", b"203.0.113.7"], "203.0.113.7"),
    "two proxies": (2, [b"192.0.2.1, 203.0.113.7, 10.0.0.9"], "203.0.113.7"),
    "called past the proxies": (2, [b"192.0.2.1"], "198.51.100.5"),
    "no header": (1, [], "198.51.100.5"),
    "no address": (1, [b"unknown"], "198.51.100.5"),
    "a zone and nonsense": (1, [b"\xff\xfe%eth0; DROP"], "198.51.100.5"),
    "one customer's network": (1, [b"2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
    "the loopback in IPv6": (1, [b"::1"], "::/64"),
    "IPv4 in IPv6": (1, [b"::ffff:203.0.113.7"], "203.0.113.7"),
}


@pytest.mark.parametrize(("proxies", "headers", "expected"), CHAINS.values(), ids=CHAINS.keys())
def test_a_client_is_who_our_own_proxies_saw(proxies: int, headers: list[bytes], expected: str) -> None:
    scope = {"client": ("198.51.100.5", 4242), "headers": [(b"x-forwarded-for", value) for value in headers]}
    assert client(scope, proxies) == expected


def test_a_client_without_an_address_is_counted_with_its_likes() -> None:
    assert client({"client": None, "headers": []}, 0) == "unknown"


def test_without_the_store_limits_are_open_but_what_hashes_passwords_has_a_bound_of_its_own(
    start: Starter, place: Place
) -> None:
    application = start(RATE_LIMIT_READING="2", RATE_LIMIT_SIGNING_IN="1")
    assert statuses(application, 3) == [200, 200, 429]
    place.cache.stop()
    assert statuses(application, 4) == [200, 200, 200, 200]
    answers = [
        application.client.post("/users", json={"name": f"user-{number}", "password": "fifteen characters"})
        for number in range(FALLBACK + 1)
    ]
    assert [answer.status_code for answer in answers] == [201] * FALLBACK + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    place.cache.start()
    eventually(lambda: 429 in statuses(application, 3), what="limits are back")


def test_a_limit_of_0_is_none_and_says_nothing(application: Application) -> None:
    assert "ratelimit" not in application.client.get("/quotes").headers


def test_a_client_that_is_gone_is_forgotten(start: Starter, place: Place) -> None:
    application = start(RATE_LIMIT_READING="4")
    statuses(application, 5)
    store = place.cache.client()
    [key] = store.scan_iter("{limit}:*")
    assert key == b"{limit}:reading:127.0.0.1"
    assert 0 < store.pttl(key) <= 60_000
