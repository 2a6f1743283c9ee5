"""Dumps and restores on a real PostgreSQL and moto's S3, by the two processes that share a pod."""

import hashlib
import secrets
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from app.exports.place import S3, Folder, PlaceError, place_at
from app.exports.switch import change_places
from tests.app.conftest import PASSWORD, USER, Place, cache, place, postgresql, temporary_folder  # noqa: F401
from tests.app.servers import Application, stopping
from tests.ops.servers import amazon, aws_environment, client, databases, dumping, restoring

BUCKET = "exports"
MASTER = "master"


@dataclass
class Pods:
    """Where pods run: a migrated database with quotes in it, a bucket, and a master that is no superuser, as on RDS."""

    place: Place
    endpoint: str
    environment: dict[str, str]

    def kept(self) -> list[str]:
        found = client(self.endpoint, "s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return sorted(each["Key"] for each in found)


@pytest.fixture(scope="module")
def pods(place: Place) -> Iterator[Pods]:  # noqa: F811
    server, word = place.postgresql, secrets.token_urlsafe(16)
    with amazon() as endpoint:
        client(endpoint, "s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-3"}
        )
        server.run(f"CREATE ROLE {MASTER} LOGIN CREATEDB CREATEROLE PASSWORD '{word}'")
        server.run(f"GRANT pg_signal_backend TO {MASTER}")
        server.run(f"ALTER DATABASE {place.database} OWNER TO {MASTER}")
        server.run(f"GRANT CREATE ON SCHEMA public TO {USER}", place.database)
        secret = client(endpoint, "secretsmanager").create_secret(
            Name="rds!db-1", SecretString=f'{{"username": "{MASTER}", "password": "{word}"}}'
        )
        kept = ("DATABASE_HOST", "DATABASE_PORT", "DATABASE_NAME", "DATABASE_USER", "DATABASE_AUTHENTICATION")
        own = place.environment()
        environment = {name: own[name] for name in (*kept, "DATABASE_PASSWORD_FILE", "DATABASE_TLS")}
        environment |= {**aws_environment(endpoint), "EXPORTS_PLACE": f"s3://{BUCKET}/database"}
        yield Pods(place, endpoint, {**environment, "MASTER": secret["ARN"]})


@pytest.fixture
def filled(pods: Pods) -> Iterator[Pods]:
    pods.place.postgresql.run(
        "INSERT INTO quotes (author, text, language) SELECT 'Seneca', 'Quote ' || n, 'en' FROM generate_series(1, 3000) n",
        pods.place.database,
    )
    yield pods
    pods.place.empty()


def _quotes(pods: Pods, database: str | None = None) -> int:
    count: int = pods.place.postgresql.run("SELECT count(*) FROM quotes", database or pods.place.database)[0][0]
    return count


def _master(pods: Pods) -> dict[str, str]:
    return {"DATABASE_MASTER_SECRET_ARN": pods.environment["MASTER"]}


def test_a_dump_is_restored_and_takes_the_old_databases_place_while_the_application_runs(
    filled: Pods, tmp_path: Path
) -> None:
    application = Application(filled.place.environment(), tmp_path)
    with stopping(application):
        application.start()
        filled.place.sign_in(application)
        kept = application.add()["id"]
        made = dumping(tmp_path / "a", filled.environment, EXPORTS_NAME="before")
        assert made.status == 0, made.output + made.postgresql_words
        assert made.postgresql_status == 0
        application.client.delete(f"/quotes/{kept}")
        assert application.client.get(f"/quotes/{kept}").status_code == 404

        done = restoring(tmp_path / "b", filled.environment, EXPORTS_NAME="before", **_master(filled))
        assert done.status == 0, done.output + done.postgresql_words
        told = done.event("restored")
        assert told["database"] == filled.place.database
        assert told["rows"] >= 3001

        # The application's connections were ended; it makes new ones by the same name.
        assert application.client.get(f"/quotes/{kept}").status_code == 200
        assert application.add()["id"] > kept, "sequences go on where they were"
        assert _quotes(filled, told["kept"]) == 3000, "the old one is kept as it was"
        filled.place.postgresql.run(f"DROP DATABASE {told['kept']}")


