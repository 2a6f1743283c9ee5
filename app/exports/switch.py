"""Two databases of one server change places: the new one takes the name, the old one stays beside it."""

import time
from typing import Any

import psycopg
from psycopg import sql

ATTEMPTS = 5
"""A connection that began before the door was shut may end a moment later."""


def change_places(connection: psycopg.Connection[Any], serving: str, new: str, kept: str) -> None:
    """Give `new` the name of `serving`, and that one the name `kept`: both in one transaction, or nothing.

    Sessions of the old one are ended, and nobody gets in while the names change: a second, for which clients wait. The
    connection is to another database of the same server, by an owner of both. Raises psycopg's errors, after the old one takes
    connections again.
    """
    _let_in(connection, serving, False)
    try:
        for attempt in range(1, ATTEMPTS + 1):
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY(%s)", ([serving, new],)
            )
            try:
                with connection.transaction():
                    _rename(connection, serving, kept)
                    _rename(connection, new, serving)
                break
            except psycopg.errors.ObjectInUse:
                if attempt == ATTEMPTS:
                    raise
                time.sleep(0.2)
    except BaseException:
        _let_in(connection, serving, True)
        raise
    _let_in(connection, kept, True)


def _let_in(connection: psycopg.Connection[Any], database: str, yes: bool) -> None:
    connection.execute(
        sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(sql.Identifier(database), sql.Literal(yes))
    )


def _rename(connection: psycopg.Connection[Any], old: str, new: str) -> None:
    connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new)))
