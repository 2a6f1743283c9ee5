"""`cache restore`: a snapshot fills a new cache, which takes the place of the one that serves (docs/decisions/0039)."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from ops import health, stack_file
from ops.cache import snapshots
from ops.cache.backup import REPLICATION_GROUP, SERVERLESS, new_name, refuse_on_local, take
from ops.command import Result, Session
from ops.errors import OpsError, StoppedError
from ops.stack import Stack

SETTING = "cache.restore_from"


def cache_restore(
    session: Session,
    snapshot: Annotated[
        str, typer.Argument(help="Name of an ElastiCache snapshot of this stack, such as cache backup told it")
    ],
) -> Result:
    """Fill a new cache with SNAPSHOT and let it take the old one's place; of the old one a snapshot is taken before.

    ElastiCache fills new caches only. So cache.restore_from is set, and `pulumi up` makes a second cache, leads the application's
    pods to it one after the other, and deletes the first. What is written meanwhile is lost: sessions, for the most part. The
    setting stays in the stack file; commit it.

    Examples: `python -m ops cache restore prod-cache-2026-11-22t03-00-00z --stack prod --dry-run`,
    `python -m ops cache restore prod-cache-2026-11-22t03-00-00z --stack prod --confirm prod`
    """
    stack, report = session.stack, session.report
    refuse_on_local(stack)
    if stack.aws.recovery and stack.aws.recovery.restoring:
        raise OpsError(
            f"{stack.name} stands in the second region, where no snapshot of a cache is; its cache begins empty"
        )
    filled_by = snapshots.source(stack, snapshot)
    changes = {SETTING: filled_by}
    if filled_by == stack.aws.cache.restore_from:
        raise OpsError(
            f"{snapshot} has filled the cache already. To begin from it again give it another name, and restore that: aws "
            f"elasticache copy-snapshot --source-snapshot-name {snapshot} --target-snapshot-name NAME"
        )
    stack_file.checked(stack, changes)
    old = _serving(stack)
    if not stack.rehearsed:
        snapshots.require(stack, snapshot, old["inputs"].get("finalSnapshotIdentifier"))
    document = {"snapshot": snapshot, "changes": changes, "before": old["id"]}
    deed = f"replace the cache {old['id']} by one with the content of {snapshot}"
    if session.would(f"{deed}, after a snapshot of it"):
        operations = stack_file.would_change(stack, changes, "--ignore-protect")
        for line in operations:
            report.say(f"  {line}")
        return {**document, "operations": operations, "done": False}
    session.confirm(deed)
    as_well_as_before = health.as_well_as_now(stack)
    kept = None
    if stack.rehearsed:
        report.say(
            "rehearsed: ElastiCache is simulated, and asked neither for the snapshot nor for one of what it holds"
        )
    else:
        kept = new_name(stack)
        take(stack, kept, report.say)
    _replace(stack, changes, old, kept)
    now = _serving(stack)["id"]
    report.say(f"{now} serves, with the content of {snapshot}")
    try:
        as_well_as_before()
    except OpsError as error:
        raise OpsError(f"the cache is replaced, and {error}\n{_back(stack, kept)}") from None
    report.say(
        f"Commit {stack.file.name}: without {SETTING} the next update would make an empty cache. {_back(stack, kept)}"
    )
    return {**document, "cache": now, "kept": kept, "done": True}


def _replace(stack: Stack, changes: Mapping[str, Any], old: Mapping[str, Any], kept: str | None) -> None:
    """Write the setting and run `pulumi up`. What fails before there is a new cache is turned back, what fails later goes on.

    An update that went back would ask for a cache of the old name, which is there until the end. Raises OpsError.
    """
    before = stack.file.read_text()
    stack.file.write_text(stack_file.checked(stack, changes))
    try:
        if old.get("protect"):
            # Of this one only: the engine refuses what both state and program protect. The update protects the new one.
            stack.engine.unprotect(str(old["urn"]))
        stack.engine.up()
    except (Exception, KeyboardInterrupt) as failure:
        said = str(failure) or "the update was interrupted"
        try:
            new = _serving(stack)["id"]
        except OpsError as unknown:
            raise OpsError(
                f"{said}\nWhether there is a new cache can't be seen: {unknown}\n{stack.file.name} says {SETTING} now. Look "
                f"first: pulumi stack export --stack {stack.name}"
            ) from failure
        if new != old["id"]:
            raise OpsError(
                f"{said}\nThe new cache {new} is filled and there; {old['id']} is not deleted yet. {stack.file.name} says "
                f"{SETTING} and stays so; when the reason is mended, go on with: pulumi up --stack {stack.name}. "
                f"{_back(stack, kept)}"
            ) from failure
        stack.file.write_text(before)
        if isinstance(failure, KeyboardInterrupt | StoppedError):
            raise  # nobody wants another update now
        try:
            stack.engine.up()  # which protects it again
        except OpsError as second:
            raise OpsError(f"{said}\nTurning back failed as well:\n{second}") from failure
        raise OpsError(f"{said}\n{stack.file.name} is as before, and {old['id']} serves.") from failure


def _serving(stack: Stack) -> Mapping[str, Any]:
    """The cache in the engine's state of now. Raises OpsError where there is none."""
    token = SERVERLESS if stack.aws.cache.kind == "serverless" else REPLICATION_GROUP
    resources = stack.engine.state().get("deployment", {}).get("resources") or ()
    found: list[Mapping[str, Any]] = [each for each in resources if each["type"] == token and not each.get("delete")]
    if not found:
        raise OpsError(
            f"stack {stack.name} has no cache of kind {stack.aws.cache.kind} yet; bring it up first: pulumi up"
        )
    return found[0]


def _back(stack: Stack, kept: str | None) -> str:
    return f"To go back: python -m ops cache restore {kept} --stack {stack.name}" if kept else ""
