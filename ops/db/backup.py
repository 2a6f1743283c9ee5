"""`db backup`: a dump of the database, now, by the pod that makes the daily one."""

from datetime import UTC, datetime

from app.exports.place import name_for
from infra.exports.jobs import DUMP
from ops import jobs
from ops.command import Result, Session
from ops.db.copies import place_of, verified


def db_backup(session: Session) -> Result:
    """Dump the database into the stack's bucket, with its SHA-256, and check what arrived there. Changes nothing else.

    By a Job of the CronJob database-dump; the stack needs section exports. Restore it with: db restore NAME.

    Examples: `python -m ops db backup --stack prod`
    """
    stack, report = session.stack, session.report
    place = place_of(stack)
    name = name_for(datetime.now(tz=UTC))
    if session.would(f"run a Job of CronJob {DUMP} in {stack.namespace}, which leaves the copy {name}"):
        return {"name": name}
    jobs.run(stack.cluster, stack.namespace, DUMP, f"{DUMP}-{name}", {"EXPORTS_NAME": name}, report.say)
    if place is None:
        report.say("rehearsed: the pod was simulated, and nothing was dumped")
        return {"name": name, "rehearsed": True}
    manifest = verified(place, name)
    dump = manifest["dump"]
    report.say(
        f"copy {name}: {dump['bytes']} bytes, {sum(manifest['rows'].values())} rows, SHA-256 {dump['sha256']}, "
        f"in {manifest['seconds']} s"
    )
    return manifest
