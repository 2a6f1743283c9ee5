"""Migrations and the bootstrap of the database's user, on a real PostgreSQL."""

import io
import json
import re
import threading
from collections.abc import Iterator
from contextlib import redirect_stdout

import boto3  # type: ignore[import-untyped]
import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from moto.server import ThreadedMotoServer

from app.database import SCHEMA_REVISION
from app.migrate import LOCK, configuration
from tests.app.conftest import Place
from tests.app.servers import Application, eventually, run_module

MASTER, MASTER_PASSWORD = "platform_master", 'master "quoted" pass-word'


def migrated(place: Place) -> dict[str, object]:
    """Run the migration; returns its last line of log."""
    ended = run_module("app.migrate", place.environment())
    assert ended.returncode == 0, ended.stdout + ended.stderr
    last: dict[str, object] = json.loads(ended.stdout.splitlines()[-1])
    return last


def test_a_second_migration_finds_nothing_to_do(unmigrated: Place) -> None:
    first, second = migrated(unmigrated), migrated(unmigrated)
    assert (first["event"], first["before"], first["after"]) == ("migrated", None, SCHEMA_REVISION)
    assert (second["event"], second["before"]) == ("nothing_to_migrate", SCHEMA_REVISION)


def test_a_version_that_is_gone_back_to_leaves_a_newer_schema_as_it_is(unmigrated: Place) -> None:
    migrated(unmigrated)
    with unmigrated.postgresql.connect(unmigrated.database) as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
        newer.commit()
    gone_back = migrated(unmigrated)
    assert (gone_back["event"], gone_back["before"]) == ("nothing_to_migrate", "9999")


def test_of_two_migrations_at_once_one_waits_and_then_has_nothing_to_do(unmigrated: Place) -> None:
    results: list[dict[str, object]] = []
    with unmigrated.postgresql.connect(unmigrated.database) as gate:
        gate.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        both = [threading.Thread(target=lambda: results.append(migrated(unmigrated))) for _ in range(2)]
        for one in both:
            one.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        eventually(lambda: unmigrated.postgresql.run(waiting)[0][0] == 2, 20, "both wait")
    for one in both:
        one.join()
    assert sorted(str(result["event"]) for result in results) == ["migrated", "nothing_to_migrate"]


def test_the_application_is_not_ready_before_the_migration(unmigrated: Place) -> None:
    application = Application(unmigrated.environment(), unmigrated.folder)
    try:
        application.start(ready=False)
        eventually(lambda: "database_not_migrated" in application.server.lines(), 5)
        assert application.client.get("/readyz").status_code == 503
        migrated(unmigrated)
        eventually(lambda: application.client.get("/readyz").status_code == 200, 5, "ready after the migration")
    finally:
        application.stop()


def test_the_code_needs_the_newest_migration_that_it_brings() -> None:
    assert ScriptDirectory.from_config(configuration()).get_current_head() == SCHEMA_REVISION


def test_revisions_are_numbered_so_that_later_ones_compare_as_greater() -> None:
    revisions = [script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()]
    assert sorted(revisions, reverse=True) == revisions
    assert all(re.fullmatch(r"\d{4}", revision) for revision in revisions)


def test_migrations_only_expand() -> None:
    with redirect_stdout(io.StringIO()) as text:
        config = configuration()
        config.stdout = text
        config.output_buffer = text
        command.upgrade(config, "head", sql=True)
    statements = text.getvalue()
    assert "CREATE TABLE quotes" in statements
    assert not re.search(
        r"\b(DROP|RENAME|TRUNCATE|(?<!ON )DELETE|SET NOT NULL|ALTER COLUMN \w+ TYPE)\b", statements, re.IGNORECASE
    )


def test_a_migration_that_cannot_log_in_says_why_and_changes_nothing(unmigrated: Place) -> None:
    unmigrated.postgresql.run(f"ALTER DATABASE {unmigrated.database} OWNER TO postgres")
    ended = run_module("app.migrate", unmigrated.environment())  # may log in, but not make tables
    assert ended.returncode == 1
    last = json.loads(ended.stdout.splitlines()[-1])
    assert last["event"] == "migration_failed"
    assert "permission denied for schema public" in last["reason"]


