"""Asks actionlint and zizmor what they think of CI's workflows: `make workflows`."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from judges.tools import ensure_actionlint
from rehearsal import places
from rehearsal.toolchain import ToolchainError

TIMEOUT_SECONDS = 120.0


def zizmor() -> Path:
    """The program of this environment. Raises ToolchainError where it is not installed."""
    beside = Path(sys.executable).parent / "zizmor"
    found = str(beside) if beside.exists() else shutil.which("zizmor")
    if found is None:
        raise ToolchainError("zizmor is not installed", "pip install -r requirements-dev.txt")
    return Path(found)


def complaints(folder: Path, actionlint: Path, zizmor: Path) -> list[str]:
    """What each says of the workflows in a repository's `.github`; empty where both are content."""
    workflows = sorted(map(str, (folder / ".github" / "workflows").glob("*.yml")))
    asked: Sequence[Sequence[str]] = (
        [str(actionlint), "-no-color", "-oneline", "-shellcheck=", "-pyflakes=", *workflows],
        # Offline: an answer must not depend on what GitHub says today. Strict: what it cannot read is no agreement.
        [str(zizmor), "--offline", "--no-progress", "--quiet", "--color=never", "--strict-collection", ".github"],
    )
    said = []
    for command in asked:
        run = subprocess.run(
            list(command), cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        )
        if run.returncode != 0:
            said.append(f"{Path(command[0]).name} (status {run.returncode}):\n{run.stdout}{run.stderr}")
    return said


def main() -> int:
    """Status 1 where one of them objects."""
    try:
        said = complaints(places.repository(), ensure_actionlint(print), zizmor())
    except ToolchainError as reason:
        print(f"error: {reason}")
        return 1
    print("\n".join(said) or "actionlint and zizmor: nothing to object")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
