"""`scale`: how many pods of a workload run, or between which numbers the autoscaler chooses."""

from typing import Annotated, Any

import typer

from infra.scaling import AutoscalingSettings
from infra.workload_settings import WorkloadSettings
from ops import stack_file
from ops.change import change
from ops.command import Result, Session
from ops.errors import OpsError
from ops.workload import APPLICATION


def scale(
    session: Session,
    replicas: Annotated[int | None, typer.Argument(help="Number of pods, where there is no autoscaling.")] = None,
    least: Annotated[int | None, typer.Option("--min", help="Fewest pods that the autoscaler keeps.")] = None,
    most: Annotated[int | None, typer.Option("--max", help="Most pods that the autoscaler makes.")] = None,
    workload: Annotated[str, typer.Option(help="`app`, or one of section workloads.")] = APPLICATION,
) -> Result:
    """Change the number of pods: the stack file's settings, then `pulumi up`, then a look at their health.

    What the settings cannot allow is refused before anything is touched: more connections than the database takes, a disruption
    budget that would block every drain. A failure turns file and stack back.

    Examples: `python -m ops scale 3 --stack dev --yes`, `python -m ops scale --min 6 --max 30 --stack prod --confirm prod`
    """
    place, settings = settings_of(session, workload)
    changes = _changes(place, settings.autoscaling, replicas, least, most)
    stack_file.checked(session.stack, changes)
    words = ", ".join(f"{path} to {value}" for path, value in changes.items())
    result = change(session, changes, f"set {words}", "done")
    if result["done"]:
        session.report.say(f"done: {words}")
    return {"workload": workload, "changes": changes, **result}


def settings_of(session: Session, workload: str) -> tuple[str, WorkloadSettings]:
    """Where a stack file has a workload, and what it says. Raises OpsError where there is none of the name."""
    platform = session.stack.platform
    if workload == APPLICATION:
        return "app", platform.app
    if workload not in platform.workloads:
        known = ", ".join([APPLICATION, *platform.workloads])
        raise OpsError(f"there is no workload {workload} in {session.stack.file.name}; there are: {known}")
    return f"workloads.{workload}", platform.workloads[workload]


def _changes(
    place: str, autoscaling: AutoscalingSettings | None, replicas: int | None, least: int | None, most: int | None
) -> dict[str, Any]:
    bounds = {"min_replicas": least, "max_replicas": most}
    given = {f"{place}.autoscaling.{key}": value for key, value in bounds.items() if value is not None}
    if replicas is None and not given:
        raise OpsError("say how many: a number of pods, or with autoscaling --min or --max")
    if replicas is not None and given:
        raise OpsError("a number of pods, and bounds for an autoscaler: one of the two decides; leave the other out")
    if replicas is not None and autoscaling:
        raise OpsError(
            f"the autoscaler decides on the pods of {place}, between {autoscaling.min_replicas} and "
            f"{autoscaling.max_replicas}: move its bounds by --min and --max"
        )
    if given and not autoscaling:
        raise OpsError(
            f"{place} has no autoscaling, so there are no bounds to move; say a number of pods, or write "
            f"{place}.autoscaling into the stack file"
        )
    return given or {f"{place}.replicas": replicas}
