"""`cleanup`: what nobody needs any more, listed first, and deleted when somebody agrees."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ops import leftovers_aws
from ops.aws import asked
from ops.cluster import reached
from ops.command import Result, Session
from ops.errors import OpsError
from ops.leftovers import Leftover, in_the_cluster
from ops.stack import Stack
from ops.status import age

OF_AWS: Mapping[str, Callable[[Stack, datetime], Iterator[Leftover]]] = {
    "images": leftovers_aws.images,
    "volumes": leftovers_aws.volumes,
    "network interfaces": leftovers_aws.interfaces,
}


def cleanup(
    session: Session,
    days: Annotated[int, typer.Option("--older-than", min=0, help="Days; what is younger stays.")] = 14,
) -> Result:
    """List jobs and pods that are over, images that no release uses, disks and network interfaces without a user; then delete.

    Without an agreement nothing is deleted, and --dry-run only lists. What the program describes is never on the list. Disks hold
    data: look at each before you agree.

    Examples: `python -m ops cleanup --stack dev --dry-run`, `python -m ops cleanup --older-than 30 --stack prod --confirm prod`
    """
    stack, report, now = session.stack, session.report, datetime.now(UTC)
    found = [*in_the_cluster(stack, now - timedelta(days=days)), *_of_aws(session, now - timedelta(days=days))]
    rows = [
        (each.kind, each.name, age(each.since, now), _size(each.gigabytes), _usd(each.usd_a_month), each.why)
        for each in found
    ]
    report.table(f"What {stack.name} no longer needs", ["kind", "name", "age", "size", "USD a month", "why"], rows)
    total = sum(each.usd_a_month or 0.0 for each in found)
    document = {
        "found": [dict(zip(("kind", "name", "age", "size", "usd_a_month", "why"), row, strict=True)) for row in rows],
        "usd_a_month": round(total, 2),
    }
    if not found:
        return {**document, "deleted": []}
    deed = f"delete these {len(found)} things ({total:.2f} USD a month)"
    if session.would(deed):
        return {**document, "deleted": []}
    session.confirm(deed)
    deleted, failures = _delete(stack, found)
    report.say(f"deleted: {len(deleted)} of {len(found)}")
    if failures:
        raise OpsError("these stay:\n" + "\n".join(f"  {each}" for each in failures), {**document, "deleted": deleted})
    return {**document, "deleted": deleted}


def _of_aws(session: Session, before: datetime) -> list[Leftover]:
    stack = session.stack
    if "cluster_name" not in stack.outputs:
        return []
    if stack.rehearsed:
        session.report.say(
            "images, volumes and network interfaces are not looked for: in a rehearsal nobody plays them"
        )
        return []
    found: list[Leftover] = []
    for name, look in OF_AWS.items():
        with asked(f"nothing was deleted, since {name} can't be listed"):
            found += look(stack, before)
    return found


def _delete(stack: Stack, found: list[Leftover]) -> tuple[list[str], list[str]]:
    """What went, and what did not, with the reason: one that is refused keeps nobody from deleting the next."""
    deleted, failures = [], []
    for each in found:
        name = f"{each.kind} {each.name}"
        try:
            with reached(stack.name), asked("AWS"):
                each.delete()
        except OpsError as error:
            failures.append(f"{name}: {error}")
        else:
            deleted.append(name)
    return deleted, failures


def _size(gigabytes: float | None) -> str:
    return "" if gigabytes is None else f"{gigabytes:.1f} GB"


def _usd(usd: float | None) -> str:
    return "" if usd is None else f"{usd:.2f}"
