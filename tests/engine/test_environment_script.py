"""`scripts/environment.sh` on machines where something is missing: it says what, and what to do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal import places


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that holds what the script reads, with a space in its name; one package is wanted."""
    folder = tmp_path / "a clone"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(places.repository() / "scripts" / "environment.sh", folder / "scripts")
    (folder / "requirements-dev.txt").write_text(f"no-such-package==1.0 --hash=sha256:{'0' * 64}\n")
    return folder


QUICK = f"""case "$1 $2" in
"-m venv")
    mkdir -p .venv/bin && echo "command = python -m venv $PWD/.venv" >.venv/pyvenv.cfg
    printf '#!/bin/sh\\nexec {sys.executable} "$@"\\n' >.venv/bin/python && chmod +x .venv/bin/python ;;
*) exec {sys.executable} "$@" ;;
esac"""
"""A Python whose virtual environments are made in no time: they are this one."""


def environment(clone: Path, python: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["sh", "scripts/environment.sh"],
        cwd=clone,
        env={
            **os.environ,
            "PYTHON": python,
            "PIP_RETRIES": "0",
            "PIP_FIND_LINKS": "",
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def python_that(folder: Path, script: str) -> str:
    file = folder / "python"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return str(file)


def test_no_python_an_old_one_and_a_broken_one_are_named(clone: Path, tmp_path: Path) -> None:
    missing = environment(clone, "/nonexistent/python")
    old = environment(clone, python_that(tmp_path, 'case "$2" in *platform*) echo 3.10.2 ;; *) exit 1 ;; esac'))
    broken = environment(clone, python_that(tmp_path, "echo cannot load libpython >&2; exit 127"))
    assert "there is no /nonexistent/python" in missing.stderr
    assert "is Python 3.10.2, which is too old" in old.stderr
    assert "does not run: cannot load libpython" in broken.stderr
    for answer in (missing, old, broken):
        assert answer.returncode == 1
        assert "install Python 3.11 or newer" in answer.stderr
        assert not (clone / ".venv").exists()


def test_an_index_out_of_reach_is_named_and_the_next_try_begins_anew(clone: Path, tmp_path: Path) -> None:
    answer = environment(clone, python_that(tmp_path, QUICK), PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert answer.returncode == 1
    assert "Python's package index can't be reached, or is empty (whole log: .venv/install.log)" in answer.stderr
    assert "name a mirror with PIP_INDEX_URL" in answer.stderr
    assert not (clone / ".venv" / ".installed").exists()


def test_what_is_there_is_left_and_made_anew_when_the_clone_was_moved(clone: Path, tmp_path: Path) -> None:
    (clone / "requirements-dev.txt").write_text("")
    quick = python_that(tmp_path, QUICK)
    assert environment(clone, quick).returncode == 0
    again = environment(clone, "/nonexistent/python")
    assert (again.returncode, again.stderr) == (0, "")
    moved = clone.rename(clone.with_name("moved"))
    anew = environment(moved, quick)
    assert "making .venv" in anew.stderr
    assert str(moved) in (moved / ".venv" / "pyvenv.cfg").read_text()
