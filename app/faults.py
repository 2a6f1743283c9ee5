"""Faults on request, for drills: a delay or an error where a client asks for one, on any route, as podinfo has them.

Only with FAULTS_ENABLED; stacks refuse it where protection is on. The faults are counted and logged like real ones.
"""

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from app.problems import TITLES, problem

DELAY, STATUS = b"x-fault-delay", b"x-fault-status"
LONGEST_SECONDS = 30.0


class Faults:
    """Pure ASGI middleware: `X-Fault-Delay: 1.5` (seconds) waits first, `X-Fault-Status: 503` answers that error."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, late or wrongly if it asks for that."""
        asked = {name: value for name, value in scope.get("headers", ()) if name in (DELAY, STATUS)}
        if not asked:
            await self._app(scope, receive, send)
            return
        delay, status, faults = _read(asked)
        if faults:
            await problem(422, "The request has invalid parts; see faults.", faults=faults)(scope, receive, send)
            return
        await asyncio.sleep(delay)
        if status is None:
            await self._app(scope, receive, send)
        else:
            await problem(status, "You asked for this error.")(scope, receive, send)


def _read(asked: dict[bytes, bytes]) -> tuple[float, int | None, list[dict[str, str]]]:
    delay, status, faults = 0.0, None, []
    try:
        delay = float(asked.get(DELAY, b"0"))
        if not 0 <= delay <= LONGEST_SECONDS:
            raise ValueError
    except ValueError:
        faults.append({"where": "header.x-fault-delay", "what": f"0 to {LONGEST_SECONDS:.0f} seconds"})
    if (given := asked.get(STATUS)) is not None:
        status = int(given) if given.isdigit() and int(given[:4]) in TITLES else None
        if status is None:
            faults.append({"where": "header.x-fault-status", "what": f"one of {', '.join(map(str, TITLES))}"})
    return delay, status, faults
