"""Going back to the last good commit, through the real engine: what an unhealthy commit brought is taken back."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from rehearsal.run import Rehearsal
from rehearsal.toolchain import Toolchain
from rehearsal.wrappers import write_wrappers
from scripts import deliver
from tests.engine.conftest import TINY, tiny_plugin


def commit(folder: Path, names: list[str]) -> str:
    """Writes the tiny program's things, and gives the commit that says so."""
    file = folder / "Pulumi.dev.yaml"
    content = yaml.safe_load(file.read_text())
    content["config"] |= {"tiny:names": names, "tiny:app": {"image": "registry.example/app:committed"}}
    file.write_text(yaml.safe_dump(content))
    author = ["-c", "user.name=A test", "-c", "user.email=test@example.com"]
    for words in (["add", "-A"], [*author, "commit", "-qm", "A change"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return deliver.run("git", "rev-parse", "HEAD", folder=folder).strip()


def image(letter: str) -> str:
    return f"registry.example/app@sha256:{letter * 64}"


@pytest.fixture
def project(toolchain: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny program in a repository of its own, with a stack in a folder; what CI does is done to it."""
    project = tmp_path / "project"
    shutil.copytree(TINY, project)
    (project / ".gitignore").write_text("/out/\n")
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    (tmp_path / "backend").mkdir()
    plugins = tiny_plugin(tmp_path / "plugins")
    tiny = Rehearsal(
        "dev", tmp_path / "state", tmp_path / "out", project,
        toolchain=toolchain, with_control_plane=False, plugin_path=(plugins,),
    )  # fmt: skip
    write_wrappers(tiny.state_directory / "bin", toolchain)
    backend = {"PULUMI_BACKEND_URL": f"file://{tmp_path}/backend", "PULUMI_CONFIG_PASSPHRASE": "a test's own"}
    for name, value in tiny.environment({**backend, "TINY_JOURNAL": str(tmp_path / "journal")}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(deliver, "ROOT", project)
    deliver.run("pulumi", "stack", "init", "dev", folder=project)
    return project


def state(project: Path) -> tuple[set[str], str, str]:
    """What runs: the things, the commit, the image."""
    exported = json.loads(deliver.pulumi("stack", "export", "--stack", "dev", folder=project))
    names = {entry["urn"].rsplit("::", 1)[-1] for entry in exported["deployment"]["resources"]} & {"a", "b", "bad"}
    newest = json.loads(deliver.pulumi("stack", "history", "--json", "--stack", "dev", folder=project))[0]
    outputs = json.loads(deliver.pulumi("stack", "output", "--json", "--stack", "dev", folder=project))
    return names, newest["environment"]["git.head"], outputs["image"]


def test_a_release_that_is_not_healthy_is_taken_back_to_the_state_before_it_with_its_image(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy: list[str] = []
    monkeypatch.setattr(deliver, "smoke", healthy.append)
    good = commit(project, ["a", "b"])
    monkeypatch.setenv("IMAGE", image("1"))
    deliver.deploy("dev")
    bad = commit(project, ["a", "b", "bad"])
    monkeypatch.setenv("IMAGE", image("2"))
    deliver.deploy("dev")
    assert state(project) == ({"a", "b", "bad"}, bad, image("2"))

    deliver.rollback("dev")

    assert state(project) == ({"a", "b"}, good, image("1"))
    assert healthy == ["dev"]
    assert not (project / "out" / "last-good").exists()
    assert deliver.run("git", "status", "--porcelain", folder=project) == ""

    # The same commit with a newer image, as the weekly build makes: the image alone is taken back.
    for letter in "34":
        monkeypatch.setenv("IMAGE", image(letter))
        deliver.deploy("dev")
    deliver.rollback("dev")
    assert state(project) == ({"a", "b", "bad"}, bad, image("3"))


def test_a_preview_keeps_the_image_that_was_delivered_and_not_one_that_has_a_tag(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "price", lambda stack: deliver.price_file(stack).write_text("**dev: 1 USD a month**"))
    monkeypatch.delenv("IMAGE", raising=False)
    commit(project, ["a"])
    deliver.preview("dev")
    assert "registry.example/app:committed" in deliver.preview_file("dev").read_text()
    deliver.deploy("dev")
    assert deliver.image_for("dev") is None
    monkeypatch.setenv("IMAGE", image("1"))
    deliver.deploy("dev")
    monkeypatch.delenv("IMAGE")
    assert deliver.image_for("dev") == image("1")
    commit(project, ["a", "b"])
    deliver.preview("dev")
    written = deliver.preview_file("dev").read_text()
    assert "+ tiny:index:Thing: (create)" in written
    assert "committed" not in written
    assert deliver.run("git", "status", "--porcelain", folder=project) == ""
