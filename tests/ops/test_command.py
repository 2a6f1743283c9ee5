"""The command line's own manners."""

from typer.testing import CliRunner

from ops.__main__ import app


def test_a_stack_without_a_file_is_refused_with_those_that_have_one() -> None:
    answer = CliRunner().invoke(app, ["health", "--stack", "dve"])
    assert answer.exit_code == 1
    assert "there is no Pulumi.dve.yaml; choose one of account, dev, local, prod, " in answer.output
