"""What is packed by gzip on its way to a client, what never is, and what its tag is good for."""

import httpx
import pytest

from tests.app.servers import Application

LONG = "Omnia, Lucili, aliena sunt, tempus tantum nostrum est. " * 30
"""A quote of 1,650 characters: an answer with it takes more than one packet."""

PACKED, PLAIN = {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}


def is_packed(response: httpx.Response) -> bool:
    assert response.headers.get("content-encoding", "gzip") == "gzip"
    return "content-encoding" in response.headers


@pytest.mark.parametrize("path", ["/quotes", "/quotes/{}", "/search?q=tempus", "/openapi.json", "/page.css"])
def test_what_everybody_may_read_is_packed_for_who_takes_that(application: Application, path: str) -> None:
    path = path.format(application.add(text=LONG)["id"])
    for way in ("database", "cache"):
        packed, plain = (application.client.get(path, headers=headers) for headers in (PACKED, PLAIN))
        assert (is_packed(packed), is_packed(plain)) == (True, False), way
        assert packed.content == plain.content
        assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
        assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


def test_each_form_has_a_tag_of_its_own_by_which_it_is_not_sent_again(application: Application) -> None:
    application.add(text=LONG)
    packed, plain = (application.client.get("/quotes", headers=headers) for headers in (PACKED, PLAIN))
    tags = packed.headers["etag"], plain.headers["etag"]
    assert tags[0] != tags[1]
    for headers, own, other in ((PACKED, *tags), (PLAIN, *reversed(tags))):
        again = application.client.get("/quotes", headers={**headers, "If-None-Match": own})
        assert (again.status_code, again.headers["etag"], again.headers["vary"]) == (304, own, "Accept-Encoding")
        assert "content-encoding" not in again.headers
        assert application.client.get("/quotes", headers={**headers, "If-None-Match": other}).status_code == 200


def test_who_read_a_quote_packed_may_change_it_once(application: Application) -> None:
    quote = application.add(text=LONG)
    seen = application.client.get(f"/quotes/{quote['id']}", headers=PACKED).headers["etag"]
    changes = [
        application.client.put(
            f"/quotes/{quote['id']}", json={"author": "Seneca", "text": text}, headers={"If-Match": seen}
        )
        for text in ("Vita brevis.", "overwritten")
    ]
    assert [response.status_code for response in changes] == [200, 412]


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("deflate, GZip;q=0.5, br", True),
        ("x-gzip", True),
        ("br, *;q=0.1", True),
        ("gzip;q=1.0", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*;q=0", False),
        ("identity", False),
        ("br, zstd", False),
        ("", False),
    ],
)
def test_a_client_says_whether_it_takes_gzip(application: Application, accepted: str, packed: bool) -> None:
    application.add(text=LONG)
    assert is_packed(application.client.get("/quotes", headers={"Accept-Encoding": accepted})) is packed


def test_the_longest_list_is_packed_too(application: Application) -> None:
    for number in range(80):
        application.add(text=f"{number} " + "時は金なり、" * 300)
    packed, plain = (application.client.get("/quotes?limit=100", headers=headers) for headers in (PACKED, PLAIN))
    assert len(plain.content) > 128 * 1024
    assert is_packed(packed)
    assert packed.content == plain.content


def test_what_fits_one_packet_is_sent_as_it_is(application: Application) -> None:
    quote = application.add()
    for path in ("/quotes", f"/quotes/{quote['id']}", "/icon.svg"):
        response = application.client.get(path, headers=PACKED)
        assert not is_packed(response), path
        assert response.headers["vary"] == "Accept-Encoding"


def test_nothing_of_one_user_and_nothing_that_was_sent_is_packed(application: Application) -> None:
    """Its length would tell of the secret in it what stands beside it (BREACH)."""
    ask, user = application.client, {"name": "paulina", "password": "several words are best here"}
    assert not is_packed(ask.post("/users", json=user, headers=PACKED))
    opened = ask.post("/users/login", json={**user, "bearer": True}, headers=PACKED)
    assert not is_packed(opened)
    hers = {**PACKED, "Authorization": f"Bearer {opened.json()['token']}"}
    assert not is_packed(ask.get("/users/me", headers=hers))
    unknown = {"x" * 60 + str(number): 1 for number in range(30)}
    long = {
        "written": ask.post("/quotes", json={"author": "Seneca", "text": LONG}, headers=hers),
        "refused": ask.post("/quotes", json=unknown, headers=hers),
    }
    assert {name: response.status_code for name, response in long.items()} == {"written": 201, "refused": 422}
    for name, response in long.items():
        assert len(response.content) > 1400
        assert not is_packed(response), name


def test_metrics_are_packed_by_prometheus_own_library(application: Application) -> None:
    scraped = httpx.get(f"http://127.0.0.1:{application.metrics_port}/metrics", headers=PACKED, timeout=5)
    assert is_packed(scraped)
    assert "http_requests_total" in scraped.text
