"""Modules, definitions and recipes are those that are committed."""

import shutil
from pathlib import Path

import pytest

from rehearsal import places
from rehearsal.toolchain import ToolchainError, control_plane, definitions, engine
from tests.engine.toolchain.scripts import silent


def test_every_pinned_module_has_the_checksum_that_a_build_needs() -> None:
    for module in (engine.MODULE, control_plane.MODULE, definitions.MODULE):
        sums = (module / "go.sum").read_text()
        lines = [
            line.strip().removeprefix("require ").removeprefix("replace ")
            for line in (module / "go.mod").read_text().splitlines()
        ]
        replaced = dict(line.split(" => ") for line in lines if " => " in line)
        required = [
            line.removesuffix(" // indirect")
            for line in lines
            if len(line.split(" // ")[0].split()) == 2 and " v" in line
        ]
        assert required
        for pin in required:
            held = replaced.get(pin.split()[0], pin)
            assert f"{held}/go.mod h1:" in sums, f"{held} is not in {module.name}/go.sum"


def test_a_module_with_another_checksum_than_pinned_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forged = tmp_path / "definitions"
    shutil.copytree(definitions.MODULE, forged)
    sums = (forged / "go.sum").read_text()
    first = next(line for line in sums.splitlines() if "cert-manager" in line and "/go.mod" not in line)
    (forged / "go.sum").write_text(sums.replace(first.split()[-1], "h1:" + "A" * 43 + "="))
    monkeypatch.setattr(definitions, "MODULE", forged)
    with pytest.raises(ToolchainError):
        definitions.ensure_definitions(tmp_path / "cache", silent)
    assert not list((tmp_path / "cache").glob("custom-resource-definitions*/"))


def test_the_definitions_of_every_chart_are_there() -> None:
    folder = definitions.ensure_definitions(places.cache(), silent)
    names = {
        chart: {file.stem.split("_")[-1] for file in (folder / chart).glob("*.yaml")} for chart in definitions.SOURCES
    }
    assert {"servicemonitors", "podmonitors", "prometheusrules", "alertmanagerconfigs"} <= names[
        "kube-prometheus-stack"
    ]
    assert {"externalsecrets", "secretstores", "clustersecretstores"} <= names["external-secrets"]
    assert {"certificates", "issuers", "clusterissuers"} <= names["cert-manager"]
    assert {"targetgroupbindings", "ingressclassparams"} <= names["aws-load-balancer-controller"]
    for file in folder.rglob("*.yaml"):
        assert "kind: CustomResourceDefinition\n" in file.read_text(), f"{file} holds no definition"


def test_another_recipe_gives_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = control_plane.recipe()
    copied = tmp_path / "kubernetes"
    shutil.copytree(control_plane.MODULE, copied)
    monkeypatch.setattr(control_plane, "MODULE", copied)
    assert control_plane.recipe() == before
    (copied / "main.go").write_text((copied / "main.go").read_text() + "\n// changed\n")
    assert control_plane.recipe() != before
