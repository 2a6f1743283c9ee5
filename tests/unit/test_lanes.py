"""Layers of tests that run at once (scripts/lanes.py): each is told as one piece, and one that fails fails all."""

import os
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
    if [ "$layer" = slow ]; then
        until [ -e "$0.second" ]; do sleep 0.1; done
        sleep 0.5
    fi
    echo "$layer says something"
    [ "$layer" = bad ] && { echo "== bad: FAILED after 0 s"; exit 1; }
    echo "== $layer: passed in 0 s"
    : >"$0.$layer"
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


def tried_beside_another_lane(folder: Path, test: str) -> subprocess.CompletedProcess[str]:
    """scripts/test.sh on a project of two tests: one in layer app, and one in layer monitoring that passes."""
    shutil.copytree(PROJECT_FOLDER / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    for layer in ("app", "preflight", "monitoring"):
        (folder / "tests" / layer).mkdir(parents=True)
    (folder / "tests" / "app" / "test_one.py").write_text(test)
    (folder / "tests" / "monitoring" / "test_two.py").write_text("def test_two(): pass\n")
    script = folder / "scripts" / "test.sh"
    environment = {name: value for name, value in os.environ.items() if name not in ("COVERAGE", "FULL")}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # two seconds of imports each time
    return subprocess.run(
        ["sh", script, "app", "--", "monitoring"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env=environment,
    )


BUSY = """
from pathlib import Path

import pytest

@pytest.fixture(scope="module")
def stack():
    mark = Path(__file__).with_name("tried")
    first = not mark.exists()
    mark.touch()
    assert not first

@pytest.mark.parametrize("number", range(9))
def test_one(stack, number): pass
"""


def test_what_fails_of_the_other_lane_is_tried_alone_and_told(tmp_path: Path) -> None:
    done = tried_beside_another_lane(tmp_path, BUSY)
    assert done.returncode == 0, done.stdout
    assert "== app: FAILED" in done.stdout
    assert '"tests/app/test_one.py::test_one[8]"' in done.stdout
    assert "== app, what failed: passed" in done.stdout


def test_what_fails_alone_too_has_failed(tmp_path: Path) -> None:
    done = tried_beside_another_lane(tmp_path, "def test_one(): assert 1 == 2\n")
    assert done.returncode == 1
    assert "== app, what failed: FAILED" in done.stdout
