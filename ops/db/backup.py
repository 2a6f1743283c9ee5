"""`db backup`: a dump of the database, now, by the pod that makes the daily one."""

from datetime import UTC, datetime

from app.exports.place import name_for
from infra.exports.jobs import DUMP
from ops import jobs
from ops.command import Result, Session
from ops.db import carried
from ops.db.copies import ChosenFolder, place_of, verified
from stacks.settings import LocalSettings


def db_backup(session: Session, folder: ChosenFolder = None) -> Result:
    """Dump the database into the stack's bucket, with its SHA-256, and check what arrived there. Changes nothing else.

    By a Job of CronJob database-dump; the stack needs section exports. Of `local` by a pod of the command's own, into a folder
    of this machine, up to 448 MiB. Restore it with: db restore NAME.

    Examples: `python -m ops db backup --stack prod`, `python -m ops db backup --stack local --folder ~/copies`
    """
    stack, report, settings = session.stack, session.report, session.stack.platform
    place = place_of(stack, folder)
    name = name_for(datetime.now(tz=UTC))
    local = isinstance(settings, LocalSettings)
    maker = f"a pod {DUMP}" if local else f"a Job of CronJob {DUMP}"
    if session.would(f"run {maker} in {stack.namespace}, which leaves the copy {name}"):
        return {"name": name}
    if isinstance(settings, LocalSettings):
        carried.dump(stack.cluster, stack.namespace, settings, name, place, report.say)
    else:
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
