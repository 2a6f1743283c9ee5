"""A machine without Go, and one whose official sites nobody reaches."""

from pathlib import Path

import pytest

from rehearsal.toolchain import download, go


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def nothing_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """No official site answers, whatever network this machine has."""
    monkeypatch.setattr(download, "reachable", lambda _url: False)


@pytest.fixture
def no_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No Go, and no pulumi: a PATH with the usual programs alone, and no Go in its standard place."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(go, "STANDARD_PLACE", str(tmp_path / "nowhere"))
