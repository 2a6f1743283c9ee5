"""The check of a running version that a release asks before it turns to it."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from app.smoke import QUESTIONS
from tests.app.conftest import Place
from tests.app.servers import Application, free_port, run_module

Starter = Callable[..., Application]


def smoke(url: str | None) -> tuple[int, list[dict[str, object]]]:
    """Exit status and lines of `python -m app.smoke`."""
    ended = run_module("app.smoke", {} if url is None else {"CHECK_URL": url})
    assert ended.stderr == ""
    return ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()]


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """A server that answers everything so."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def test_a_version_that_works_passes_with_a_line_for_each_answer_and_nothing_is_written(
    application: Application, place: Place
) -> None:
    application.add()
    tables = ("quotes", "users", "idempotency_keys")
    count = " + ".join(f"(SELECT count(*) FROM {table})" for table in tables)  # noqa: S608
    before = place.postgresql.run(f"SELECT {count}", place.database)
    status, lines = smoke(f"http://127.0.0.1:{application.port}/")
    assert status == 0, lines
    assert [line["path"] for line in lines[:-1]] == list(QUESTIONS)
    assert {"event": "smoke", "host": "127.0.0.1", "asked": len(QUESTIONS), "failed": 0}.items() <= lines[-1].items()
    assert place.postgresql.run(f"SELECT {count}", place.database) == before


def test_what_cannot_serve_fails_and_names_what_does_not_work(start: Starter, place: Place) -> None:
    application = start()
    place.empty()  # what is cached would still be answered
    place.postgresql.stop()
    try:
        status, lines = smoke(f"http://127.0.0.1:{application.port}")
    finally:
        place.postgresql.start()
    assert status == 1
    failed = {line["path"]: line["reason"] for line in lines[:-1] if not line["right"]}
    dependent = {"/health", "/quotes/health", "/users/health", "/search/health", "/quotes?limit=1"}
    assert dependent | {"/search?q=life&limit=1"} == set(failed)
    assert set(failed.values()) == {"status 503, 200 was expected"}
    assert lines[-1]["failed"] == len(failed)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, b"<html>it works</html>", "no JSON"),
        (200, b"[]", "JSON of another form, or of another version"),
        (200, b'{"name": "quotes", "version": "0.0.1", "status": "no"}', "JSON of another form, or of another version"),
        (302, b"", "status 302, 200 was expected"),
    ],
)
def test_another_server_at_that_address_is_no_version_of_ours(status: int, body: bytes, reason: str) -> None:
    with answering(status, body) as url:
        ended, lines = smoke(url)
    assert ended == 1
    assert {line["reason"] for line in lines[:-1]} == {reason}


def test_an_address_where_nobody_answers_fails_after_some_patience() -> None:
    ended, lines = smoke(f"http://127.0.0.1:{free_port()}")
    assert ended == 1
    assert len(lines) == len(QUESTIONS) + 1
    assert "refused" in str(lines[0]["reason"])


@pytest.mark.parametrize("url", [None, "", "app-1a2b3c4d", "ftp://app", "http://", "http://app:0", "http://app:x"])
def test_without_a_usable_address_it_says_what_to_set(url: str | None) -> None:
    ended, [line] = smoke(url)
    assert ended == 2
    assert "CHECK_URL" in str(line["remedy"])
