"""Every command of `ops` that a document or a --help names can be typed as it stands there."""

import re
import shlex
from pathlib import Path

import click
import pytest
import typer
from typer.testing import CliRunner

from ops.__main__ import app
from rehearsal import places

COMMAND = re.compile(r"python -m ops ([^`\n]+)`")

PAGES = sorted(
    page
    for page in [
        *places.repository().glob("docs/**/*.md"),
        *places.repository().glob("ops/*.py"),
        places.repository() / "README.md",
    ]
    if COMMAND.search(page.read_text())
)

commands = typer.main.get_command(app)
assert isinstance(commands, click.Group)


def words_of(page: Path) -> list[list[str]]:
    return [
        shlex.split(found) for found in COMMAND.findall(page.read_text()) if not found.startswith(("COMMAND", "--"))
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(places.repository())))
def test_what_a_document_says_to_type_is_understood(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK", "prod")  # a sentence need not name the stack
    for name, *arguments in words_of(page):
        assert isinstance(commands, click.Group)
        assert name in commands.commands, f"{page}: {name}"
        commands.commands[name].make_context(name, arguments)


def test_a_command_that_is_not_there_is_found_out() -> None:
    assert isinstance(commands, click.Group)
    assert "destroy-everything" not in commands.commands
    with pytest.raises(click.UsageError):
        commands.commands["scale"].make_context("scale", ["--maximum", "3", "--stack", "prod"])


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_every_help_has_an_example_that_names_the_command(name: str) -> None:
    answer = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"})
    assert answer.exit_code == 0
    assert f"python -m ops {name}" in answer.output
