"""Traces and error tracking: sent to a receiver on this machine, without anything personal; off, they are not even imported."""

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.app.conftest import PASSWORD, Place
from tests.app.servers import Application, CacheServer, free_port

PRIVATE = ("secret-in-a-query", "secret-in-a-cookie", "Marcus Aurelius", "secret-agent", PASSWORD, CacheServer.PASSWORD)
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Receiver:
    """Takes whatever is posted, on the loopback interface."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                receiver.posted.append((self.path, body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator["Receiver"]:
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def spans(self) -> list[Span]:
        found = []
        for path, body in self.posted:
            assert path == "/v1/traces"
            request = ExportTraceServiceRequest.FromString(body)
            found += [span for sent in request.resource_spans for scope in sent.scope_spans for span in scope.spans]
        return found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as running:
        yield running


def lines(application: Application) -> list[dict[str, object]]:
    return [json.loads(line) for line in application.server.lines().splitlines()]


def attributes(span: Span) -> dict[str, object]:
    return {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in span.attributes}


def test_a_request_is_one_trace_with_its_calls_and_its_log_line_names_it(
    start: Callable[..., Application], receiver: Receiver
) -> None:
    application = start(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{receiver.address}")
    application.add(author="Marcus Aurelius")
    application.client.get(
        "/quotes?limit=3&token=secret-in-a-query",
        headers={
            "traceparent": f"00-{TRACE}-b7ad6b7169203331-01",
            "Cookie": "s=secret-in-a-cookie",
            "User-Agent": "secret-agent",
        },
    )
    application.client.get("/healthz")
    assert application.stop() == 0
    spans = receiver.spans()
    mine = [span for span in spans if span.trace_id.hex() == TRACE]
    [request] = [span for span in mine if span.kind == Span.SPAN_KIND_SERVER]
    assert request.name == "GET /quotes"
    assert attributes(request) == {
        "http.request.method": "GET",
        "http.route": "/quotes",
        "http.response.status_code": 200,
    }
    beneath = {str(attributes(span).get("db.system")) for span in mine if span is not request}
    assert {"postgresql", "redis"} <= beneath, [span.name for span in mine]
    [line] = [line for line in lines(application) if line.get("trace_id") == TRACE]
    assert line["event"] == "request"
    # Whatever is not part of a request, such as the look at both dependencies each second, has no trace.
    requests = {span.trace_id for span in spans if span.kind == Span.SPAN_KIND_SERVER}
    assert {span.trace_id for span in spans} == requests
    assert {span.name for span in spans if span.kind == Span.SPAN_KIND_SERVER} == {"GET /quotes", "POST /quotes"}
    told = b"".join(body for _, body in receiver.posted)
    for private in PRIVATE:
        assert private.encode() not in told, private


def test_a_failing_request_is_marked_and_its_message_stays_here(
    start: Callable[..., Application], receiver: Receiver, place: Place
) -> None:
    application = start(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{receiver.address}")
    place.postgresql.run("ALTER TABLE quotes RENAME TO hidden", place.database)
    try:
        failed = application.client.get("/quotes/1")
        assert failed.status_code == 500
        assert failed.headers["connection"] == "close", "uvicorn closes it, and a load balancer must know"
    finally:
        place.postgresql.run("ALTER TABLE hidden RENAME TO quotes", place.database)
    application.stop()
    [span] = [span for span in receiver.spans() if span.name == "GET /quotes/{id}"]
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert attributes(span)["error.type"] == "UndefinedTable"
    assert not span.events


def test_with_a_ratio_of_zero_nothing_is_followed_not_even_what_a_client_wants_to_be(
    start: Callable[..., Application], receiver: Receiver
) -> None:
    application = start(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{receiver.address}", OTEL_TRACES_SAMPLER_ARG="0")
    application.client.get("/quotes", headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
    application.stop()
    assert receiver.posted == []
    assert not [line for line in lines(application) if "trace_id" in line]


def test_without_a_collector_requests_are_answered_and_the_stop_is_not_kept_waiting(
    start: Callable[..., Application],
) -> None:
    application = start(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    assert application.ids() is not None
    assert application.stop() == 0


def test_off_nothing_of_either_is_imported() -> None:
    # FastAPI itself imports OpenTelemetry's API, which does nothing without an SDK that is started.
    program = """
import sys
import app.application, app.__main__
late = ("opentelemetry.sdk.trace", "opentelemetry.exporter", "opentelemetry.instrumentation", "sentry_sdk", "requests", "google")
print([name for name in sys.modules if name.startswith(late)])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_error_that_nobody_expected_is_told_without_what_was_sent(
    start: Callable[..., Application], receiver: Receiver, place: Place
) -> None:
    dsn = place.folder / "sentry-dsn"
    dsn.write_text(f"http://public-key@{receiver.address}/7\n")
    application = start(SENTRY_DSN_FILE=str(dsn), SENTRY_ENVIRONMENT="staging")
    place.postgresql.run("ALTER TABLE quotes RENAME TO hidden", place.database)
    try:
        answered = application.client.get(
            "/quotes/1?token=secret-in-a-query",
            headers={"Cookie": "s=secret-in-a-cookie", "User-Agent": "secret-agent"},
        )
        assert answered.status_code == 500
    finally:
        place.postgresql.run("ALTER TABLE hidden RENAME TO quotes", place.database)
    # A caller's fault is not told. On a connection of its own: uvicorn closes one on which an error came up.
    httpx.get(f"{application.client.base_url}/quotes/not-a-number", timeout=10)
    assert application.stop() == 0
    [(path, envelope)] = receiver.posted
    assert path == "/api/7/envelope/"
    event = json.loads(envelope.split(b"\n")[2])
    [exception] = event["exception"]["values"]
    assert (exception["type"], exception["value"]) == ("UndefinedTable", "")
    assert exception["stacktrace"]["frames"]
    assert event["transaction"] == "GET /quotes/{id}"
    assert event["environment"] == "staging"
    assert not {"request", "user", "server_name", "breadcrumbs", "modules", "extra"} & event.keys()
    for private in (*PRIVATE, "127.0.0.1", "hidden"):
        assert private.encode() not in envelope.split(b"\n", 2)[2], private
