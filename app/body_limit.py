"""Limits on request bodies: on their size, kept before anything reads them into memory, and on their time."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.problems import problem

MOST_BYTES = 64 * 1024
"""The largest valid quote (2,200 characters) takes 27 KiB when every character is escaped as two surrogates."""

MOST_SECONDS = 10.0
"""For the whole body; 64 KiB in it are 52 kbit/s."""

_REFUSAL = f"A body may have {MOST_BYTES} bytes."
_TOO_SLOW = f"A body may take {MOST_SECONDS:.0f} s."


class BodyLimit:
    """Pure ASGI middleware: answers 413 to a body larger than `MOST_BYTES`, 408 to one that takes too long."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or refuse its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        # The HTTP parser let only digits pass; more than 20 of them are too many whatever they say.
        if int(announced[:20]) > MOST_BYTES:
            await problem(413, _REFUSAL, {"Connection": "close"})(scope, receive, send)
            return
        seen, complete = 0, False
        until = asyncio.get_running_loop().time() + MOST_SECONDS

        async def counting() -> Message:
            nonlocal seen, complete
            if complete:
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, _TOO_SLOW, {"Connection": "close"}) from None
            complete = not message.get("more_body", False)
            seen += len(message.get("body", b""))
            if seen > MOST_BYTES:
                raise HTTPException(413, _REFUSAL, {"Connection": "close"})
            return message

        await self._app(scope, counting, send)
