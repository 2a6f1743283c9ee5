"""Connections that say nothing, or hardly anything, end: uvicorn alone waits for ever for a request's head.

Once a request was answered, uvicorn's own time-out for idle connections counts; a body's time is BodyLimit's.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
"""From the connection, or the first byte of a further request, to the end of the request's head."""


class Connection(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, with a limit on the time that a request's head may take."""

    _head_expected: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes: of a head, or of what nobody asked for, as the rest of a refused body."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._expect_head()

    def on_headers_complete(self) -> None:
        """The head is there in time."""
        self._head_came()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """A request was answered; the head of the next may have begun meanwhile."""
        super().on_response_complete()
        if self.scope is not self.cycle.scope:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is expected any more."""
        self._head_came()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        if self._head_expected is None:
            self._head_expected = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _head_came(self) -> None:
        if self._head_expected is not None:
            self._head_expected.cancel()
            self._head_expected = None
