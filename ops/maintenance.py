"""`maintenance on|off`: a page answers in the place of the application, with 503 and Retry-After."""

from enum import StrEnum
from typing import Annotated

import typer

from ops import stack_file
from ops.change import change
from ops.command import Result, Session
from ops.errors import OpsError

SETTING = "app.maintenance"


class Wanted(StrEnum):
    """Whether there shall be a page."""

    ON = "on"
    OFF = "off"


def maintenance(
    session: Session,
    wanted: Annotated[Wanted, typer.Argument(metavar="on|off", help="Whether the page stands in.")],
    retry_after: Annotated[
        int, typer.Option("--retry-after", help="Seconds after which clients are told to come again.")
    ] = 600,
) -> Result:
    """Let a page stand in for the application, or take it away: app.maintenance, then `pulumi up`.

    The page is up before requests are led to it. The application's own pods run on, warm, and are looked after; /healthz and
    /readyz answer 200 all the time, so that neither the load balancer nor DNS turns away. A failure is turned back.

    Examples: `python -m ops maintenance on --retry-after 1800 --stack prod --confirm prod`,
    `python -m ops maintenance off --stack prod --confirm prod`
    """
    stack, on = session.stack, wanted is Wanted.ON
    value = {"retry_after_seconds": retry_after} if on else None
    there = stack.platform.app.maintenance
    if there is None and not on:
        raise OpsError(f"{stack.file.name} asks for no maintenance page; there is nothing to take away")
    if on and there is not None and there.retry_after_seconds == retry_after:
        raise OpsError(f"{stack.file.name} asks for the page already; to bring up what it says: pulumi up")
    changes = {SETTING: value}
    stack_file.checked(stack, changes)
    deed = (
        "let a maintenance page answer in the application's place" if on else "lead requests to the application again"
    )
    result = change(session, changes, deed, "done")
    if result["done"]:
        session.report.say("clients are answered 503 now" if on else "the application serves again")
    return {"maintenance": wanted.value, **result}
