"""`python -m app`: serve until SIGTERM, then finish the running requests and end with status 0.

Wrong settings end it with status 2.
"""

import asyncio
import gc
import os
import signal
import socket
import sys
from types import FrameType

import uvicorn

from app.application import create_application
from app.command import run
from app.connections import Connection
from app.health import Health
from app.settings import Settings

KEEP_ALIVE_SECONDS = (
    75  # above the load balancer's 60 s of idle time, or it reuses connections that were just closed here
)
LINGER_SECONDS = 2.0
"""How long, at most, connections are taken after a SIGTERM; each is told to close with its next answer."""

QUIET_SECONDS = 0.25
_STANDARD_ERROR = 2


class _Server(uvicorn.Server):
    """Uvicorn that says at /readyz that it is stopping, and lets its clients go before it closes the door."""

    def __init__(self, config: uvicorn.Config, health: Health) -> None:
        super().__init__(config)
        self._health = health

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._health.draining = True
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, without the loss of a request that a client sends, or a connection that it opens, at that moment.

        Uvicorn alone would close idle connections, and forget those that wait to be accepted, at once.
        """
        clock, state, answered = asyncio.get_running_loop(), self.server_state, -1
        until = clock.time() + LINGER_SECONDS
        state.default_headers.append((b"connection", b"close"))
        while answered != state.total_requests and clock.time() < until and not self.force_exit:
            answered = state.total_requests
            await asyncio.sleep(QUIET_SECONDS)
        await super().shutdown(sockets)


def main() -> int:
    """Serve; returns the process' exit status."""
    _open_standard_streams()
    return run(Settings, _serve)


def _serve(settings: Settings) -> int:
    application = create_application(settings)
    config = uvicorn.Config(
        application,
        host="0.0.0.0",  # noqa: S104 - a pod is reached by its address; network policies say by whom
        port=settings.port,
        loop="uvloop",
        http=Connection,
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # whose word counts is a setting (rate_limits.client)
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.graceful_shutdown_seconds,
    )
    # What is here now stays: no collection looks at it again, and young objects, one request's, are let alone for longer.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    server = _Server(config, application.state.health)
    # After a graceful stop uvicorn raises the signal again; being asked to stop and doing so is a success.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    server.run()
    return 0 if server.started else 1


def _open_standard_streams() -> None:
    # The number of one that is closed would be the next socket's, and libuv aborts a process that closes that.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        pass
    os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
