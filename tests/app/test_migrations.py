"""Migrations and the bootstrap of the database's user, on a real PostgreSQL."""

import io
import json
import re
import threading
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

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
        asking = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{unmigrated.database}' AND application_name = 'quotes'"  # noqa: S608
        eventually(lambda: unmigrated.postgresql.run(asking)[0][0] == 2, what="both wait")
        assert results == []
    for one in both:
        one.join()
    assert sorted(str(result["event"]) for result in results) == ["migrated", "nothing_to_migrate"]


def test_who_has_nothing_to_log_in_with_says_so_in_the_log(tmp_path: Path) -> None:
    empty = tmp_path / "password"
    empty.touch()
    server = {"DATABASE_HOST": "127.0.0.1", "DATABASE_NAME": "quotes", "DATABASE_USER": "app"}
    ways = {
        "no AWS credentials found": {"DATABASE_AUTHENTICATION": "iam", "AWS_REGION": "eu-west-3"},
        "is empty; a secret was expected in it": {
            "DATABASE_AUTHENTICATION": "password",
            "DATABASE_PASSWORD_FILE": str(empty),
        },
    }
    for reason, way in ways.items():
        nowhere = {"DATABASE_TLS_CA_FILE": __file__, "AWS_EC2_METADATA_DISABLED": "true"}
        ended = run_module("app.migrate", {**server, **way, **nowhere})
        last = json.loads(ended.stdout.splitlines()[-1])
        assert (ended.returncode, last["event"], ended.stderr) == (1, "migration_failed", "")
        assert reason in last["reason"]


def test_the_application_is_not_ready_before_the_migration(unmigrated: Place) -> None:
    application = Application(unmigrated.environment(), unmigrated.folder)
    try:
        application.start(ready=False)
        eventually(lambda: "database_not_migrated" in application.server.lines())
        assert application.client.get("/readyz").status_code == 503
        migrated(unmigrated)
        eventually(lambda: application.client.get("/readyz").status_code == 200, what="ready after the migration")
    finally:
        application.stop()


def test_the_code_needs_the_newest_migration_that_it_brings() -> None:
    assert ScriptDirectory.from_config(configuration()).get_current_head() == SCHEMA_REVISION


def test_revisions_are_numbered_so_that_later_ones_compare_as_greater() -> None:
    revisions = [script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()]
    assert sorted(revisions, reverse=True) == revisions
    assert all(re.fullmatch(r"\d{4}", revision) for revision in revisions)


def test_quotes_of_the_version_before_are_kept_found_and_read_only(unmigrated: Place) -> None:
    """Those that were there before the migration, and those that the old version adds while both run."""
    migrated(unmigrated)
    # As the version before left them: its own statement, and no trigger yet.
    old = "INSERT INTO quotes (author, text) VALUES ('{}', '{}') RETURNING id, author, text, created_at"
    database, run = unmigrated.database, unmigrated.postgresql.run
    run("ALTER TABLE quotes DISABLE TRIGGER quotes_document", database)
    for text in ("The horses of the night", "Les chevaux de la nuit"):
        run(old.format("Seneca", text), database)
    run("INSERT INTO quotes (author, text) SELECT 'x', 'river of ' || n FROM generate_series(1, 2500) AS n", database)
    run("ALTER TABLE quotes ENABLE TRIGGER quotes_document", database)
    run("DROP INDEX quotes_by_document", database)
    run("UPDATE alembic_version SET version_num = '0003'", database)
    assert run("SELECT count(*) FROM quotes WHERE document IS NULL", database) == [(2502,)]
    assert migrated(unmigrated)["after"] == SCHEMA_REVISION
    run(old.format("Seneca", "Les chats de la nuit"), database)
    found = "SELECT text, language, owner FROM quotes WHERE document @@ websearch_to_tsquery('quotes_fr', 'nuits') ORDER BY id"
    assert run(found, database) == [("Les chevaux de la nuit", "fr", None), ("Les chats de la nuit", "fr", None)]
    assert run("SELECT count(*) FROM quotes WHERE document IS NULL OR language IS NULL", database) == [(0,)]


def test_an_index_that_an_interrupted_migration_left_behind_is_made_anew(unmigrated: Place) -> None:
    migrated(unmigrated)
    run, database = unmigrated.postgresql.run, unmigrated.database
    run("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'quotes_by_document'::regclass", database)
    run("UPDATE alembic_version SET version_num = '0003'", database)
    migrated(unmigrated)
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'quotes_by_document'::regclass"
    assert run(valid, database) == [(True,)]


def test_a_migration_that_fails_leaves_no_half_of_a_revision(unmigrated: Place) -> None:
    run, database = unmigrated.postgresql.run, unmigrated.database
    run("CREATE TEXT SEARCH CONFIGURATION quotes_fr (COPY = french)", database)  # is in the way of 0003's second half
    ended = run_module("app.migrate", unmigrated.environment())
    assert ended.returncode == 1
    assert "quotes_fr" in ended.stdout
    assert run("SELECT version_num FROM alembic_version", database) == [("0002",)]
    assert run("SELECT 1 FROM pg_ts_config WHERE cfgname = 'quotes_en'", database) == []
    run("DROP TEXT SEARCH CONFIGURATION quotes_fr", database)
    assert migrated(unmigrated)["before"] == "0002"


def test_writes_go_on_while_the_index_is_made(unmigrated: Place) -> None:
    """The migration waits for a transaction that has begun before; nobody who comes later waits for the migration."""
    migrated(unmigrated)
    run, database = unmigrated.postgresql.run, unmigrated.database
    run("DROP INDEX quotes_by_document", database)
    run("UPDATE alembic_version SET version_num = '0003'", database)
    results: list[dict[str, object]] = []
    with unmigrated.postgresql.transaction(database) as older:
        older.execute("INSERT INTO quotes (author, text) VALUES ('a', 'older')")
        running = threading.Thread(target=lambda: results.append(migrated(unmigrated)))
        running.start()
        making = "SELECT count(*) FROM pg_stat_progress_create_index"
        eventually(lambda: run(making, database)[0][0] == 1, what="the index is being made")
        run("INSERT INTO quotes (author, text) VALUES ('a', 'newer')", database)
        assert results == []
        older.commit()
    running.join()
    assert results[0]["after"] == SCHEMA_REVISION
    assert run("SELECT count(*) FROM quotes", database) == [(2,)]


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
    assert json.loads(first.stdout.splitlines()[-1])["made"] == ["role", "membership in rds_iam", "unaccent"]
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
