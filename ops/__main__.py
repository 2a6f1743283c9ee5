"""The command line: `python -m ops COMMAND --stack STACK`; each command's function is in the file of its name."""

import typer

from ops.cluster_backup import cluster_backup
from ops.command import command
from ops.db import db
from ops.health import health
from ops.secrets_rotate import secrets_rotate

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

app.command(rich_help_panel=LOOKS)(command(health))
app.add_typer(db, name="db")
cluster = typer.Typer(no_args_is_help=True, help="The Kubernetes cluster.")
app.add_typer(cluster, name="cluster")


@cluster.callback()
def _cluster_has_more_than_one() -> None:
    """As above."""


cluster.command("backup")(command(cluster_backup))
secrets = typer.Typer(no_args_is_help=True, help="Secrets of the workloads.")
app.add_typer(secrets, name="secrets")


@secrets.callback()
def _one_command_of_several() -> None:
    """Without it Typer takes the group's only command for the group."""


secrets.command("rotate")(command(secrets_rotate))


if __name__ == "__main__":
    app()
