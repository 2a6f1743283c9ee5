"""`rollback`: the version before, by the standby where there is one, else by the stack's history."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from infra.naming import PROJECT
from ops.command import Result, Session
from ops.deploy import changes_for, release
from ops.errors import OpsError


def rollback(session: Session) -> Result:
    """Release the version of before: the standby, which serves at once, else the one that the last other update ran.

    Goes the way of `deploy`: settings, `pulumi up`, health; the schema of the database stays as the newer version made it.

    Examples: `python -m ops rollback --stack prod --dry-run`, `python -m ops rollback --stack prod --confirm prod`
    """
    app = session.stack.platform.app
    image = app.release.standby or earlier_image(session.stack.engine.history(), app.image)
    return release(session, image, changes_for(session, image, keep_old=app.release.standby is not None))


def images_of(history: Sequence[Mapping[str, Any]]) -> list[str]:
    """The images that updates which succeeded released, newest first, each once."""
    found = []
    for update in history:
        if update.get("kind") != "update" or update.get("result") != "succeeded":
            continue
        section = (update.get("config") or {}).get(f"{PROJECT}:app") or {}
        image = json.loads(section.get("value") or "{}").get("image")
        if image and image not in found:
            found.append(str(image))
    return found


def earlier_image(history: Sequence[Mapping[str, Any]], image: str) -> str:
    """The newest image of an update that succeeded and is another one. Raises OpsError."""
    for each in images_of(history):
        if each != image:
            return each
    raise OpsError("the stack's history has no earlier version that was up; name one: python -m ops deploy IMAGE")
