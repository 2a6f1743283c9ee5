"""Prometheus metrics, served on a port of their own that no load balancer reaches."""

import threading
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from time import perf_counter
from wsgiref.simple_server import WSGIServer

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, Info, start_http_server
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import NAME, __version__

UNMATCHED = "unmatched"
"""The route of every path that no route matches, or each scanner would add its own series."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

REQUESTS = Counter("http_requests", "Requests answered.", ["method", "route", "status"])
# Bounds beside the objectives (200 ms at p95, 1 s at p99), so that the quantiles are exact where it matters.
DURATION = Histogram(
    "http_request_duration_seconds",
    "Time from the request's head to the end of its answer.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0),
)
IN_PROGRESS = Gauge("http_requests_in_progress", "Requests being answered now.")
APP_INFO = Info("app", "Name and version of the application.")
DEPENDENCY_UP = Gauge(
    "dependency_up", "Whether a dependency answered when it was last asked (1) or not (0).", ["dependency"]
)
CACHE_LOOKUPS = Counter(
    "cache_lookups", "Lookups in the cache by result: hit, miss, error, skipped (cache known to be away).", ["result"]
)
LOGINS = Counter("logins", "Logins by result: accepted, refused (name or password is wrong).", ["result"])
REQUESTS_REFUSED = Counter(
    "rate_limited_requests", "Requests beyond a rate limit: reading, writing, signing-in, account.", ["limit"]
)
ANSWERS_REPEATED = Counter("idempotent_answers_repeated", "Answers given again to a request with the same key.")
PASSWORDS_WAITING = Gauge("passwords_waiting", "Passwords that wait to be hashed, with the one that is.")
LOG_LINES_LOST = Counter("log_lines_lost", "Lines that standard output did not take: closed, full, or nobody reads it.")
POOL_CONNECTIONS = Gauge("database_pool_connections", "Connections that the pool holds, idle or not.")
POOL_IDLE = Gauge("database_pool_idle_connections", "Connections of the pool that nobody uses.")
POOL_WAITING = Gauge("database_pool_waiting_requests", "Requests that wait for a connection of the pool.")

APP_INFO.info({"name": NAME, "version": __version__})


class _DiskTraffic(Collector):
    """What the process itself read from and wrote to disks, which the standard process collector leaves out."""

    def collect(self) -> Iterable[CounterMetricFamily]:
        try:
            lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
        except OSError:  # not Linux, or hidden from this user
            return
        counts = dict(line.split(": ") for line in lines)
        for name, key in (("process_disk_read_bytes", "read_bytes"), ("process_disk_written_bytes", "write_bytes")):
            yield CounterMetricFamily(name, f"Bytes: {key} of /proc/self/io.", value=float(counts[key]))


REGISTRY.register(_DiskTraffic())


def serve(port: int) -> tuple[WSGIServer, threading.Thread]:
    """Serve `/metrics` from a thread. Raises `OSError` when the port is taken."""
    return start_http_server(port)


def route_of(scope: Scope) -> str:
    """The template of the route that answered (`/quotes/{id}`), or `UNMATCHED`."""
    return getattr(scope.get("route"), "path", UNMATCHED)


@cache
def _series(method: str, route: str, status: str) -> tuple[Counter, Histogram]:
    """The series of these labels, of which there are few: the library looks them up under a lock, each time anew."""
    return REQUESTS.labels(method, route, status), DURATION.labels(method, route)


class RequestMetrics:
    """Pure ASGI middleware: counts and times every HTTP request under its route's template."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = "500"  # what the client gets when the application raises before it answers

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        began = perf_counter()
        IN_PROGRESS.inc()
        try:
            await self._app(scope, receive, noting)
        finally:
            IN_PROGRESS.dec()
            method = scope["method"] if scope["method"] in METHODS else "other"
            requests, duration = _series(method, route_of(scope), status)
            requests.inc()
            duration.observe(perf_counter() - began)