def test_the_manifest_counts_the_rows_of_the_dump_and_not_those_that_came_meanwhile(
    filled: Pods, tmp_path: Path
) -> None:
    stop, written = threading.Event(), []

    def write() -> None:
        while not stop.wait(0.01):
            filled.place.postgresql.run(
                "INSERT INTO quotes (author, text, language) VALUES ('M', 'x', 'en')", filled.place.database
            )
            written.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = dumping(tmp_path / "a", filled.environment, EXPORTS_NAME="busy")
    finally:
        stop.set()
        writer.join()
    assert made.status == 0, made.output + made.postgresql_words
    assert written
    done = restoring(tmp_path / "b", filled.environment, EXPORTS_NAME="busy", RESTORE_INTO="beside", **_master(filled))
    assert done.status == 0, done.output + done.postgresql_words
    assert 3000 <= _quotes(filled, "beside") <= 3000 + len(written) == _quotes(filled)
    assert done.event("restored")["kept"] is None, "asked for beside, nothing changed places"
    filled.place.postgresql.run("DROP DATABASE beside")


def test_a_dump_that_pg_dump_gave_up_leaves_no_copy(filled: Pods, tmp_path: Path) -> None:
    # It may read the tables that it counts, and not this one: pg_dump fails half-way.
    filled.place.postgresql.run("CREATE TABLE secret (x int)", filled.place.database)
    try:
        made = dumping(tmp_path, filled.environment, EXPORTS_NAME="broken")
    finally:
        filled.place.postgresql.run("DROP TABLE secret", filled.place.database)
    assert made.status == 1
    assert "PostgreSQL's program failed" in made.event("dump_failed")["reason"]
    assert "permission denied" in made.postgresql_words
    assert not [key for key in filled.kept() if "broken" in key]


