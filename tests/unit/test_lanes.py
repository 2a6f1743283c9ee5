"""Layers of tests that run at once (scripts/lanes.py): each is told as one piece, and one that fails fails all."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.plan import PROJECT_FOLDER

LAYERS = """#!/bin/sh
# "slow" begins first and ends last.
shift
for layer in "$@"; do
    echo "== $layer"
    [ "$layer" != slow ] || sleep 1
    echo "$layer says something"
    [ "$layer" = bad ] && { echo "== bad: FAILED after 0 s"; exit 1; }
    echo "== $layer: passed in 0 s"
done
"""


def lanes(folder: Path, *layers: str) -> subprocess.CompletedProcess[str]:
    script = shutil.copy(PROJECT_FOLDER / "scripts" / "lanes.py", folder)
    (folder / "test.sh").write_text(LAYERS)
    (folder / "test.sh").chmod(0o755)
    return subprocess.run([sys.executable, script, *layers], capture_output=True, text=True, check=False)


def test_layers_of_two_lanes_are_told_one_after_the_other_as_each_ends(tmp_path: Path) -> None:
    done = lanes(tmp_path, "slow", "--", "first", "second")
    assert done.returncode == 0
    told = [line for line in done.stdout.splitlines() if not line.startswith("--")]
    expected = [
        line
        for name in ("first", "second", "slow")
        for line in (f"== {name}", f"{name} says something", f"== {name}: passed in 0 s")
    ]
    assert told == expected


@pytest.mark.parametrize("layers", [("bad", "--", "good"), ("good", "--", "bad")])
def test_one_layer_that_fails_fails_all_and_the_others_are_told(tmp_path: Path, layers: tuple[str, ...]) -> None:
    done = lanes(tmp_path, *layers)
    assert done.returncode == 1
    assert "== bad: FAILED" in done.stdout
    assert "== good: passed" in done.stdout
