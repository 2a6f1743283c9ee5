"""`pulumi new` from this repository gives a project of one's own, whose preview works in the rehearsal."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rehearsal import places
from rehearsal.run import Rehearsal
from rehearsal.toolchain import Toolchain
from rehearsal.wrappers import write_wrappers
from tests.engine.conftest import unmeasured

ANSWERS = {
    "account_id": "210987654321",
    "region": "eu-central-1",
    "domain": "marlin.dev",
    "hosted_zone_id": "Z0ACME",
    "administrator": "arn:aws:iam::210987654321:role/admins",
    "api_network": "198.18.0.0/24",
}


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """The repository's files, as git would give them."""
    folder = tmp_path / "template"
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=places.repository(), capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        if (places.repository() / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(places.repository() / name, folder / name)
    return folder


def own(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, folder / "scripts" / "own.py"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@unmeasured()
def test_pulumi_new_asks_and_what_it_makes_previews_with_the_answers_in_every_stack(
    template: Path, toolchain: Toolchain, tmp_path: Path
) -> None:
    project = tmp_path / "acme"
    project.mkdir()
    (tmp_path / "backend").mkdir()
    engine = Rehearsal("dev", tmp_path / "engine", tmp_path / "out", template, toolchain=toolchain)
    write_wrappers(engine.state_directory / "bin", toolchain)
    backend = {"PULUMI_BACKEND_URL": f"file://{tmp_path}/backend", "PULUMI_CONFIG_PASSPHRASE": "a user's own"}
    command = ["pulumi", "new", str(template), "--name", "acme", "--stack", "dev", "--yes", "--offline"]
    command += [word for key, answer in ANSWERS.items() for word in ("--config", f"{key}={answer}")]
    made = subprocess.run(
        command, cwd=project, env=engine.environment(backend), capture_output=True, text=True, timeout=120, check=False
    )
    # All that fails is the installation of packages, which the rehearsal's language host leaves to pip.
    assert made.returncode == 0 or "language host installs nothing" in made.stderr, made.stdout + made.stderr
    done = own(project)
    assert done.returncode == 0, done.stdout + done.stderr

    for stack in ("account", "dev", "staging", "prod", "local"):
        text = (project / f"Pulumi.{stack}.yaml").read_text()
        assert not any(word in text for word in ("111122223333", "example.com", "203.0.113", "EXAMPLE", "marlinspike"))
    merge = (project / ".github" / "workflows" / "merge.yml").read_text()
    assert set(re.findall(r":role/([a-z]+)-", merge)) == {"acme"}
    config = yaml.safe_load((project / "Pulumi.prod.yaml").read_text())["config"]
    assert config["acme:account"]["region"] == "eu-central-1"
    assert config["acme:recovery"]["region"] == "eu-west-3"
    assert config["acme:edge"]["domain"] == "app.marlin.dev"
    assert config["acme:cluster"]["administrators"] == [ANSWERS["administrator"]]
    assert "acme:account_id" not in yaml.safe_load((project / "Pulumi.dev.yaml").read_text())["config"]
    amazon = Rehearsal("dev", tmp_path / "state", tmp_path / "out", project, toolchain=toolchain)
    try:
        result = amazon.preview()
        assert result.succeeded, result.run.errors
        assert result.changes["create"] > 100
    finally:
        amazon.remove()


def test_answers_that_cannot_be_are_all_told_and_nothing_is_written(template: Path) -> None:
    file = template / "Pulumi.dev.yaml"
    file.write_text(file.read_text() + "  marlinspike:account_id: '12'\n  marlinspike:api_network: 300.0.0.0/24\n")
    before = {path: path.read_text() for path in template.glob("Pulumi*.yaml")}
    done = own(template)
    assert done.returncode == 1
    for key in (
        "account_id: 12; write twelve digits",
        "domain: is missing",
        "administrator: is missing",
        "api_network: ",
    ):
        assert key in done.stdout
    assert before == {path: path.read_text() for path in template.glob("Pulumi*.yaml")}
