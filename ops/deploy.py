"""`deploy IMAGE`: another version of the application, by the stack's settings; what fails is turned back."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from infra.workload_settings import WorkloadSettings
from ops import images, stack_file
from ops.change import change
from ops.command import Result, Session
from ops.errors import OpsError
from ops.workload import APPLICATION, deployments_of

IMAGE = "app.image"
STANDBY = "app.release.standby"
BEGINS_WITH = "app.release.replicas"


def deploy(
    session: Session,
    image: Annotated[str, typer.Argument(help="By digest, or by a tag that never moves; `latest` is refused.")],
    keep_old: Annotated[
        bool, typer.Option("--keep-old", help="Blue-green: the version of before stays up, to go back at once.")
    ] = False,
) -> Result:
    """Release IMAGE: see that it exists, set app.image, run `pulumi up`, see that all is well; a failure is turned back.

    With blue-green releases the new version begins with as many pods as serve now.

    Examples: `python -m ops deploy 111122223333.dkr.ecr.eu-west-3.amazonaws.com/marlinspike/app:0.2.0 --stack staging --yes`,
    `python -m ops deploy registry.example.com/app@sha256:... --keep-old --stack prod --confirm prod`
    """
    app = session.stack.platform.app
    if image == app.image:
        raise OpsError(f"{image} is what the stack file says already; to bring up what it says: pulumi up")
    if keep_old and not app.release.blue_green:
        raise OpsError("--keep-old: only with app.release.strategy blue-green do two versions stand side by side")
    return release(session, image, changes_for(session, image, keep_old=keep_old))


def changes_for(session: Session, image: str, *, keep_old: bool) -> dict[str, Any]:
    """The settings that release an image."""
    app = session.stack.platform.app
    changes: dict[str, Any] = {IMAGE: image}
    if keep_old or app.release.standby == image:  # a standby that serves leaves its place to what served
        changes[STANDBY] = app.image
    begins_with = _serving(session, app)
    if begins_with != app.release.replicas:
        changes[BEGINS_WITH] = begins_with
    return changes


def release(session: Session, image: str, changes: Mapping[str, Any]) -> Result:
    """Set the settings of a release, with everything that comes before and after."""
    stack, before = session.stack, session.stack.platform.app.image
    stack_file.checked(stack, changes)
    images.require(image, session.report.say, rehearsed=stack.rehearsed)
    document = {"image": image, "before": before, "changes": dict(changes)}
    deed = f"release {image} in the place of {before}"
    result = change(session, changes, deed, "released")
    if result["released"]:
        session.report.say(f"{image} serves. To go back: python -m ops rollback --stack {stack.name}")
    return {**document, **result}


def _serving(session: Session, app: WorkloadSettings) -> int | None:
    """With how many pods a new version should begin: those of the version that serves, where that is more than the least."""
    if not (app.release.blue_green and app.autoscaling):
        return None
    pods = max(each.status.ready_replicas or 0 for each in deployments_of(session.stack, APPLICATION))
    least, most = app.autoscaling.min_replicas, app.autoscaling.max_replicas
    return min(pods, most) if pods > least else None
