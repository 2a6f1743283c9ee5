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
    content["config"]["tiny:names"] = names
    file.write_text(yaml.safe_dump(content))
    author = ["-c", "user.name=A test", "-c", "user.email=test@example.com"]
    for words in (["add", "-A"], [*author, "commit", "-qm", "A change"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return deliver.run("git", "rev-parse", "HEAD", folder=folder).strip()


def test_a_release_that_is_not_healthy_is_taken_back_to_the_commit_before_it(
    toolchain: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    healthy: list[str] = []
    monkeypatch.setattr(deliver, "smoke", healthy.append)

    deliver.run("pulumi", "stack", "init", "dev", folder=project)
    good = commit(project, ["a", "b"])
    deliver.pulumi("up", "--yes", "--skip-preview", "--stack", "dev", folder=project)
    commit(project, ["a", "b", "bad"])
    deliver.pulumi("up", "--yes", "--skip-preview", "--stack", "dev", folder=project)

    deliver.rollback("dev")

    exported = json.loads(deliver.pulumi("stack", "export", "--stack", "dev", folder=project))
    things = {entry["urn"].rsplit("::", 1)[-1] for entry in exported["deployment"]["resources"]}
    assert {"a", "b"} <= things
    assert "bad" not in things
    history = json.loads(deliver.pulumi("stack", "history", "--json", "--stack", "dev", folder=project))
    assert history[0]["environment"]["git.head"] == good
    assert healthy == ["dev"]
    assert not (project / "out" / "last-good").exists()