def test_a_dump_that_was_changed_where_it_lies_touches_nothing(filled: Pods, tmp_path: Path) -> None:
    assert dumping(tmp_path / "a", filled.environment, EXPORTS_NAME="changed").status == 0
    s3, key, before = (
        client(filled.endpoint, "s3"),
        "database/changed/database.dump",
        databases(filled.place.postgresql),
    )
    body = bytearray(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    body[-100] ^= 1
    s3.put_object(Bucket=BUCKET, Key=key, Body=bytes(body))
    done = restoring(tmp_path / "b", filled.environment, EXPORTS_NAME="changed", **_master(filled))
    assert done.status == 1
    assert "another SHA-256" in done.event("restore_failed")["reason"]
    assert databases(filled.place.postgresql) == before


def test_what_is_restored_and_lacks_rows_is_dropped_and_the_old_database_serves(filled: Pods, tmp_path: Path) -> None:
    assert dumping(tmp_path / "a", filled.environment, EXPORTS_NAME="short").status == 0
    s3, key, before = client(filled.endpoint, "s3"), "database/short/manifest.json", databases(filled.place.postgresql)
    text = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()
    s3.put_object(Bucket=BUCKET, Key=key, Body=text.replace('"public.quotes": 3000', '"public.quotes": 3001').encode())
    done = restoring(tmp_path / "b", filled.environment, EXPORTS_NAME="short", **_master(filled))
    assert done.status == 1
    assert "public.quotes: 3000 rows instead of 3001" in done.event("restore_failed")["reason"]
    assert databases(filled.place.postgresql) == before
    assert _quotes(filled) == 3000


def test_a_restore_that_pg_restore_gave_up_drops_what_it_began(filled: Pods, tmp_path: Path) -> None:
    filled.place.postgresql.run("CREATE ROLE reporter", filled.place.database)
    filled.place.postgresql.run("GRANT SELECT ON quotes TO reporter", filled.place.database)
    assert dumping(tmp_path / "a", filled.environment, EXPORTS_NAME="grants").status == 0
    filled.place.postgresql.run("REVOKE ALL ON quotes FROM reporter", filled.place.database)
    filled.place.postgresql.run("DROP ROLE reporter", filled.place.database)
    before = databases(filled.place.postgresql)
    done = restoring(tmp_path / "b", filled.environment, EXPORTS_NAME="grants", **_master(filled))
    assert done.status == 1
    assert 'role "reporter" does not exist' in done.postgresql_words
    assert databases(filled.place.postgresql) == before
    assert _quotes(filled) == 3000


def test_a_dump_of_a_newer_schema_is_refused_before_anything_is_made(filled: Pods, tmp_path: Path) -> None:
    database, server = filled.place.database, filled.place.postgresql
    before = databases(server)
    server.run("UPDATE alembic_version SET version_num = '9999'", database)
    try:
        assert dumping(tmp_path / "a", filled.environment, EXPORTS_NAME="newer").status == 0
    finally:
        server.run("UPDATE alembic_version SET version_num = '0004'", database)
    done = restoring(tmp_path / "b", filled.environment, EXPORTS_NAME="newer", **_master(filled))
    assert done.status == 1
    assert "deploy the newer image first" in done.event("restore_failed")["reason"]
    assert databases(server) == before


def test_a_name_that_is_taken_and_a_copy_that_is_not_there_are_refused(filled: Pods, tmp_path: Path) -> None:
    assert dumping(tmp_path / "a", filled.environment, EXPORTS_NAME="once").status == 0
    again = dumping(tmp_path / "b", filled.environment, EXPORTS_NAME="once")
    assert "there is a copy once already" in again.event("dump_failed")["reason"]
    missing = restoring(tmp_path / "c", filled.environment, EXPORTS_NAME="never", **_master(filled))
    assert "database/never/manifest.json can't be read" in missing.event("restore_failed")["reason"]


def test_no_password_is_in_the_log_or_left_for_other_users(filled: Pods, tmp_path: Path) -> None:
    made = dumping(tmp_path, filled.environment, EXPORTS_NAME="quiet")
    assert made.status == 0
    assert PASSWORD not in made.output + made.postgresql_words
    assert (tmp_path / "exchange" / "passwords").stat().st_mode & 0o077 == 0


def test_a_folder_will_do_where_there_is_no_bucket(filled: Pods, tmp_path: Path) -> None:
    place_ = {"EXPORTS_PLACE": str(tmp_path / "copies"), "EXPORTS_NAME": "here"}
    assert dumping(tmp_path / "a", filled.environment, **place_).status == 0
    listed = subprocess.run(
        ["pg_restore", "--list", str(tmp_path / "copies" / "here" / "database.dump")],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert " TABLE DATA public quotes " in listed
    done = restoring(tmp_path / "b", filled.environment, **place_, **_master(filled), RESTORE_INTO="beside")
    assert done.status == 0, done.output + done.postgresql_words
    assert _quotes(filled, "beside") == 3000
    filled.place.postgresql.run("DROP DATABASE beside")


def test_a_database_that_cannot_change_its_name_takes_connections_again(filled: Pods) -> None:
    server = filled.place.postgresql
    with server.connect() as connection, pytest.raises(psycopg.errors.InvalidCatalogName):
        change_places(connection, filled.place.database, "not_there", "kept")
    assert _quotes(filled) == 3000
    assert "kept" not in databases(server)


def test_a_large_file_goes_in_parts_and_one_that_fails_half_way_leaves_none(
    pods: Pods, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in aws_environment(pods.endpoint).items():
        monkeypatch.setenv(name, value)
    least = 5 * 1024 * 1024  # S3 takes no smaller part but the last
    place_ = S3(BUCKET, "parts", "eu-west-3", part_bytes=least)
    content = secrets.token_bytes(2 * least + 1234)
    pieces = [content[at : at + 999_999] for at in range(0, len(content), 999_999)]
    written = place_.write("whole", pieces)
    assert (written.bytes, written.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert b"".join(place_.read("whole")) == content
    assert client(pods.endpoint, "s3").head_object(Bucket=BUCKET, Key="parts/whole")["ETag"].endswith('-3"')

    def fails() -> Iterator[bytes]:
        yield content
        raise PlaceError("gone")

    with pytest.raises(PlaceError, match="gone"):
        place_.write("half", fails())
    assert place_.size("half") is None
    assert not client(pods.endpoint, "s3").list_multipart_uploads(Bucket=BUCKET).get("Uploads")


def test_a_place_that_keeps_less_than_was_sent_is_noticed(tmp_path: Path) -> None:
    class Short(Folder):
        def _write(self, path: str, chunks: Iterator[bytes]) -> None:
            super()._write(path, iter(list(chunks)[:-1]))

    with pytest.raises(PlaceError, match="has 1 bytes where it lies, and 2 were sent"):
        Short(tmp_path).write("file", [b"a", b"b"])


@pytest.mark.parametrize("address", ["s3://", "exports", "https://example.com/exports"])
def test_an_address_that_is_no_place_is_refused(address: str) -> None:
    with pytest.raises(PlaceError, match="is no place for copies"):
        place_at(address)
