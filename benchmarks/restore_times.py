"""`python -m benchmarks.restore_times [ROWS]`: how long a dump and a restore take for each GiB, on a real PostgreSQL.

Part of `make bench`; alone it only prints. By the two processes that share a pod (app/exports), with the application's own schema
and its indexes. What S3, a network and a pod's limits add is not in it, and larger databases are not measured: the figure is for
small ones.
"""

import datetime
import os
import platform
import sys
import tempfile
from pathlib import Path

import psutil

from tests.app.conftest import PASSWORD, USER
from tests.app.servers import PostgreSql, run_module, stopping
from tests.ops.servers import dumping, restoring

MEBIBYTE, GIBIBYTE = 2**20, 2**30
QUOTES = 400_000
"""Rows: some 200 MiB with their indexes."""

_FILL = """
    INSERT INTO quotes (author, text, language)
    SELECT 'Author ' || n % 5000, (SELECT string_agg(md5((n * k)::text), ' ') FROM generate_series(1, 4) AS k), 'en'
    FROM generate_series(1, {quotes}) AS n
"""


TITLE = "Dump and restore of the database"
"""Of the section in docs/benchmarks.md."""


def report(quotes: int = QUOTES) -> list[str]:
    """Fill, dump, restore; returns the section of docs/benchmarks.md. Raises SystemExit where the schema can't be made."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="restore-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "postgresql").mkdir()
        server = PostgreSql(folder / "postgresql")
        with stopping(server):
            server.start()
            server.run(f"CREATE ROLE {USER} LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
            server.run(f"CREATE DATABASE quotes OWNER {USER}")
            (folder / "password").write_text(PASSWORD)
            environment = {
                "DATABASE_HOST": "127.0.0.1",
                "DATABASE_PORT": str(server.port),
                "DATABASE_NAME": "quotes",
                "DATABASE_USER": USER,
                "DATABASE_AUTHENTICATION": "password",
                "DATABASE_PASSWORD_FILE": str(folder / "password"),
                "DATABASE_TLS": "disable",
            }
            migrated = run_module("app.migrate", environment)
            if migrated.returncode:
                raise SystemExit(migrated.stdout + migrated.stderr)
            server.run(_FILL.format(quotes=quotes), "quotes")
            server.run("VACUUM ANALYZE quotes", "quotes")
            size: int = server.run("SELECT pg_database_size('quotes')")[0][0]
            version: int = int(server.run("SHOW server_version_num")[0][0]) // 10000
            told = {"EXPORTS_PLACE": str(folder / "copies"), "EXPORTS_NAME": "copy"}
            dumped = dumping(folder / "a", environment, seconds=3600, **told).event("dumped")
            restored = restoring(folder / "b", environment, seconds=3600, **told).event("restored")
    scale = size / GIBIBYTE
    return [
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {os.cpu_count()} cores, "
        f"{psutil.virtual_memory().total / GIBIBYTE:.0f} GiB, {platform.system()}, PostgreSQL {version}, "
        "`python -m benchmarks.restore_times`, part of `make bench`: real pg_dump and pg_restore "
        "through the two processes of a pod, a folder in S3's place, nothing tuned, one run. For each GiB it is "
        "computed from this small one: indexes grow a little faster than rows, "
        "a pod has half a core, and S3 and a network are not in it.",
        "",
        "| database | dump | dumping, for each GiB | restoring (checksum, load, indexes, comparison), for each GiB | load |",
        "|---|---|---|---|---|",
        f"| {size / MEBIBYTE:.0f} MiB, {quotes} rows | {dumped['bytes'] / MEBIBYTE:.0f} MiB | {dumped['seconds']:.1f} s, "
        f"{dumped['seconds'] / scale / 60:.1f} min | {restored['seconds']:.1f} s, {restored['seconds'] / scale / 60:.1f} min | "
        f"{load:.0f} |",
    ]


if __name__ == "__main__":
    print("\n".join(report(*(int(word) for word in sys.argv[1:]))))
