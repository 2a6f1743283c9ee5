"""Secrets stay secrets in outputs, and are never in the account."""

from pathlib import Path

from rehearsal.plugins.wire import Secret, plain
from tests.engine.aws_plugin.resources import DATABASE, INSTANCE, ROLE, TRUST
from tests.engine.plugin_client import Plugin


def test_a_secret_input_is_a_secret_output_and_never_in_the_account(aws: Plugin, rehearsal: Path) -> None:
    made = aws.create(INSTANCE, "db", **DATABASE, password=Secret("hunter2hunter2"))
    assert made.outputs["password"] == Secret("hunter2hunter2")
    role = aws.create(ROLE, "r", assumeRolePolicy=TRUST, tags={"key": Secret("hunter2hunter2")})
    assert isinstance(role.outputs["tagsAll"], Secret)
    assert all("hunter2" not in file.read_text() for file in (rehearsal / "cloud").rglob("*") if file.is_file())


def test_an_output_that_the_sdk_knows_as_secret_is_secret_though_the_input_was_not(aws: Plugin) -> None:
    made = aws.create(INSTANCE, "db", **DATABASE, password="hunter2hunter2")  # noqa: S106 - what is tested
    assert made.outputs["password"] == Secret("hunter2hunter2")


def test_a_write_only_password_shows_in_no_output(aws: Plugin) -> None:
    made = aws.create(INSTANCE, "db", **DATABASE, passwordWo=Secret("hunter2hunter2"), passwordWoVersion=1)
    assert plain(made.outputs.get("passwordWo")) is None
    assert aws.diff(made).changes == aws.diff(made).DIFF_NONE


def test_a_refresh_keeps_secrets(aws: Plugin) -> None:
    made = aws.create(INSTANCE, "db", **DATABASE, password=Secret("hunter2hunter2"))
    assert aws.read(made) == made
