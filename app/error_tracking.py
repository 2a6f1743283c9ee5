"""Errors that nobody expected, told to Sentry: their kind and place in the code, never a value.

Imported only where a DSN is set.
"""

from pathlib import Path

import sentry_sdk
from sentry_sdk.types import Event, Hint
from starlette.types import ASGIApp, Receive, Scope, Send

from app import NAME, __version__
from app.metrics import route_of
from app.settings import read_secret

KEPT = frozenset(
    {
        "event_id",
        "timestamp",
        "level",
        "platform",
        "release",
        "environment",
        "exception",
        "transaction",
        "sdk",
        "contexts",
    }
)
"""What an event may hold. No request, user, host, module list, breadcrumb or local variable is among it."""

STOP_SECONDS = 2.0


def start(dsn_file: Path, environment: str | None) -> None:
    """Tell Sentry from now on. Raises `OSError` or `ValueError` when there is no DSN in the file, or none that is one."""
    sentry_sdk.init(
        dsn=read_secret(dsn_file),
        release=f"{NAME}@{__version__}",
        environment=environment,
        send_default_pii=False,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        # They patch libraries and add what is known about the machine; the middleware below is all that is needed.
        default_integrations=False,
        auto_enabling_integrations=False,
        auto_session_tracking=False,
        shutdown_timeout=STOP_SECONDS,
        before_send=_scrubbed,
    )


def stop() -> None:
    """Send what is left, for a few seconds at most."""
    sentry_sdk.get_client().close(timeout=STOP_SECONDS)


def _scrubbed(event: Event, _: Hint) -> Event:
    found = {key: value for key, value in event.items() if key in KEPT}
    trace = event.get("contexts", {}).get("trace", {})
    found["contexts"] = {"trace": {key: trace[key] for key in ("trace_id", "span_id") if key in trace}}
    for exception in event.get("exception", {}).get("values", []):
        exception["value"] = ""  # a message may quote what was sent: "Key (email)=(...) already exists"
    return found  # type: ignore[return-value]


class ErrorTracking:
    """Pure ASGI middleware: tells of exceptions that no handler knows, with the route they came from."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            with sentry_sdk.new_scope() as told:
                told.set_transaction_name(f"{scope.get('method', '')} {route_of(scope)}".strip())
                sentry_sdk.capture_exception(error)
            raise
