"""A change of a stack's settings, from the question to the look at what came of it."""

from collections.abc import Mapping
from typing import Any

from ops import health, stack_file, trouble
from ops.command import Session


def change(session: Session, settings: Mapping[str, Any], deed: str, done: str) -> dict[str, Any]:
    """Set settings and run `pulumi up`, until the stack is as well as before; a dry run only tells what that would do.

    Returns, for the document, whether it is `done` (under that name), or the `operations` that a dry run has found. A failure is
    turned back: raises OpsError, with the reasons of pods that did not come up.
    """
    stack = session.stack
    if session.would(deed):
        operations = stack_file.would_change(stack, settings)
        for line in operations:
            session.report.say(f"  {line}")
        return {"operations": operations, done: False}
    session.confirm(deed)
    stack_file.apply(stack, settings, then=health.as_well_as_now(stack), why=trouble.since_now(stack))
    return {done: True}
