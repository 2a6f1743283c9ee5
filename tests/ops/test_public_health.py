"""`health` asks the way that people come: the public /readyz of a stack that is no rehearsal."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ops import health
from ops.stack import Stack
from tests.app.servers import REPOSITORY, free_port
from tests.ops.places import Exported


@contextmanager
def public(status: int, asked: list[str]) -> Iterator[str]:
    """The address of an entry that answers everything so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reasons(outputs: dict[str, Any], *, rehearsed: bool = False) -> list[str]:
    with Stack(REPOSITORY, "prod", Exported(outputs, None, rehearsed=rehearsed)) as stack:
        return list(health._public(stack))


@pytest.mark.parametrize(("status", "why"), [(200, []), (503, ["/readyz answers 503"]), (302, ["/readyz answers 302"])])
def test_whatever_the_public_entry_answers_but_200_is_a_reason(status: int, why: list[str]) -> None:
    asked: list[str] = []
    with public(status, asked) as url:
        assert reasons({"url": url}) == [url + reason for reason in why]
    assert asked == ["/readyz"]


def test_an_entry_that_does_not_answer_is_a_reason_with_what_the_client_says() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    [found] = reasons({"url": url})
    assert found.startswith(f"{url}/readyz does not answer: ")
    assert "refused" in found


def test_a_rehearsals_domain_and_a_stack_without_an_entry_are_not_asked() -> None:
    asked: list[str] = []
    with public(503, asked) as url:
        assert reasons({"url": url}, rehearsed=True) == []
    assert (reasons({"region": "eu-west-3"}), asked) == ([], [])


def test_what_the_public_entry_says_keeps_the_stack_from_being_well(monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("_deployments", "_stateful_sets", "_pods", "_jobs", "_budgets"):
        monkeypatch.setattr(health, part, lambda _: ())
    monkeypatch.setattr(health, "_autoscalers", lambda _: ([], []))
    apps = SimpleNamespace(list_namespaced_deployment=lambda *_, **__: SimpleNamespace(items=[]))
    for status, well in ((200, True), (503, False)):
        with public(status, []) as url:
            described = SimpleNamespace(
                cluster=SimpleNamespace(apps=apps), namespace="marlinspike", outputs={"url": url}, rehearsed=False
            )
            assert health.look(cast(Stack, described))["well"] is well
