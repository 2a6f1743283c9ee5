"""`nodes upgrade`: the newest image for the nodes, one group after the other."""

import time
from typing import Annotated, Any

import typer

from ops import budgets
from ops.cluster import reached
from ops.command import Result, Session
from ops.draining import nodes, pods_on, schedulable, unmanaged
from ops.errors import OpsError
from ops.readiness import look
from ops.stack import Stack
from ops.upgrades.groups import Groups, of

SETTLING_SECONDS = 300
"""In which pods must be ready again after a group, before the next one begins: the objective of recovery."""


def nodes_upgrade(
    session: Session,
    group: Annotated[str, typer.Option("--group", help="Only this one, by EKS's name; else all.")] = "",
    patience: Annotated[float, typer.Option("--patience", min=1, help="Seconds for each group.")] = 5400,
) -> Result:
    """Replace the nodes by new ones of the newest image release, one group at a time, within the disruption budgets.

    Examples: `python -m ops nodes upgrade --stack dev --yes`, `python -m ops nodes upgrade --stack prod --confirm prod`
    """
    stack, say = session.stack, session.report.say
    stack.aws  # noqa: B018 - refuses stacks without node groups
    groups = of(stack)
    names = groups.names()
    if group and group not in names:
        raise OpsError(f"there is no node group {group}; there are {', '.join(names) or 'none'}")
    chosen = [name for name in ([group] if group else names) if groups.release(name) != groups.newest(name)]
    if not chosen:
        say("the nodes run the newest image already")
        return {"groups": {}}
    before = {name: groups.nodes(name) for name in chosen}
    faults = _faults(stack, groups, chosen)
    if faults:
        raise OpsError("no upgrade of nodes now:\n" + "\n".join(f"- {each}" for each in faults))
    count = sum(len(each) for each in before.values())
    deed = f"replace {count} nodes of {', '.join(chosen)}"
    document: dict[str, Any] = {"groups": {name: sorted(each.values()) for name, each in before.items()}}
    if session.would(deed):
        return document
    session.confirm(deed)
    done: dict[str, Any] = {}
    for name in chosen:
        try:
            with reached(stack.name):
                done[name] = _replaced(session, groups, name, patience)
        except OpsError as error:
            raise OpsError(f"{error}\nDone before: {', '.join(done) or 'none'}; the same command goes on.") from None
    session.report.table(
        f"Node groups of {stack.name}",
        ["group", "replaced", "release", "seconds"],
        [(name, d["replaced"], " to ".join(d["release"]), d["seconds"]) for name, d in done.items()],
    )
    return {"groups": done}


def _replaced(session: Session, groups: Groups, name: str, patience: float) -> dict[str, Any]:
    """Replaces the nodes of one group, and waits until the pods are ready."""
    before, began = groups.nodes(name), time.monotonic()
    releases = [groups.release(name), groups.newest(name)]
    groups.replace(name, patience, session.report.say)
    _settled(session.stack)
    old = before.keys() & groups.nodes(name).keys()
    if old:
        raise OpsError(f"node group {name}: {len(old)} old nodes are still there")
    return {"replaced": len(before), "release": releases, "seconds": round(time.monotonic() - began, 1)}


def _faults(stack: Stack, groups: Groups, chosen: list[str]) -> list[str]:
    """Why the nodes can't be replaced now."""
    faults = [f"not well: {each}" for each in look(stack).short]
    everywhere = nodes(stack)
    faults += [f"node {node.metadata.name} is not ready, or closed" for node in everywhere if not schedulable(node)]
    faults += budgets.blocking(stack)
    faults += unmanaged(pods_on(stack, {node.metadata.name for node in everywhere}))
    for name in chosen:
        faults += groups.faults(name)
    return faults


def _settled(stack: Stack) -> None:
    deadline = time.monotonic() + SETTLING_SECONDS
    while short := look(stack).short:
        if time.monotonic() > deadline:
            raise OpsError(f"not well {SETTLING_SECONDS} s after its nodes were replaced: {', '.join(short)}")
        time.sleep(1)
