"""`python -m app.exports.dump`: keep what pg_dump says of the database, with its checksum and a manifest.

pg_dump runs in another container (app/exports/exchange.py), on a snapshot that is held here: the manifest counts exactly the rows
that are in the dump.
"""

import sys
import time
from datetime import UTC, datetime
from typing import Any

import psycopg
import structlog

from app.command import run
from app.database import connection_parameters
from app.exports.contents import contents
from app.exports.exchange import Exchange, ExchangeError
from app.exports.place import Place, PlaceError, name_for, place_at
from app.exports.settings import DumpSettings
from app.first_connection import LoginError, connect, password_of

DUMP = "database.dump"

log = structlog.get_logger()


def dump(settings: DumpSettings, place: Place) -> dict[str, Any]:
    """Make a copy; returns its manifest. Raises LoginError, PlaceError, ExchangeError and psycopg's errors."""
    began, started = datetime.now(tz=UTC), time.monotonic()
    name = settings.exports_name or name_for(began)
    if place.size(f"{name}/{DUMP}") is not None:
        raise PlaceError(f"there is a copy {name} already; choose another name")
    parameters = connection_parameters(settings, settings.database_user, password_of(settings))
    exchange = Exchange(settings.exports_exchange)
    with connect(parameters) as connection:
        connection.execute("SET idle_in_transaction_session_timeout = 0")
        connection.execute("SET statement_timeout = 0")
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        exchange.log_in(parameters)
        exchange.pipe("dump")
        exchange.begin(str(row[0] if row else ""))
        written = place.write(f"{name}/{DUMP}", exchange.received("dump"))
        held = contents(connection)
    manifest = {
        "kind": "database",
        "name": name,
        "time": began,
        "seconds": round(time.monotonic() - started, 1),
        "database": settings.database_name,
        "dump": {"file": DUMP, "format": "pg_dump custom", "bytes": written.bytes, "sha256": written.sha256},
        **held,
    }
    place.complete(name, manifest)
    return manifest


def main() -> int:
    """Dump; returns the process' exit status."""
    errors = (LoginError, PlaceError, ExchangeError, psycopg.Error)
    return run(DumpSettings, _dump, "dump_failed", errors, "the copy has no manifest and counts for nothing")


def _dump(settings: DumpSettings) -> None:
    manifest = dump(settings, place_at(settings.exports_place, settings.aws_region))
    log.info("dumped", copy=manifest["name"], bytes=manifest["dump"]["bytes"], seconds=manifest["seconds"])


if __name__ == "__main__":
    sys.exit(main())
