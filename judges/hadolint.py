"""hadolint: whether the application's Dockerfile is written as its makers' and ShellCheck's rules want it."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from judges.findings import Finding, JudgeError, Opinion
from judges.tools import Judges

TIMEOUT_SECONDS = 60.0


def ask(judges: Judges, dockerfile: Path) -> Opinion:
    """What hadolint says of the file, style included; ignore remarks in the file don't count. Raises JudgeError."""
    run = subprocess.run(
        [str(judges.hadolint), "--no-fail", "--disable-ignore-pragma", "--format=json", str(dockerfile)],
        cwd=judges.hadolint.parent,  # where no configuration of somebody's lies
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    try:
        return opinion(judges.versions["hadolint"], json.loads(run.stdout))
    except ValueError:
        raise JudgeError(f"hadolint gave no report (exit code {run.returncode}):\n{run.stderr[-2000:]}") from None


def opinion(version: str, report: Sequence[Mapping[str, Any]]) -> Opinion:
    """The opinion in hadolint's JSON report on one file, which lists nothing that passed. Raises JudgeError."""
    unread = [each["message"] for each in report if each["code"] == "DL1000"]
    if unread:
        raise JudgeError(f"hadolint can't read the Dockerfile: {unread[0]}")
    failed = [
        Finding(each["code"], Path(each["file"]).name, each["message"], f"line {each['line']}") for each in report
    ]
    return Opinion("hadolint", version, 0 if failed else 1, tuple(failed))
