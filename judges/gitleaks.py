"""gitleaks: whether a secret stands in what is committed, or in what the program emits. `make secrets` asks about the former."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from judges.asking import json_report
from judges.findings import Finding, JudgeError, Opinion
from judges.tools import ensure_alone, version
from judges.workflows import told
from rehearsal import places


def ask(program: Path, folder: Path, *parts: str) -> Opinion:
    """What gitleaks says of every file below the folder, or of those parts of it; remarks in files don't count.

    Raises JudgeError.
    """
    asked = [folder / part for part in parts] or [folder]
    report = [each for part in asked for each in _report(program, part)]
    files = sum(file.is_file() for part in asked for file in part.rglob("*"))
    return opinion(report, folder, files)


def _report(program: Path, folder: Path) -> Sequence[Mapping[str, Any]]:
    options = ["--no-banner", "--log-level=error", "--exit-code=0", "--report-format=json", "--report-path=-"]
    with tempfile.TemporaryDirectory() as empty:  # where no configuration of somebody's lies
        options += ["--ignore-gitleaks-allow", f"--gitleaks-ignore-path={empty}"]
        report: Sequence[Mapping[str, Any]] = json_report(
            "gitleaks", [str(program), "dir", *options, str(folder)], Path(empty)
        )
    return report


def opinion(report: Sequence[Mapping[str, Any]], folder: Path, files: int) -> Opinion:
    """The opinion in gitleaks' JSON report on so many files: a file without a secret is a check that passed.

    What it took for a secret is named by a digest, so that a reason is about that text and no other, and shows nothing.
    """
    failed = {}
    for each in report:
        file = Path(each["File"])
        path = str(file.relative_to(folder))
        digest = hashlib.sha256(each["Secret"].encode()).hexdigest()[:8]
        finding = Finding(each["RuleID"], f"{path}#{digest}", each["Description"], f"{path}:{each['StartLine']}")
        failed[finding.check, finding.resource] = finding
    with_secrets = {each.resource.partition("#")[0] for each in failed.values()}
    return Opinion(
        "gitleaks", version("gitleaks"), files - len(with_secrets), tuple(failed[key] for key in sorted(failed))
    )


def ask_about_sources(program: Path, repository: Path) -> Opinion:
    """What gitleaks says of every file that is committed or could be: what git ignores is nobody else's. Raises JudgeError."""
    listed = subprocess.run(
        ["/usr/bin/env", "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        raise JudgeError(f"git does not tell which files are the project's: {listed.stderr.strip()}; work in a clone")
    with tempfile.TemporaryDirectory() as copy:
        for name in filter(None, listed.stdout.split("\0")):
            if (repository / name).is_file():
                (Path(copy) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(repository / name, Path(copy) / name)
        return ask(program, Path(copy))


if __name__ == "__main__":
    sys.exit(told(lambda: [ask_about_sources(ensure_alone("gitleaks", print), places.repository())]))
