"""hadolint: whether the application's Dockerfile is written as its makers' and ShellCheck's rules want it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from judges.asking import json_report
from judges.findings import Finding, JudgeError, Opinion
from judges.tools import Judges


def ask(judges: Judges, dockerfile: Path) -> Opinion:
    """What hadolint says of the file, style included; ignore remarks in the file don't count. Raises JudgeError."""
    command = [str(judges.hadolint), "--no-fail", "--disable-ignore-pragma", "--format=json", str(dockerfile)]
    folder = judges.hadolint.parent  # where no configuration of somebody's lies
    return opinion(judges.versions["hadolint"], json_report("hadolint", command, folder))


def opinion(version: str, report: Sequence[Mapping[str, Any]]) -> Opinion:
    """The opinion in hadolint's JSON report on one file, which lists nothing that passed. Raises JudgeError."""
    unread = [each["message"] for each in report if each["code"] == "DL1000"]
    if unread:
        raise JudgeError(f"hadolint can't read the Dockerfile: {unread[0]}")
    failed = [
        Finding(each["code"], Path(each["file"]).name, each["message"], f"line {each['line']}") for each in report
    ]
    return Opinion("hadolint", version, 0 if failed else 1, tuple(failed))
