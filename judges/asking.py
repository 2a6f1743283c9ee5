"""How a judge's program is asked: run to its end, its report read from what it prints."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from judges.findings import JudgeError

TIMEOUT_SECONDS = 300.0
"""Of the slowest, checkov; the others take seconds."""


def json_report(
    name: str, command: Sequence[str], folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> Any:
    """What a program prints as JSON, whatever its status: in `folder`, with more in its environment. Raises JudgeError."""
    run = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    try:
        return json.loads(run.stdout)
    except ValueError:
        raise JudgeError(f"{name} gave no report (exit code {run.returncode}):\n{run.stderr[-2000:]}") from None