@pytest.fixture(scope="module")
def secrets_manager() -> Iterator[str]:
    """A Secrets Manager on this machine, made by moto; its address."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bootstrap(unmigrated: Place, secrets_manager: str) -> Iterator[dict[str, str]]:
    """A bootstrap's environment, and a database as RDS hands it over: its master is no superuser; rds_iam is there."""
    postgresql = unmigrated.postgresql
    with postgresql.connect() as connection:
        connection.execute(
            psycopg.sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}").format(
                psycopg.sql.Identifier(MASTER), psycopg.sql.Literal(MASTER_PASSWORD)
            )
        )
        connection.execute("CREATE ROLE rds_iam")
        connection.execute(f"GRANT rds_iam TO {MASTER} WITH ADMIN OPTION".encode())
        connection.execute(f"ALTER DATABASE {unmigrated.database} OWNER TO {MASTER}".encode())
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-west-3"}
    client = boto3.client("secretsmanager", endpoint_url=secrets_manager, **credentials)
    secret = client.create_secret(
        Name=unmigrated.database, SecretString=json.dumps({"username": MASTER, "password": MASTER_PASSWORD})
    )
    yield {
        "DATABASE_HOST": "127.0.0.1",
        "DATABASE_PORT": str(postgresql.port),
        "DATABASE_NAME": unmigrated.database,
        "DATABASE_USER": "token_user",
        "DATABASE_TLS": "disable",
        "DATABASE_MASTER_SECRET_ARN": secret["ARN"],
        "AWS_REGION": "eu-west-3",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets_manager,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    postgresql.run(f"DROP DATABASE {unmigrated.database} WITH (FORCE)")
    for role in ("token_user", MASTER, "rds_iam"):
        postgresql.run(f"DROP ROLE IF EXISTS {role}")


def test_the_bootstrap_makes_a_user_that_can_migrate_and_does_nothing_the_second_time(
    unmigrated: Place, bootstrap: dict[str, str]
) -> None:
    first, second = (run_module("app.bootstrap_database", bootstrap) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stdout + first.stderr + second.stdout + second.stderr
    assert json.loads(first.stdout.splitlines()[-1])["made"] == ["role", "membership in rds_iam"]
    assert json.loads(second.stdout.splitlines()[-1])["made"] == []
    assert MASTER_PASSWORD not in first.stdout + first.stderr

    rights = unmigrated.postgresql.run(
        "SELECT rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, pg_has_role('token_user', 'rds_iam', 'MEMBER') "
        "FROM pg_roles WHERE rolname = 'token_user'"
    )
    assert rights == [(True, False, False, False, True)]
    # On RDS this user logs in with a token; here it gets a password to see that its rights are enough.
    unmigrated.postgresql.run("ALTER ROLE token_user PASSWORD 'p'")
    unmigrated.password_file.write_text("p")
    ended = run_module("app.migrate", unmigrated.environment(DATABASE_USER="token_user"))
    assert ended.returncode == 0, ended.stdout
    owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'quotes'"
    assert unmigrated.postgresql.run(owner, unmigrated.database) == [("token_user",)]


def test_the_bootstrap_makes_the_view_of_slow_statements_where_the_master_may(
    unmigrated: Place, bootstrap: dict[str, str]
) -> None:
    # Of PostgreSQL itself only a superuser may; of RDS its master.
    refused = run_module("app.bootstrap_database", bootstrap)
    assert refused.returncode == 0
    assert "no_statement_statistics" in refused.stdout
    unmigrated.postgresql.run(f"ALTER ROLE {MASTER} SUPERUSER")
    allowed = run_module("app.bootstrap_database", bootstrap)
    assert json.loads(allowed.stdout.splitlines()[-1])["made"] == ["pg_stat_statements"]
    extension = "SELECT extname FROM pg_extension WHERE extname = 'pg_stat_statements'"
    assert unmigrated.postgresql.run(extension, unmigrated.database) == [("pg_stat_statements",)]


def test_the_bootstrap_makes_the_extensions_that_it_is_told_and_those_that_they_need(
    unmigrated: Place, bootstrap: dict[str, str]
) -> None:
    wanted = {**bootstrap, "DATABASE_EXTENSIONS": "pg_trgm,uuid-ossp"}
    first, second = (run_module("app.bootstrap_database", wanted) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stdout + second.stdout
    assert json.loads(first.stdout.splitlines()[-1])["made"][-2:] == ["pg_trgm", "uuid-ossp"]
    assert json.loads(second.stdout.splitlines()[-1])["made"] == []

    unmigrated.postgresql.run(f"ALTER ROLE {MASTER} SUPERUSER")  # on RDS the master may make these, too
    more = run_module("app.bootstrap_database", {**wanted, "DATABASE_EXTENSIONS": "earthdistance,cube"})
    assert more.returncode == 0, more.stdout
    found = unmigrated.postgresql.run("SELECT extname FROM pg_extension", unmigrated.database)
    assert {"pg_trgm", "uuid-ossp", "earthdistance", "cube"} <= {name for (name,) in found}


def test_the_bootstrap_fails_for_an_extension_that_the_server_does_not_have(bootstrap: dict[str, str]) -> None:
    ended = run_module("app.bootstrap_database", {**bootstrap, "DATABASE_EXTENSIONS": "no_such_extension"})
    assert ended.returncode == 1
    assert "no_such_extension" in ended.stdout
    ended = run_module("app.bootstrap_database", {**bootstrap, "DATABASE_EXTENSIONS": "pg_trgm;drop"})
    assert ended.returncode == 2
    assert ended.stderr.startswith("DATABASE_EXTENSIONS:")


def test_the_bootstrap_refuses_to_make_the_master_the_applications_user(bootstrap: dict[str, str]) -> None:
    ended = run_module("app.bootstrap_database", {**bootstrap, "DATABASE_USER": MASTER})
    assert ended.returncode == 1
    assert "give the application a user of its own" in ended.stdout


def test_the_bootstrap_names_a_secret_that_it_cannot_read(bootstrap: dict[str, str]) -> None:
    arn = "arn:aws:secretsmanager:eu-west-3:111122223333:secret:nothing-AbCdEf"
    ended = run_module("app.bootstrap_database", {**bootstrap, "DATABASE_MASTER_SECRET_ARN": arn})
    assert ended.returncode == 1
    assert arn in ended.stdout
    assert "Traceback" not in ended.stderr


def test_the_bootstrap_lists_every_fault_of_its_environment() -> None:
    ended = run_module("app.bootstrap_database", {"DATABASE_USER": "rdsadmin", "DATABASE_TLS": "disable"})
    assert ended.returncode == 2
    assert [line.split(":")[0] for line in ended.stderr.splitlines()] == [
        "AWS_REGION", "DATABASE_HOST", "DATABASE_MASTER_SECRET_ARN", "DATABASE_NAME", "DATABASE_USER",
    ]  # fmt: skip
