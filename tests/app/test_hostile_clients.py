"""Clients that mean harm: that say almost nothing for ever, that send nonsense, that send what the description doesn't allow."""

import contextlib
import re
import socket
import time
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from pathlib import Path

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.body_limit import MOST_SECONDS
from app.connections import HEAD_SECONDS
from tests.app.servers import Application, eventually

Starter = Callable[..., Application]
PATIENCE = 30.0
"""Beyond the limits that are tested, for a machine that others use."""

EXAMPLES = 12
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OPERATIONS = [
    ("GET", "/quotes"), ("POST", "/quotes"), ("GET", "/quotes/{id}"), ("PUT", "/quotes/{id}"), ("DELETE", "/quotes/{id}"),
    ("GET", "/search"), ("POST", "/users"), ("POST", "/users/login"), ("POST", "/users/logout"), ("GET", "/users/me"),
    ("PUT", "/users/me/password"), ("DELETE", "/users/me"), ("GET", "/version"), ("GET", "/healthz"), ("GET", "/readyz"),
    ("GET", "/health"), ("GET", "/quotes/health"), ("GET", "/search/health"), ("GET", "/users/health"),
]  # fmt: skip


def opened(application: Application, count: int, sent: bytes) -> list[socket.socket]:
    made = [socket.create_connection(("127.0.0.1", application.port), timeout=60) for _ in range(count)]
    for client in made:
        client.sendall(sent)
    return made


def ended(client: socket.socket) -> bool:
    """Whether the server ended it."""
    client.setblocking(False)
    try:
        return client.recv(65536) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


@pytest.fixture
def half_open() -> Iterator[list[socket.socket]]:
    """Takes sockets, and closes them."""
    clients: list[socket.socket] = []
    yield clients
    for client in clients:
        client.close()


def test_hundreds_of_half_open_connections_stop_nobody_and_end(start: Starter, half_open: list[socket.socket]) -> None:
    application = start()
    quote = application.add()["id"]
    process = application.server.process
    assert process is not None
    descriptors = Path(f"/proc/{process.pid}/fd")
    before = len(list(descriptors.iterdir()))
    second = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\nGET /quo"
    post = b"POST /quotes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    began = time.monotonic()
    refused = post.replace(b"/quotes", b"/nowhere")
    for sent in (b"", b"GET /quotes HTTP/1.1\r\nHost: x\r\nX-Sl", second, refused):
        half_open += opened(application, 100, sent)
    bodies = opened(application, 100, post)
    half_open += bodies
    for turn in range(5):
        for client in half_open[100:200]:
            with contextlib.suppress(OSError):
                client.sendall(b"o")  # a little now and then keeps no connection
        assert application.ids(limit=turn + 1) == [quote]
    for client in half_open[300:400]:
        assert b" 404 " in client.recv(65536)
        client.sendall(b"o")  # of a body that nobody wants any more
    # From here on they say nothing more; each was begun before, and must end.
    for client in bodies:
        client.settimeout(MOST_SECONDS + PATIENCE)
        answer = HTTPResponse(client)
        answer.begin()
        assert answer.status == 408
        assert answer.getheader("content-type") == "application/problem+json"
        answer.read()
    waiting = list(half_open)

    def all_ended() -> bool:
        waiting[:] = [client for client in waiting if not ended(client)]
        return not waiting

    kinds = {client: number // 100 for number, client in enumerate(half_open)}
    try:
        eventually(all_ended, HEAD_SECONDS + PATIENCE, "every half-open connection is ended")
    finally:
        assert not {kinds[client] for client in waiting}, "kinds of clients that were left alone"
    print(f"\n500 half-open connections ended after {time.monotonic() - began:.1f} s")
    assert time.monotonic() - began >= HEAD_SECONDS - 1, "a slow but honest client has its time"
    eventually(lambda: len(list(descriptors.iterdir())) < before + 20)
    assert application.ids() == [quote]


NONSENSE = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a head without end": b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 200_000,
    "many heads": b"GET /version HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    "two lengths": b"POST /quotes HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "a length and chunks": (
        b"POST /quotes HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\nGET /x HTTP/1.1\r\n\r\n"
    ),
    "a negative length": b"POST /quotes HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "a length beyond all": b"POST /quotes HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "broken chunks": b"POST /quotes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    "a NUL in a head": b"GET /version HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
    "a path of bytes": b"GET /\xff\xfe%00%ff/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    "an absolute address": b"GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\nHost: x\r\n\r\n",
    "another way": b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n",
    "an upgrade": b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no version": b"GET /version\r\n\r\n",
    "a thousand at once": b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n" * 1000,
}


@pytest.mark.parametrize("sent", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_is_refused_and_harms_nobody(application: Application, sent: bytes) -> None:
    logged = len(application.server.lines())
    with socket.create_connection(("127.0.0.1", application.port), timeout=30) as client:
        answer = b""
        with contextlib.suppress(ConnectionError):
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            while len(answer) < 1_000_000 and (piece := client.recv(65536)):
                answer += piece
    statuses = {int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)}
    assert not [status for status in statuses if status >= 500], answer[:500]
    assert application.client.get("/version").status_code == 200
    assert "Traceback" not in application.server.lines()[logged:]


def test_the_table_has_every_operation(application: Application) -> None:
    paths = application.client.get("/openapi.json").json()["paths"]
    assert set(OPERATIONS) == {(method.upper(), path) for path, methods in paths.items() for method in methods}


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda part: part)
def test_whatever_is_sent_gets_an_answer_that_is_described(application: Application, method: str, path: str) -> None:
    """Made by schemathesis from the description: requests that it allows, and such that it doesn't."""
    application.add()
    address = f"http://127.0.0.1:{application.port}"
    operation = schemathesis.openapi.from_url(f"{address}/openapi.json")[path][method]
    headers = {"Authorization": application.client.headers["authorization"]}
    strategies = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]

    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(case=hypothesis.strategies.one_of(strategies))
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=address, headers=headers, checks=CHECKS)

    ask()
    assert application.client.get("/version").status_code == 200
