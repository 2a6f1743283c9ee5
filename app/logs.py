"""Logs: JSON, one line an event, one event a request; never a header, a query, a body or an address of a client."""

import fcntl
import io
import logging
import os
import re
import stat
import sys
from http import HTTPStatus
from time import perf_counter
from typing import BinaryIO, cast

import orjson
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.metrics import LOG_LINES_LOST, route_of

REQUEST_ID = b"x-request-id"
_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
PROBES = ("/healthz", "/readyz", "/health", "/quotes/health", "/search/health", "/users/health")

log = structlog.get_logger()


class _Output(io.RawIOBase):
    """Standard output for lines: each is written or lost, and none raises, or waits for whom nobody reads.

    Who serves must not fail, or stand still, because a disk is full or a collector hangs.
    """

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._torn = False
        if descriptor is not None and stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
            fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_NONBLOCK)

    def write(self, line: bytes) -> int:  # type: ignore[override]
        """Write a line with its end; returns its length in any case."""
        # What was torn off ends here, so that this line can be read.
        whole = b"\n" + line if self._torn else line
        try:
            written = os.write(self._descriptor, whole) if self._descriptor is not None else 0
        except OSError:
            LOG_LINES_LOST.inc()
            return len(line)
        self._torn = 0 < written < len(whole)
        if written < len(whole):
            LOG_LINES_LOST.inc()
        return len(line)


class _IntoStructlog(logging.Handler):
    """Sends what libraries log through the same pipe, so that every line is JSON."""

    def emit(self, record: logging.LogRecord) -> None:
        log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info or None)


def configure(level: str) -> None:
    """Log from `level` (debug, info, warning, error) on to standard output."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_serialised),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        # Without standard output, 1 is the number of whatever is opened first.
        logger_factory=structlog.BytesLoggerFactory(
            cast(BinaryIO, _Output(sys.stdout.fileno() if sys.stdout else None))
        ),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_IntoStructlog()], level=number, force=True)
    # Below these levels the libraries tell of every connection handed out and every signature made.
    for name in ("psycopg.pool", "botocore", "urllib3", "asyncio"):
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


def _serialised(event: object, **_: object) -> bytes:
    return orjson.dumps(event, default=str)


def _trace(scope: Scope) -> dict[str, str]:
    """The request's trace, if it is followed (app/tracing.py)."""
    trace_id = scope["state"].get("trace_id")
    return {"trace_id": trace_id} if trace_id else {}


class RequestLog:
    """Pure ASGI middleware: writes a request's line, and gives it an id (its own `X-Request-ID` if sane)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request and write its line."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = next((value for name, value in scope["headers"] if name == REQUEST_ID), b"")
        request_id = asked if _ACCEPTABLE_ID.fullmatch(asked) else os.urandom(16).hex().encode()
        scope.setdefault("state", {})["request_id"] = request_id.decode()
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (REQUEST_ID, request_id)]
            await send(message)

        began = perf_counter()
        try:
            await self._app(scope, receive, noting)
        finally:
            route = route_of(scope)
            # What a probe found out has its own lines; a waiting pod must not look like one that fails requests.
            write = (
                log.debug if route in PROBES else log.error if status >= HTTPStatus.INTERNAL_SERVER_ERROR else log.info
            )
            write(
                "request",
                method=scope["method"][:16],
                route=route,
                status=status,
                milliseconds=round((perf_counter() - began) * 1000, 2),
                request_id=request_id.decode(),
                **_trace(scope),
            )
