"""How a Job's pod logs in to PostgreSQL, and its first connection, which may have to be tried more than once."""

import time
from typing import Any

import psycopg
import structlog

from app.settings import DatabaseSettings, read_secret

PATIENCE_SECONDS = 30.0
"""Network policies are programmed a second or two after a pod's start, and a database may be failing over."""

log = structlog.get_logger()


class LoginError(Exception):
    """There is nothing to log in with; the message says why."""


def password_of(settings: DatabaseSettings) -> str:
    """What logs the application's user in: the password of the file, or a fresh token. Raises LoginError."""
    if settings.database_password_file is not None:
        try:
            return read_secret(settings.database_password_file)
        except (OSError, ValueError) as error:
            raise LoginError(str(error)) from None
    from app.aws_tokens import AwsError, AwsTokens  # noqa: PLC0415 - not loaded with a password

    try:
        return AwsTokens(settings.aws_region or "").database(
            settings.database_host, settings.database_port, settings.database_user
        )
    except AwsError as error:
        raise LoginError(str(error)) from error


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
