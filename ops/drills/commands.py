"""`drill`: pod, node, zone, database, cache."""

from collections.abc import Callable
from typing import Annotated

import typer

from ops.command import Result, Session, command
from ops.drills.drill import Drill, run
from ops.drills.managed import CacheDrill, DatabaseDrill
from ops.drills.pods import NodeDrill, PodDrill, ServerDrill, ZoneDrill
from ops.errors import OpsError
from ops.stack import Stack
from stacks.settings import AwsSettings, LocalSettings

drills = typer.Typer(
    no_args_is_help=True,
    help="Game days: break one thing on purpose, measure until all is back, restore, and write it down in out/<stack>/drills/.",
)

Url = Annotated[
    str,
    typer.Option("--url", help="Asked four times a second meanwhile; by default /quotes of the stack's own address."),
]
Patience = Annotated[
    float, typer.Option("--patience", min=1, help="Seconds after which it has failed: everything is restored then.")
]
LONG = 900.0


def pod(
    session: Session,
    name: Annotated[str, typer.Option("--name", help="Else the first of the application's.")] = "",
    url: Url = "",
    patience: Patience = LONG,
) -> Result:
    """Kill one pod of the application, without grace.

    Examples: `python -m ops drill pod --stack staging --yes`
    """
    return run(session, PodDrill(session.stack, name), url, patience)


def node(
    session: Session,
    name: Annotated[str, typer.Option("--name", help="Else the one with most pods of the application.")] = "",
    url: Url = "",
    patience: Patience = LONG,
) -> Result:
    """Drain a node within the disruption budgets; it takes pods again afterwards.

    Examples: `python -m ops drill node --stack prod --confirm prod`
    """
    return run(session, NodeDrill(session.stack, name), url, patience)


def zone(
    session: Session,
    name: Annotated[str, typer.Option("--name", help="Else that of the busiest node.")] = "",
    url: Url = "",
    patience: Patience = LONG,
) -> Result:
    """Drain all nodes of a zone at once, within the disruption budgets; they take pods again afterwards.

    Examples: `python -m ops drill zone --name eu-west-3a --stack staging --yes`
    """
    return run(session, ZoneDrill(session.stack, name), url, patience)


def database(session: Session, url: Url = "", patience: Patience = LONG) -> Result:
    """Let the database fail: RDS reboots with failover; a database in the cluster has its pod stopped.

    Examples: `python -m ops drill database --stack staging --yes`
    """
    return run(session, _of_a_server(session.stack, "database", "postgresql", DatabaseDrill), url, patience)


def cache(session: Session, url: Url = "", patience: Patience = LONG) -> Result:
    """Let the cache fail: ElastiCache fails over; a cache in the cluster has its pod stopped.

    Examples: `python -m ops drill cache --stack staging --yes`
    """
    platform = session.stack.platform
    if isinstance(platform, AwsSettings) and platform.cache.kind == "serverless":
        raise OpsError("a serverless cache has no failover that one could ask for: nothing to drill")
    return run(session, _of_a_server(session.stack, "cache", "valkey", CacheDrill), url, patience)


def _of_a_server(stack: Stack, kind: str, server: str, managed: Callable[[Stack], Drill]) -> Drill:
    """Of the pod of a server in the cluster, or of AWS's service. Raises OpsError where AWS is played."""
    if isinstance(stack.platform, LocalSettings):
        return ServerDrill(stack, kind, server)
    if stack.rehearsed:
        raise OpsError(
            f"the rehearsal plays AWS's part: {stack.name} has no database or cache here that could fail. Drill it on the real "
            "stack, or on one real node: make rehearse STACK=local NODE=real"
        )
    return managed(stack)


for _function in (pod, node, zone, database, cache):
    drills.command()(command(_function))
