"""The command line: `python -m ops COMMAND --stack STACK`; each command's function is in the file of its name."""

import typer

from ops.cleanup import cleanup
from ops.command import command
from ops.deploy import deploy
from ops.health import health
from ops.logs import logs
from ops.maintenance import maintenance
from ops.restart import restart
from ops.rollback import rollback
from ops.scale import scale
from ops.status import status
from ops.validate import validate

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # they may hold what must not be shown
    help="Operates a stack: python -m ops COMMAND --stack STACK. Dangerous ones ask first; --dry-run only tells.",
)


@app.callback()
def _more_than_one_command() -> None:
    """Without it Typer takes a single command for the whole line."""


LOOKS = "Look, and change nothing"
SETTINGS = "Change the stack's settings, and run pulumi up"
CLUSTER = "Talk to the cluster, or to AWS"

app.command(rich_help_panel=LOOKS)(command(status))
app.command(rich_help_panel=LOOKS)(command(health))
app.command(rich_help_panel=LOOKS)(command(logs))
app.command(rich_help_panel=LOOKS)(command(validate))
app.command(rich_help_panel=SETTINGS)(command(deploy))
app.command(rich_help_panel=SETTINGS)(command(rollback))
app.command(rich_help_panel=SETTINGS)(command(scale))
app.command(rich_help_panel=SETTINGS)(command(maintenance))
app.command(rich_help_panel=CLUSTER)(command(restart))
app.command(rich_help_panel=CLUSTER)(command(cleanup))


if __name__ == "__main__":
    app()
