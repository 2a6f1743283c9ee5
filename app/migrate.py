"""`python -m app.migrate`: bring the schema up to date.

Safe to run twice, and by two Jobs at once: the second waits, and finds nothing to do. Migrations only expand (new
tables, columns that may be empty, indexes), so that the version before keeps working on the new schema.
"""

import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from app.command import run
from app.database import connection_parameters
from app.first_connection import LoginError, connect, password_of
from app.settings import DatabaseSettings

LOCK = 5_204_711_853_302
"""Key of the advisory lock that keeps two migrations apart; any number that nobody else uses in this database."""

PATIENCE_SECONDS = 540.0
"""How long another migration may take: less than the Job's deadline of 600 s."""

log = structlog.get_logger()


def configuration() -> Config:
    """Alembic's configuration; there is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def migrate(settings: DatabaseSettings) -> tuple[str | None, str | None]:
    """Run the missing migrations; returns the revisions before and after.

    A schema that a newer version has made is left as it is: migrations only expand, and whoever goes back must get there.

    Raises LoginError, psycopg's and SQLAlchemy's database errors.
    """
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: _connection(settings),
        poolclass=NullPool,
    )
    with engine.connect() as connection:
        _wait_for_others(connection)
        # For tables that requests use it waits only shortly: every later request would wait behind it.
        connection.exec_driver_sql("SET lock_timeout = '5s'")
        connection.exec_driver_sql("SET statement_timeout = '5min'")
        before = MigrationContext.configure(connection).get_current_revision()
        # Alembic begins a transaction for each revision, and none inside of another one.
        connection.commit()
        config = configuration()
        config.attributes["connection"] = connection
        if before is not None and before not in _known(config):
            log.warning("schema_is_newer", revision=before)
            return before, before
        command.upgrade(config, "head")
        after = MigrationContext.configure(connection).get_current_revision()
    return before, after


def _connection(settings: DatabaseSettings) -> psycopg.Connection[Any]:
    made = connect(connection_parameters(settings, settings.database_user, password_of(settings)))
    made.autocommit = False  # SQLAlchemy's transactions are psycopg's
    return made


def _wait_for_others(connection: Connection) -> None:
    """Take the lock, by asking again and again: `CREATE INDEX CONCURRENTLY` waits for whoever waits inside of a statement."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({LOCK})").scalar():
        connection.commit()
        if time.monotonic() > until:
            raise psycopg.errors.LockNotAvailable(f"another migration runs for {PATIENCE_SECONDS:.0f} s already")
        time.sleep(0.2)


def _known(config: Config) -> set[str]:
    """The revisions of this version."""
    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


def main() -> int:
    """Migrate; returns the process' exit status."""
    remedy = "see the reason, then run it again: what was done stays, the rest was not begun"
    return run(DatabaseSettings, _migrate, "migration_failed", (LoginError, psycopg.Error, DBAPIError), remedy)


def _migrate(settings: DatabaseSettings) -> None:
    before, after = migrate(settings)
    log.info("migrated" if before != after else "nothing_to_migrate", before=before, after=after)


if __name__ == "__main__":
    sys.exit(main())
