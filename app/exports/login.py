"""`python -m app.exports.login`: let PostgreSQL's programs in another container of the pod log in as the application's user.

By files that libpq reads (app/exports/exchange.py). A token of RDS is good for connections that begin within 15 minutes.
"""

import sys
from pathlib import Path

from app.command import run
from app.database import connection_parameters
from app.exports.exchange import Exchange
from app.first_connection import LoginError, password_of
from app.settings import DatabaseSettings


class LoginSettings(DatabaseSettings):
    """Environment of the login."""

    exports_exchange: Path = Path("/exchange")


def main() -> int:
    """Log in; returns the process' exit status."""
    return run(LoginSettings, _log_in, "login_failed", (LoginError, OSError))


def _log_in(settings: LoginSettings) -> None:
    parameters = connection_parameters(settings, settings.database_user, password_of(settings))
    Exchange(settings.exports_exchange).log_in(parameters)


if __name__ == "__main__":
    sys.exit(main())
