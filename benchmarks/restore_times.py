"""`python -m benchmarks.restore_times`: how long a dump and a restore take for each GiB, on a real PostgreSQL and a folder.

By the two processes that share a pod (app/exports), with the application's own schema and its indexes.
What S3, a network and a pod's limits add is not in it, and larger databases are not measured: the figure is for small ones.
"""

import os
import sys
import tempfile
from pathlib import Path

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


def main(quotes: int) -> None:
    """Fill, dump, restore; print a row of docs/benchmarks.md."""
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
            told = {"EXPORTS_PLACE": str(folder / "copies"), "EXPORTS_NAME": "copy"}
            dumped = dumping(folder / "a", environment, seconds=3600, **told).event("dumped")
            restored = restoring(folder / "b", environment, seconds=3600, **told).event("restored")
    scale = size / GIBIBYTE
    print(
        f"| {size / MEBIBYTE:.0f} MiB, {quotes} rows | {dumped['bytes'] / MEBIBYTE:.0f} MiB | {dumped['seconds']:.1f} s, "
        f"{dumped['seconds'] / scale / 60:.1f} min | {restored['seconds']:.1f} s, {restored['seconds'] / scale / 60:.1f} min | "
        f"{os.getloadavg()[0]:.0f} |"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else QUOTES)
