"""The first connection of a Job's pod to PostgreSQL, which may have to be tried more than once."""

import time
from typing import Any

import psycopg
import structlog

PATIENCE_SECONDS = 30.0
"""Network policies are programmed a second or two after a pod's start, and a database may be failing over."""

log = structlog.get_logger()


def connect(parameters: dict[str, Any], patience_seconds: float = PATIENCE_SECONDS) -> psycopg.Connection[Any]:
    """Connect, in autocommit mode. Raises the last `psycopg.OperationalError` when it did not work in time."""
    until = time.monotonic() + patience_seconds
    while True:
        try:
            return psycopg.connect(**parameters, autocommit=True)
        except psycopg.OperationalError as error:
            # A wrong certificate doesn't become right by waiting.
            if time.monotonic() >= until or "certificate" in str(error):
                raise
            log.warning("database_not_reached_yet", reason=str(error).strip())
            time.sleep(1)
