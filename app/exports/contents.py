"""What a database holds, in figures by which a dump and what was restored from it are compared."""

from typing import Any

import psycopg
from psycopg import sql

_TABLES = """
    SELECT namespace.nspname, relation.relname
    FROM pg_class AS relation JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
    WHERE relation.relkind = 'r' AND relation.relpersistence <> 't'
      AND namespace.nspname NOT LIKE 'pg\\_%' AND namespace.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = relation.oid AND deptype = 'e')
    ORDER BY 1, 2
"""
"""Ordinary tables and partitions, but none that an extension brings along."""


def contents(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Rows of each table, the schema's revision, extensions, and the bytes that it all takes. Raises psycopg's errors."""
    rows = {}
    for schema, table in connection.execute(_TABLES.encode()).fetchall():
        count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
        rows[f"{schema}.{table}"] = _one(connection, count)
    return {
        "rows": rows,
        "schema_revision": revision(connection) if "public.alembic_version" in rows else None,
        "extensions": [
            name
            for (name,) in connection.execute("SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1")
        ],
        "database_bytes": _one(connection, sql.SQL("SELECT pg_database_size(current_database())")),
        "server_version": connection.info.server_version // 10000,
    }


def revision(connection: psycopg.Connection[Any]) -> str | None:
    """Of the schema, as the migrations left it."""
    found: str | None = _one(connection, sql.SQL("SELECT max(version_num) FROM alembic_version"))
    return found


def _one(connection: psycopg.Connection[Any], question: sql.SQL | sql.Composed) -> Any:
    row = connection.execute(question).fetchone()
    return row[0] if row else None
