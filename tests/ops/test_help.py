"""What --help shows teaches: every command has examples, which can be typed as they stand there."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest
from typer.testing import CliRunner

from ops.__main__ import app
from tests.ops.test_documented_commands import OPS, refused_by_ops

EXAMPLE = re.compile(r"^\W*python -m ops (.+?)\W*$", flags=re.MULTILINE)


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command that does something."""
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from leaves(each, (*path, name))
    else:
        yield path


@pytest.mark.parametrize("words", list(leaves(OPS)), ids=" ".join)
def test_every_help_has_examples_that_can_be_typed(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STACK", raising=False)
    answer = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "250"})
    assert answer.exit_code == 0
    examples = [shlex.split(example) for example in EXAMPLE.findall(answer.output)]
    assert examples, answer.output
    for example in examples:
        assert tuple(example[: len(words)]) == words
        assert refused_by_ops(example) is None


def test_a_command_that_is_not_there_and_an_option_that_is_not_are_found_out() -> None:
    assert refused_by_ops(["destroy-everything"])
    assert refused_by_ops(["scale", "--maximum", "3", "--stack", "prod"])
