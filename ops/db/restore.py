"""`db restore`: a dump becomes the database, after it was restored beside the old one and compared."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from app.exports.place import name_for
from infra.exports.jobs import RESTORE
from ops import jobs
from ops.command import Result, Session
from ops.db import carried
from ops.db.copies import ChosenFolder, place_of, verified
from stacks.settings import LocalSettings


def db_restore(
    session: Session,
    name: Annotated[str, typer.Argument(help="Of the copy, as db backup told it, such as 2026-11-22t03-00-00z")],
    into: Annotated[
        str | None, typer.Option(help="Restore into a new database of this name, beside the one that serves.")
    ] = None,
    folder: ChosenFolder = None,
) -> Result:
    """Restore a dump into a new database, compare it, and let it take the old one's place; the old one is kept beside it.

    What was written since the dump is in the old one only. Sessions end for a second when the two change places. Whatever fails
    before leaves the old one serving, and the new one is dropped.

    Examples: `python -m ops db restore 2026-11-22t03-00-00z --into look --stack prod`,
    `python -m ops db restore 2026-11-22t03-00-00z --stack local --yes`,
    `python -m ops db restore 2026-11-22t03-00-00z --stack prod --confirm prod`
    """
    stack, report, settings = session.stack, session.report, session.stack.platform
    if isinstance(settings, LocalSettings):
        carried.refuse_restore(settings)
    place = place_of(stack, folder)
    if place is not None:
        manifest = verified(place, name)
        report.say(
            f"copy {name} of {manifest['time']}: {manifest['dump']['bytes']} bytes, {sum(manifest['rows'].values())} rows, "
            f"schema {manifest['schema_revision']}, PostgreSQL {manifest['server_version']}"
        )
    deed = f"restore {name} into the new database {into}" if into else f"replace the database by the copy {name}"
    local = isinstance(settings, LocalSettings)
    if session.would(f"{deed}, by {'a pod' if local else 'a Job of CronJob'} {RESTORE}"):
        return {"name": name}
    if into is None:
        session.confirm(deed)
    environment = {"EXPORTS_NAME": name} | ({"RESTORE_INTO": into} if into else {})
    job = f"{RESTORE}-{name_for(datetime.now(tz=UTC))}"
    if isinstance(settings, LocalSettings):
        log = carried.restore(stack.cluster, stack.namespace, settings, place, environment, job, report.say)
    else:
        log = jobs.run(stack.cluster, stack.namespace, RESTORE, job, environment, report.say)
    if place is None:
        report.say("rehearsed: the pod was simulated, and nothing was restored")
        return {"name": name, "rehearsed": True}
    done = _told(log)
    if done.get("kept"):
        report.say(f"the old database is kept as {done['kept']}: drop it when nobody misses anything")
    return done


def _told(log: str) -> dict[str, Any]:
    """The event `restored` of the pod's log."""
    for line in reversed(log.splitlines()):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and event.get("event") == "restored":
            return event
    return {}
