"""`python -m app.bootstrap_database`: make the application's user in a new RDS instance. Safe to run again.

Reads the master secret that RDS manages, logs in with it, and keeps neither: nobody else needs the master's password.
"""

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import psycopg
import structlog
from psycopg import sql
from pydantic import StringConstraints

from app.aws_tokens import AwsError, MasterLogin, master_login
from app.command import run
from app.database import connection_parameters
from app.first_connection import connect
from app.settings import DatabaseServer

LOCK = 5_204_711_853_301

log = structlog.get_logger()


class BootstrapSettings(DatabaseServer):
    """Environment of the bootstrap Job; DATABASE_USER is the user to make."""

    aws_region: Annotated[str, StringConstraints(min_length=1)]
    database_master_secret_arn: Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:secretsmanager:")]
    database_extensions: Annotated[str, StringConstraints(pattern=r"^([a-z][a-z0-9_-]*(,[a-z][a-z0-9_-]*)*)?$")] = ""

    @classmethod
    def contradictions(cls, given: Mapping[str, str]) -> list[tuple[str, str]]:
        """Names that cannot be given to a user of the application."""
        faults = super().contradictions(given)
        if given.get("DATABASE_USER", "").startswith(("pg_", "rds")):
            faults.append(("DATABASE_USER", "must not begin with pg_ or rds: PostgreSQL and RDS keep these names"))
        return faults


STATISTICS = "pg_stat_statements"

NEEDED = ("unaccent",)
"""Extensions that the migrations use, and that the application's user may not make itself."""


class BootstrapError(Exception):
    """The user can't be made; the message says why."""


def bootstrap(settings: BootstrapSettings, master: MasterLogin) -> list[str]:
    """Make the user and its rights where they are missing; returns what was made.

    Raises `BootstrapError`, psycopg's errors.
    """
    if settings.database_user == master.user:
        raise BootstrapError(f"DATABASE_USER is the master user {master.user}; give the application a user of its own")
    user, made = sql.Identifier(settings.database_user), []
    with connect(connection_parameters(settings, master.user, master.password)) as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        if not _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", settings.database_user):
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(user))
            made.append("role")
        # Only RDS has this role; its members log in with tokens, and no longer with passwords.
        if _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", "rds_iam"):
            if not _exists(connection, "SELECT 1 WHERE pg_has_role(%s, 'rds_iam', 'MEMBER')", settings.database_user):
                connection.execute(sql.SQL("GRANT rds_iam TO {}").format(user))
                made.append("membership in rds_iam")
        else:
            log.warning("no_iam_here", reason="there is no role rds_iam: this is not RDS, or IAM authentication is off")
        # Migrations run as this user and own what they make; nothing outside this database and its schema public.
        database = sql.Identifier(settings.database_name)
        connection.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(database, user))
        connection.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(user))
        made += _statistics(connection)
        made += _extensions(connection, [*NEEDED, *filter(None, settings.database_extensions.split(","))])
    return made


def _statistics(connection: psycopg.Connection[Any]) -> list[str]:
    """Make the view of the slowest statements, which the server collects once its library is loaded.

    A master that may not (on RDS it may) is no reason to keep the application from running.
    """
    if _exists(connection, "SELECT 1 FROM pg_extension WHERE extname = %s", STATISTICS):
        return []
    try:
        with connection.transaction():
            connection.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(STATISTICS)))
    except (
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.UndefinedFile,
        psycopg.errors.FeatureNotSupported,
    ) as error:
        log.warning("no_statement_statistics", reason=str(error).strip())
        return []
    return [STATISTICS]


def _extensions(connection: psycopg.Connection[Any], names: list[str]) -> list[str]:
    """Make the extensions that the stack asks for, with those that they need; the application relies on them."""
    missing = [n for n in names if not _exists(connection, "SELECT 1 FROM pg_extension WHERE extname = %s", n)]
    for name in missing:
        # Another one of the list may have brought it along.
        connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {} CASCADE").format(sql.Identifier(name)))
    return missing


def _exists(connection: psycopg.Connection[Any], question: str, name: str) -> bool:
    return connection.execute(question.encode(), (name,)).fetchone() is not None


def main() -> int:
    """Bootstrap; returns the process' exit status."""
    return run(BootstrapSettings, _bootstrap, "bootstrap_failed", (AwsError, BootstrapError, psycopg.Error))


def _bootstrap(settings: BootstrapSettings) -> None:
    made = bootstrap(settings, master_login(settings.database_master_secret_arn, settings.aws_region))
    log.info("bootstrapped", user=settings.database_user, made=made)


if __name__ == "__main__":
    sys.exit(main())
