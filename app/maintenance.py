"""`python -m app.maintenance`: stands in for the application while that must not be used: 503 for clients, health for probes.

It needs neither the database nor the cache, so that both can be worked on. Its settings are PORT, RETRY_AFTER_SECONDS and
HEALTH_PATHS (with commas between); wrong numbers end it with status 2.
"""

import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import uvicorn

from app import logs

RETRY_AFTER_SECONDS = 600
GRACEFUL_SECONDS = 10

HEALTH_PATHS = "/healthz,/readyz"
"""What Kubernetes and the load balancer ask; both would take away what answers them 503."""

TITLE = "Down for maintenance"
DETAIL = "We are at work on it, and back soon. Nothing of what you saved is lost."

PAGE = f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{TITLE}</title></head>
<body><main><h1>{TITLE}</h1><p>{DETAIL}</p></main></body>
</html>
"""

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Maintenance:
    """The ASGI application. Every path answers alike: 503 and when to come again (RFC 9110, 15.6.4 and 10.2.3)."""

    def __init__(self, retry_after_seconds: int, health_paths: frozenset[str]) -> None:
        self._health_paths = health_paths
        problem = {"type": "about:blank", "title": TITLE, "status": HTTPStatus.SERVICE_UNAVAILABLE, "detail": DETAIL}
        self._page, self._problem = PAGE.encode(), json.dumps(problem).encode()
        self._headers = [
            (b"retry-after", str(retry_after_seconds).encode()),
            (b"cache-control", b"no-store"),
            (b"vary", b"accept"),
            (
                b"content-security-policy",
                b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            ),
            (b"x-content-type-options", b"nosniff"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return  # uvicorn refuses what is never accepted
        if scope["path"] in self._health_paths:
            await _answer(send, scope, 200, b"application/json", b'{"status":"ok"}', [(b"cache-control", b"no-store")])
            return
        while (await receive()).get("more_body"):
            pass  # a client that still sends would not read the answer
        accepted = b",".join(value for name, value in scope["headers"] if name == b"accept")
        kind, body = (
            (b"text/html; charset=utf-8", self._page)
            if b"text/html" in accepted
            else (b"application/problem+json", self._problem)
        )
        await _answer(send, scope, HTTPStatus.SERVICE_UNAVAILABLE, kind, body, self._headers)


async def _answer(
    send: Send, scope: Scope, status: int, kind: bytes, body: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send(
        {"type": "http.response.start", "status": int(status), "headers": [(b"content-type", kind), length, *headers]}
    )
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def main() -> int:
    """Serve until SIGTERM; returns the process' exit status."""
    found = {}
    for name, default, most in (("PORT", 5000, 65535), ("RETRY_AFTER_SECONDS", RETRY_AFTER_SECONDS, 86400)):
        given = os.environ.get(name, str(default))
        if not (given.isdecimal() and 1 <= int(given) <= most):
            print(f"{name}: {given!r} is no whole number from 1 to {most}", file=sys.stderr)
            return 2
        found[name] = int(given)
    logs.configure("info")
    paths = frozenset(os.environ.get("HEALTH_PATHS", HEALTH_PATHS).split(","))
    config = uvicorn.Config(
        Maintenance(found["RETRY_AFTER_SECONDS"], paths),
        host="0.0.0.0",  # noqa: S104 - a pod is reached by its address; network policies say by whom
        port=found["PORT"],
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
    server = uvicorn.Server(config)
    # After a graceful stop uvicorn raises the signal again; being asked to stop and doing so is a success.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
