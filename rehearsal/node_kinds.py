"""Which kind of nodes a rehearsal has: KWOK's, or one on which pods run."""

from rehearsal.result import RehearsalError

LOCAL = "local"
"""The stack that brings no nodes of its own and runs on any cluster's."""

SIMULATED, REAL = "simulated", "real"
"""Kinds of nodes: KWOK's, or one on which pods run (rehearsal.real_node)."""


def chosen(stack: str, asked: str | None, present: str | None) -> str:
    """The kind that was asked for, else the one that is there already. Raises RehearsalError where it can't be."""
    wanted = asked or present or SIMULATED
    if wanted not in (SIMULATED, REAL):
        raise RehearsalError(f"NODE={wanted}: there are only NODE={SIMULATED} and NODE={REAL}.")
    if present and wanted != present:
        raise RehearsalError(
            f"The rehearsal of {stack} has {present} nodes, and NODE={wanted} was asked for. "
            f"`make destroy STACK={stack}` takes it down; then run the same command again."
        )
    if wanted == REAL and stack != LOCAL:
        raise RehearsalError(
            f"Stack {stack} brings simulated nodes of its own, and its images are in a registry on AWS. "
            f"The real node is for stack {LOCAL}: make rehearse STACK={LOCAL} NODE={REAL}"
        )
    return wanted
