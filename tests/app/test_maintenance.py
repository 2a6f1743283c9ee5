"""The page that stands in for the application, served by the real server as its pods run it."""

import base64
import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.app.servers import Server, eventually, free_port, process_environment, run_module

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, httpx.Client]]:
    port = free_port()
    environment = process_environment({"PORT": str(port), "RETRY_AFTER_SECONDS": "1800"})
    log = tmp_path_factory.mktemp("maintenance") / "log"
    server = Server([sys.executable, "-m", "app.maintenance"], log, environment)
    server.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            eventually(lambda: client.get("/healthz").status_code == 200, what="the page")
            yield server, client
    finally:
        server.stop()


@pytest.mark.parametrize("path", ["/", "/quotes", "/quotes/7", "/health", "/readyz/x", "/%2e%2e/etc", "//healthz"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_whatever_is_asked_the_answer_is_503_and_when_to_come_again(
    page: tuple[Server, httpx.Client], method: str, path: str
) -> None:
    answer = page[1].request(method, path)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1800"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/readyz?x=1"])
def test_probes_are_answered_as_ever(page: tuple[Server, httpx.Client], path: str) -> None:
    answer = page[1].get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "retry-after" not in answer.headers


def test_a_browser_gets_a_page_and_a_program_a_problem(page: tuple[Server, httpx.Client]) -> None:
    shown, problem = page[1].get("/", headers=BROWSER), page[1].get("/quotes", headers={"Accept": "application/json"})
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>Down for maintenance</h1>" in shown.text
    assert shown.headers["content-security-policy"].startswith("default-src 'none'")
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["status"] == 503
    assert shown.headers["vary"] == problem.headers["vary"] == "accept"


def test_head_has_the_headers_and_no_body(page: tuple[Server, httpx.Client]) -> None:
    shown, asked = page[1].get("/", headers=BROWSER), page[1].head("/", headers=BROWSER)
    assert (asked.status_code, asked.content) == (503, b"")
    assert asked.headers["content-length"] == shown.headers["content-length"] == str(len(shown.content))


def test_a_client_that_sends_much_is_answered_and_keeps_its_connection(page: tuple[Server, httpx.Client]) -> None:
    body = os.urandom(3_000_000)
    answers = [page[1].post("/quotes", content=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert all("close" not in answer.headers.get("connection", "") for answer in answers)


def test_a_websocket_is_refused_and_the_page_lives_on(page: tuple[Server, httpx.Client]) -> None:
    request = (
        b"GET /feed HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + base64.b64encode(bytes(16)) + b"\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", page[1].base_url.port or 0), timeout=10) as opened:
        opened.sendall(request)
        assert opened.recv(64).split(b" ", 2)[1] in (b"403", b"500", b"503")
    assert page[1].get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "wrong", [{"PORT": "0"}, {"PORT": "http"}, {"RETRY_AFTER_SECONDS": "soon"}, {"RETRY_AFTER_SECONDS": "-1"}]
)
def test_wrong_settings_end_it_with_their_name(wrong: dict[str, str]) -> None:
    done = run_module("app.maintenance", wrong)
    assert done.returncode == 2
    assert next(iter(wrong)) in done.stderr


def test_it_needs_none_of_the_application_s_settings_and_ends_well_when_asked_to(tmp_path: Path) -> None:
    port = free_port()
    server = Server(
        [sys.executable, "-m", "app.maintenance"], tmp_path / "log", process_environment({"PORT": str(port)})
    )
    server.start()
    try:
        eventually(lambda: httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200)
        assert httpx.get(f"http://127.0.0.1:{port}/", timeout=5).headers["retry-after"] == "600"
    finally:
        status = server.stop()
    assert status == 0
    assert not [line for line in server.lines().splitlines() if json.loads(line).get("level") == "error"]
