"""`python -m app.exports.restore`: bring a dump back in a new database, and let it take the old one's place when it is right.

The checksum is compared before anything is made; the rows of each table and the schema's revision after. Then both databases
change names in one transaction; the old one stays, under a dated name. Whatever fails before leaves the old one serving, and the
new one is dropped. pg_restore runs in another container (app/exports/exchange.py).
"""

import hashlib
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import structlog
from psycopg import sql

from app.aws_tokens import AwsError, MasterLogin, master_login
from app.bootstrap_database import BootstrapError, BootstrapSettings, bootstrap
from app.command import run
from app.database import SCHEMA_REVISION, connection_parameters
from app.exports.contents import contents
from app.exports.dump import DUMP
from app.exports.exchange import Exchange, ExchangeError
from app.exports.place import Place, PlaceError, place_at
from app.exports.settings import RestoreSettings
from app.exports.switch import change_places
from app.first_connection import LoginError, connect, password_of

RESTORE_SECONDS = 6 * 3600.0
"""Of pg_restore after the last byte was sent: it makes the indexes then."""

log = structlog.get_logger()


class RestoreError(Exception):
    """The dump can't be restored, or what was restored isn't what was dumped; the message says why."""


def restore(settings: RestoreSettings, place: Place, master: MasterLogin) -> dict[str, Any]:
    """Restore; returns what was done. Raises what `main` names."""
    started = time.monotonic()
    manifest = place.manifest(settings.exports_name)
    _check(manifest, place, settings.exports_name)
    stamp = datetime.now(tz=UTC).strftime("%Y%m%d%H%M%S")
    new = settings.restore_into or f"{settings.database_name}_restored_{stamp}"
    administration = {**connection_parameters(settings, master.user, master.password), "dbname": "postgres"}
    with connect(administration) as connection:
        if manifest["server_version"] > connection.info.server_version // 10000:
            raise RestoreError(f"the dump is of PostgreSQL {manifest['server_version']}, and this server is older")
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(new)))
        try:
            log.info("restoring", into=new, bytes=manifest["dump"]["bytes"])
            _fill(settings, place, manifest, master, new)
            kept = None
            if settings.restore_into is None:
                kept = f"{settings.database_name}_before_{stamp}"
                change_places(connection, settings.database_name, new, kept)
        except BaseException:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(new)))
            raise
    return {
        "copy": settings.exports_name,
        "database": settings.restore_into or settings.database_name,
        "kept": kept,
        "rows": sum(manifest["rows"].values()),
        "bytes": manifest["dump"]["bytes"],
        "seconds": round(time.monotonic() - started, 1),
    }


def _check(manifest: dict[str, Any], place: Place, name: str) -> None:
    """Whether the dump is as it was made, and whether this version can serve it: nothing has been touched yet."""
    try:
        told, revision = manifest["dump"], manifest["schema_revision"]
        size, checksum = told["bytes"], told["sha256"]
    except (KeyError, TypeError):
        raise RestoreError(f"{name} is no dump of a database; choose another copy") from None
    if revision is not None and revision > SCHEMA_REVISION:
        raise RestoreError(
            f"the dump's schema is at {revision}, and this image knows {SCHEMA_REVISION} at most: deploy the newer image first"
        )
    digest, found = hashlib.sha256(), 0
    for chunk in place.read(f"{name}/{DUMP}"):
        digest.update(chunk)
        found += len(chunk)
    if (found, digest.hexdigest()) != (size, checksum):
        raise RestoreError(f"{name}/{DUMP} is not as it was made: {found} bytes instead of {size}, or another SHA-256")


def _fill(settings: RestoreSettings, place: Place, manifest: dict[str, Any], master: MasterLogin, new: str) -> None:
    """Bring the dump into the new database, and compare. The application's user owns what it makes, as migrations do."""
    _prepare(settings, manifest, master, new)
    own = {**connection_parameters(settings, settings.database_user, password_of(settings)), "dbname": new}
    exchange = Exchange(settings.exports_exchange)
    exchange.log_in(own)
    for pipe in ("list", "dump"):
        exchange.pipe(pipe)
    exchange.begin()
    exchange.send("list", place.read(f"{settings.exports_name}/{DUMP}"))
    exchange.send("dump", _reported(place.read(f"{settings.exports_name}/{DUMP}"), manifest["dump"]["bytes"]))
    exchange.succeeded(RESTORE_SECONDS)
    with connect({**own, "password": password_of(settings)}) as connection:
        connection.execute("ANALYZE")
        held = contents(connection)
    wrong = [
        f"{table}: {held['rows'].get(table)} rows instead of {rows}"
        for table, rows in manifest["rows"].items()
        if held["rows"].get(table) != rows
    ]
    if held["schema_revision"] != manifest["schema_revision"]:
        wrong.append(f"schema revision {held['schema_revision']} instead of {manifest['schema_revision']}")
    if wrong:
        raise RestoreError("what was restored is not what was dumped: " + "; ".join(wrong))


def _prepare(settings: RestoreSettings, manifest: dict[str, Any], master: MasterLogin, new: str) -> None:
    """The extensions, and the rights of the application's user, as the bootstrap gives them."""
    if settings.database_master_secret_arn is None:
        with connect({**connection_parameters(settings, master.user, master.password), "dbname": new}) as connection:
            for name in manifest["extensions"]:
                connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {} CASCADE").format(sql.Identifier(name)))
        return
    bootstrap(
        BootstrapSettings.model_construct(
            **{
                **settings.model_dump(include=set(BootstrapSettings.model_fields)),
                "database_name": new,
                "database_extensions": ",".join(manifest["extensions"]),
            }
        ),
        master,
    )


def _reported(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The same, with a line of the log for each tenth."""
    sent = tenth = 0
    for chunk in chunks:
        yield chunk
        sent += len(chunk)
        if size and sent * 10 // size > tenth:
            tenth = sent * 10 // size
            log.info("sent", percent=tenth * 10)


def main() -> int:
    """Restore; returns the process' exit status."""
    errors = (AwsError, LoginError, BootstrapError, RestoreError, PlaceError, ExchangeError, psycopg.Error)
    return run(RestoreSettings, _restore, "restore_failed", errors, "the old database serves, as before")


def _restore(settings: RestoreSettings) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a pod that is deleted still drops what it has begun
    arn = settings.database_master_secret_arn
    if arn is None:
        master = MasterLogin(settings.database_user, password_of(settings))
    else:
        master = master_login(arn, settings.aws_region or "")
    log.info("restored", **restore(settings, place_at(settings.exports_place, settings.aws_region), master))


if __name__ == "__main__":
    sys.exit(main())
