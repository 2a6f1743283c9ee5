"""Two short drills on a rehearsed stack, the autoscaler under load and the loss of a zone; drills.json has what they measure.

They draw how the rehearsed objects behave, with shortened rules and nodes that vanish; `ops drill` breaks one thing of a stack
that serves, and measures the way back as its users see it.
"""

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rehearsal.control_plane.api import Api
from rehearsal.drills.application import Application, NoApplicationError, found
from rehearsal.drills.autoscaling import autoscaling
from rehearsal.drills.zone import zone

__all__ = ["NoApplicationError", "run"]

Say = Callable[[str], None]

FILE = "drills.json"


def run(kubeconfig: Path, out: Path, say: Say, namespace: str | None = None) -> None:
    """Does both drills and writes what they measured to `out`; afterwards the stack is as it was.

    `namespace` is where the application is looked for; everywhere otherwise.

    Raises NoApplicationError where there is nothing to drill, and ApiError.
    """
    with Api(kubeconfig) as api:
        application: Application = found(api, namespace)
        measured: dict[str, Any] = {"when": datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")}
        measured["zone"] = zone(api, application, say)
        if application.autoscaler is not None:
            measured["autoscaling"] = autoscaling(api, application, say)
        else:
            say("no autoscaler: this stack's number of pods is fixed, and there is nothing to put under load")
    (out / FILE).write_text(json.dumps(measured, indent=1) + "\n")
