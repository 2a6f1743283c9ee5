"""`python -m app.exports.login`: let PostgreSQL's programs in another container of the pod log in as the application's user.

By files that libpq reads (app/exports/exchange.py). A token of RDS is good for connections that begin within 15 minutes.
"""

import sys
from pathlib import Path

from app.aws_tokens import AwsError
from app.database import connection_parameters
from app.exports.exchange import Exchange
from app.migrate import password_of
from app.settings import DatabaseSettings, SettingsError


class LoginSettings(DatabaseSettings):
    """Environment of the login."""

    exports_exchange: Path = Path("/exchange")


def main() -> int:
    """Log in; returns the process' exit status: 0 done, 1 failed, 2 wrong settings."""
    try:
        settings = LoginSettings.load()
    except SettingsError as refused:
        print(refused, file=sys.stderr)
        return 2
    try:
        parameters = connection_parameters(settings, settings.database_user, password_of(settings))
        Exchange(settings.exports_exchange).log_in(parameters)
    except (AwsError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
