"""Which pulumi on PATH is used, and why another is passed over."""

from pathlib import Path

import pytest

from rehearsal.toolchain import engine
from rehearsal.toolchain.errors import NotAvailable
from tests.engine.toolchain.scripts import script, silent


def test_an_old_pulumi_on_path_is_passed_over_with_both_versions(tmp_path: Path, said: list[str]) -> None:
    script(tmp_path / "pulumi", "echo v3.100.0")
    with pytest.raises(NotAvailable):
        engine.on_path(said.append, str(tmp_path))
    [line] = said
    assert "v3.100.0" in line
    assert "3.256.0 or newer" in line


@pytest.mark.parametrize("answer", ["v4.0.0", "nonsense", ""])
def test_a_pulumi_of_another_generation_is_passed_over(tmp_path: Path, answer: str) -> None:
    script(tmp_path / "pulumi", f"echo '{answer}'")
    with pytest.raises(NotAvailable, match="below 4"):
        engine.on_path(silent, str(tmp_path))


def test_a_pulumi_without_its_language_host_is_passed_over(tmp_path: Path) -> None:
    script(tmp_path / "pulumi", "echo v3.260.1")
    with pytest.raises(NotAvailable, match="no pulumi-language-python beside it"):
        engine.on_path(silent, str(tmp_path))


def test_a_complete_and_new_enough_pulumi_on_path_is_used(tmp_path: Path) -> None:
    script(tmp_path / "bin" / "pulumi", "echo v3.260.1")
    for name in (engine.LANGUAGE_HOST, engine.EXEC):
        script(tmp_path / "bin" / name, "exit 0")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "pulumi").symlink_to(tmp_path / "bin" / "pulumi")
    assert engine.on_path(silent, str(tmp_path / "linked")) == tmp_path / "bin"
