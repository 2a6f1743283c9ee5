"""actionlint and zizmor: whether CI's workflows are right, and whether they are safe. `make workflows` asks the two alone."""

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from judges import report
from judges.asking import json_report
from judges.findings import Finding, JudgeError, Opinion
from judges.skips import read, verdict
from judges.tools import ensure_alone, pinned, version
from rehearsal import places
from rehearsal.say import Say
from rehearsal.toolchain import ToolchainError

REPOSITORY = "repository"
"""Under which the judges' table has what belongs to no stack."""


def opinions(repository: Path, say: Say = print) -> list[Opinion]:
    """What both say of the workflows in a repository's `.github`. Raises JudgeError and ToolchainError."""
    files = sorted((repository / ".github" / "workflows").glob("*.yml"))
    return [ask_actionlint(ensure_alone("actionlint", say), repository, files), ask_zizmor(repository, files)]


def ask_actionlint(program: Path, repository: Path, files: Sequence[Path]) -> Opinion:
    """What actionlint says of the workflows. Raises JudgeError."""
    # Without shellcheck, which is not on every machine: a step is one make target, whose script is judged elsewhere.
    command = [str(program), "-no-color", "-shellcheck=", "-pyflakes=", "-format={{json .}}", *map(str, files)]
    found = [
        Finding(each["kind"], Path(each["filepath"]).name, each["message"], f"line {each['line']}")
        for each in json_report("actionlint", command, repository) or []
    ]
    return _opinion("actionlint", version("actionlint"), found, files)


def ask_zizmor(repository: Path, files: Sequence[Path]) -> Opinion:
    """What zizmor says of the workflows, and of what updates them. Raises JudgeError."""
    # Offline: an answer must not depend on what GitHub says today. Strict: what it cannot read is no agreement.
    command = [str(zizmor()), "--offline", "--no-progress", "--quiet", "--color=never", "--strict-collection"]
    found = []
    for each in json_report("zizmor", [*command, "--format=json", ".github"], repository) or []:
        place = next(at for at in each["locations"] if at["symbolic"]["kind"] == "Primary")
        name = Path(place["symbolic"]["key"]["Local"]["verbatim_path"]).name
        line = place["concrete"]["location"]["start_point"]["row"] + 1
        found.append(Finding(each["ident"], name, f"{each['desc']}: {place['symbolic']['annotation']}", f"line {line}"))
    installed = pinned((places.repository() / "requirements-dev.txt").read_text(), "zizmor")
    return _opinion("zizmor", installed, found, files)


def zizmor() -> Path:
    """The program of this environment. Raises ToolchainError where it is not installed."""
    beside = Path(sys.executable).parent / "zizmor"
    found = str(beside) if beside.exists() else shutil.which("zizmor")
    if found is None:
        raise ToolchainError("zizmor is not installed", "pip install -r requirements-dev.txt")
    return Path(found)


def _opinion(name: str, number: str, found: Sequence[Finding], files: Sequence[Path]) -> Opinion:
    """A workflow without a finding is a check that passed."""
    return Opinion(name, number, len({file.name for file in files} - {each.resource for each in found}), tuple(found))


def told(asked: Callable[[], Sequence[Opinion]]) -> int:
    """Prints what was said of the repository; status 1 where anybody objects, or could not be asked."""
    try:
        verdicts = [verdict(each, REPOSITORY, read()) for each in asked()]
    except (JudgeError, ToolchainError) as reason:
        print(f"error: {reason}")
        return 1
    print("\n".join([*report.table(REPOSITORY, verdicts), *report.failures(verdicts)]))
    return 1 if any(each.failed for each in verdicts) else 0


if __name__ == "__main__":
    sys.exit(told(lambda: opinions(places.repository())))
