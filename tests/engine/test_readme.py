"""Every command of the README does what it says: each is either run here, or stands for the test that runs it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal import places
from rehearsal.run import Rehearsal
from rehearsal.toolchain import Toolchain
from tests.engine.conftest import unmeasured

README = places.repository() / "README.md"

ELSEWHERE = {
    "make test": "CI: it is what .ci/run calls",
    "pip install -r requirements.txt": "the environment of every run of these tests",
}
"""Commands that cannot be run inside a test, and where they are."""


def commands() -> list[str]:
    """The commands in the README's `sh` blocks, without their remarks."""
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), flags=re.DOTALL)
    return [line.split("  #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


MAKE = [command for command in commands() if command.startswith("make ") and command not in ELSEWHERE]
PULUMI = [command for command in commands() if command.startswith("pulumi ")]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the project as a newcomer has it, with this run's packages in place of an installation of its own."""
    folder = tmp_path_factory.mktemp("newcomer") / "marlinspike"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=places.repository(),
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (places.repository() / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(places.repository() / name, folder / name)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    author = ["-c", "user.name=A newcomer", "-c", "user.email=newcomer@example.com"]
    subprocess.run(["git", *author, "commit", "-qm", "As cloned"], cwd=folder, check=True)
    _borrow_packages(folder)
    try:
        yield folder
    finally:
        make(folder, "clean")


def _borrow_packages(folder: Path) -> None:
    """Gives a checkout a `.venv` of links to this run's, with a mark of its own: without it `make` would install all anew."""
    environment = folder / ".venv"
    environment.mkdir()
    for entry in Path(sys.prefix).iterdir():
        if entry.name != ".installed":
            (environment / entry.name).symlink_to(entry)
    mark = "{ cat requirements-dev.txt scripts/environment.sh; pwd; } | cksum"  # as scripts/environment.sh makes it
    found = subprocess.run(["sh", "-c", mark], cwd=folder, capture_output=True, text=True, check=True)
    (environment / ".installed").write_text(found.stdout)


def make(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["make", *words], cwd=folder, capture_output=True, text=True, timeout=600, check=False, stdin=subprocess.DEVNULL
    )


def test_every_command_of_the_readme_is_run_somewhere() -> None:
    assert set(commands()) == {*MAKE, *PULUMI, *ELSEWHERE}
    assert MAKE == ["make rehearse", "make preview", "make report", "make destroy", "make clean", "make help"]
    assert PULUMI == ["pulumi login --local", "pulumi stack init dev", "pulumi up --stack dev"]


def test_the_make_commands_work_in_a_fresh_checkout_and_leave_git_clean(checkout: Path) -> None:
    # `local` is the quickest stack; tests/engine/test_stacks.py runs the others.
    said = {}
    for command in MAKE:
        done = make(checkout, *command.split()[1:], "STACK=local")
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        said[command] = done.stdout
        status = subprocess.run(
            ["git", "status", "--porcelain"], cwd=checkout, capture_output=True, text=True, check=True
        )
        assert status.stdout == ""
    assert "The rehearsal of local is up" in said["make rehearse"]
    assert "What to do next" in said["make rehearse"]
    assert "No changes" in said["make preview"]
    assert "is gone" in said["make destroy"]
    assert "make rehearse" in said["make help"]


@unmeasured()
def test_plain_pulumi_brings_dev_up_as_a_user_with_an_account_does_it(
    checkout: Path, toolchain: Toolchain, tmp_path: Path
) -> None:
    # Nothing of the rehearsal is used but its plugins on PATH, in the place of Amazon.
    amazon = Rehearsal("dev", state=tmp_path / "state", out=tmp_path / "out", toolchain=toolchain)
    try:
        amazon.preview()
        environment = amazon.environment(
            {"PULUMI_HOME": str(tmp_path / "home"), "PULUMI_CONFIG_PASSPHRASE": "a user's own"}
        )
        del environment["PULUMI_BACKEND_URL"]
        # `--local` is a folder in the user's home, which is nothing for a test to write to.
        (tmp_path / "backend").mkdir()
        for command in PULUMI:
            words = [
                *command.replace("--local", f"file://{tmp_path}/backend").split(),
                *(["--yes", "--skip-preview"] if "up" in command.split() else []),
            ]
            done = subprocess.run(
                words,
                cwd=checkout,
                env={**os.environ, **environment},
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
            assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        assert "database_address" in done.stdout
    finally:
        amazon.remove()
        subprocess.run(["git", "checkout", "-q", "--", "Pulumi.dev.yaml"], cwd=checkout, check=True)
