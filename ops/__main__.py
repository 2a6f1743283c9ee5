"""The command line: `python -m ops COMMAND --stack STACK`; each command's function is in the file of its name."""

import typer

from ops.access import access
from ops.cache import cache
from ops.cleanup import cleanup
from ops.cluster_backup import cluster_backup
from ops.command import command
from ops.db import db
from ops.deploy import deploy
from ops.drills.commands import drills
from ops.health import health
from ops.logs import logs
from ops.maintenance import maintenance
from ops.restart import restart
from ops.rollback import rollback
from ops.scale import scale
from ops.secrets_rotate import secrets_rotate
from ops.status import status
from ops.upgrades.cluster import cluster_upgrade
from ops.upgrades.nodes import nodes_upgrade
from ops.validate import validate

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # they may hold what must not be shown
    help="Operates a stack: python -m ops COMMAND --stack STACK. Dangerous ones ask first; --dry-run only tells.",
)


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
app.command(rich_help_panel=LOOKS)(command(access))

CHANGES = "Change the cluster"

clusters = typer.Typer(no_args_is_help=True, help="The Kubernetes cluster.")
clusters.command("backup")(command(cluster_backup))
clusters.command("upgrade")(command(cluster_upgrade))
app.add_typer(clusters, name="cluster", rich_help_panel=CHANGES)
node_groups = typer.Typer(no_args_is_help=True, help="The cluster's nodes.")
node_groups.command("upgrade")(command(nodes_upgrade))
app.add_typer(node_groups, name="nodes", rich_help_panel=CHANGES)
app.add_typer(drills, name="drill", rich_help_panel="Practise")
app.add_typer(db, name="db", rich_help_panel=CLUSTER)
app.add_typer(cache, name="cache", rich_help_panel=CLUSTER)
secrets = typer.Typer(no_args_is_help=True, help="Secrets of the workloads.")
secrets.command("rotate")(command(secrets_rotate))
app.add_typer(secrets, name="secrets", rich_help_panel=CLUSTER)


if __name__ == "__main__":
    app()
