"""Monitoring's tools: their three ways."""

import os
import tarfile
from pathlib import Path

import pytest

from rehearsal.toolchain import ToolchainError, monitoring, ways
from rehearsal.toolchain.errors import NotAvailable
from tests.engine.toolchain.scripts import script, silent


@pytest.mark.usefixtures("nothing_reachable", "no_go")
def test_monitoring_that_can_t_be_had_names_each_of_its_three_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARLINSPIKE_CACHE", str(tmp_path))
    with pytest.raises(ToolchainError) as refused_:
        monitoring.ensure_monitoring(silent)
    said = str(refused_.value)
    assert "Prometheus 3.7.3 can't be had." in said, "0.307.3 is the version of its Go module"
    assert [line.split(":")[1] for line in said.splitlines() if "tried" in line] == [
        " the official release",
        " Debian's package",
        " a build with Go",
    ]


def test_programs_come_out_of_a_debian_package_without_installing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = tmp_path / "content" / "usr" / "bin" / "prometheus-alertmanager"
    script(content, "echo version 0.25.0")
    with tarfile.open(tmp_path / "content.tar", "w") as packed:
        packed.add(tmp_path / "content", "./")
    path = tmp_path / "path"
    script(path / "apt-get", "[ $3 = update ] || touch alertmanager.deb")
    script(path / "dpkg-deb", f"cat {tmp_path / 'content.tar'}")
    monkeypatch.setenv("PATH", f"{path}:{os.environ['PATH']}")
    (folder := tmp_path / "part").mkdir()
    ways.from_debian("alertmanager", {"usr/bin/prometheus-alertmanager": "alertmanager"}, folder)
    assert [file.name for file in folder.iterdir()] == ["alertmanager"]
    assert monitoring.version_of(folder / "alertmanager") == "0.25.0"

    script(path / "apt-get", "echo 'E: Unable to locate package' >&2; exit 100")
    with pytest.raises(NotAvailable, match="Unable to locate package"):
        ways.from_debian("alertmanager", {}, folder)
