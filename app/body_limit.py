"""A limit on request bodies, kept before anything reads them into memory."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.problems import problem

MOST_BYTES = 64 * 1024
"""The largest valid quote (2,200 characters) takes 27 KiB when every character is escaped as two surrogates."""

_REFUSAL = f"A body may have {MOST_BYTES} bytes."


class BodyLimit:
    """Pure ASGI middleware: answers 413 to a body that says it is, or turns out to be, larger than `MOST_BYTES`."""

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
        seen = 0

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > MOST_BYTES:
                raise HTTPException(413, _REFUSAL, {"Connection": "close"})
            return message

        await self._app(scope, counting, send)
