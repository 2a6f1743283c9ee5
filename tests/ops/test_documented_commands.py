"""What the documents tell people to type after `aws` and `python -m ops`, read by the programs' own parsers and models.

The other commands are read by tests/unit/test_documented_commands.py.
"""

import shlex
from collections.abc import Iterator
from pathlib import Path

import botocore.session  # type: ignore[import-untyped]
import click
import pytest
import typer
from botocore import xform_name
from botocore.exceptions import UnknownServiceError  # type: ignore[import-untyped]

from ops.__main__ import app
from tests.unit.documents import DOCUMENTS, commands, mentioned, named, shell

PLACES = {"COMMAND", "..."}
"""Where a reader puts a command."""

OWN = {"eks get-token", "eks update-kubeconfig", "ecr get-login-password", "sso login", "s3 cp", "s3 ls", "s3 sync"}
"""What the AWS CLI adds to the API's operations; with any options."""

EVERYWHERE = {"--query", "--output", "--region", "--profile", "--no-cli-pager"}
"""Options of every command of `aws` ("AWS CLI: Global options")."""

OPS = typer.main.get_command(app)
AWS = botocore.session.get_session()


def documented(document: Path) -> Iterator[list[str]]:
    """Every command of a page, in its blocks and in its sentences."""
    yield from shell(document)
    yield from mentioned(document, "aws", "python", "ops", "make")


def as_ops(command: list[str]) -> list[str] | None:
    """The words that reach `ops`; None where the command is another one."""
    match command:
        case ["python", "-m", "ops", *words]:
            return words
        case ["make", "ops", *settings]:
            given = dict(setting.split("=", 1) for setting in settings)
            return [*shlex.split(given.get("COMMAND", "--help")), "--stack", given.get("STACK", "prod")]
    return None


def refused_by_ops(words: list[str]) -> str | None:
    """What `ops` says against its words before it does anything; None when it would begin."""
    if words[:1] and words[0] in PLACES:
        return None
    context = click.Context(OPS)
    current: click.Command = OPS
    try:
        while isinstance(current, click.Group) and words and not words[0].startswith("-"):
            name, found, words = current.resolve_command(context, words)
            assert name is not None
            assert found is not None
            current, context = found, click.Context(found, parent=context, info_name=name)
        if not isinstance(current, click.Group):
            current.make_context(current.name, list(words), parent=context.parent)
    except click.exceptions.Exit:
        return None  # --help
    except click.ClickException as error:
        return f"{' '.join(words)}: {error.format_message()}"
    return None


def refused_by_aws(command: list[str]) -> str | None:
    """What the model of AWS's API says against a command; None when the operation and its parameters exist."""
    said, (_, service, operation, *words) = " ".join(command), command
    if f"{service} {operation}" in OWN:
        return None
    try:
        model = AWS.get_service_model("s3" if service == "s3api" else service)
    except UnknownServiceError:
        return f"{said}: AWS has no service {service}"
    if operation == "wait":
        waiters = AWS.get_waiter_model(service)
        by_name = {xform_name(name, "-"): waiters.get_waiter(name).operation for name in waiters.waiter_names}
        if words[0] not in by_name:
            return f"{said}: {service} has no waiter {words[0]}"
        api, words = by_name[words[0]], words[1:]
    else:
        operations = {xform_name(name, "-"): name for name in model.operation_names}
        if operation not in operations:
            return f"{said}: {service} has no operation {operation}"
        api = operations[operation]
    shape = model.operation_model(api).input_shape
    known = {f"--{xform_name(name, '-')}" for name in (shape.members if shape else [])}
    known |= EVERYWHERE | {f"--no-{name.removeprefix('--')}" for name in known}
    unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in known]
    return f"{said}: {operation} has no {', '.join(unknown)}" if unknown else None


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_command_of_aws_exists_with_its_options(document: Path) -> None:
    found = [command for command in documented(document) if command[0] == "aws" and len(command) > 2]
    assert [why for command in found if (why := refused_by_aws(command))] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_day_2_command_exists_and_takes_its_arguments(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK", "prod")  # a sentence may leave the stack to its reader
    found = [words for command in documented(document) if (words := as_ops(command)) is not None]
    assert [why for words in found if (why := refused_by_ops(words))] == []


@pytest.mark.parametrize(
    "wrong",
    [
        "aws rdss describe-db-instances",
        "aws rds describe-databases",
        "aws rds reboot-db-instance --db-instance NAME",
        "aws rds wait db-instance-ready --db-instance-identifier NAME",
    ],
)
def test_a_command_that_aws_does_not_know_is_found_out(wrong: str) -> None:
    assert [refused_by_aws(command) for command in commands(wrong)] != [None]


@pytest.mark.parametrize(
    "wrong", ["python -m ops heal --stack dev", "python -m ops health", "python -m ops health --stack dev --quick"]
)
def test_a_day_2_command_that_does_not_exist_is_found_out(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STACK", raising=False)
    [words] = [as_ops(command) for command in commands(wrong)]
    assert words is not None
    assert refused_by_ops(words)


def test_a_day_2_command_that_exists_is_let_through() -> None:
    for right in ("python -m ops health --stack dev", 'make ops COMMAND="health --rehearsed" STACK=dev', "make ops"):
        [words] = [as_ops(command) for command in commands(right)]
        assert words is not None
        assert refused_by_ops(words) is None
