"""Builds with Go: what is named when one can't be made, and what is told while one runs."""

import shutil
import time
from pathlib import Path

import pytest

from rehearsal.toolchain import ToolchainError, control_plane, definitions, disk, engine, go
from rehearsal.toolchain.errors import NotAvailable
from rehearsal.toolchain.pace import Pace
from tests.engine.toolchain.scripts import script, silent


@pytest.mark.usefixtures("nothing_reachable", "no_go")
def test_missing_go_is_named_with_everything_that_was_tried(tmp_path: Path) -> None:
    for ensure in (engine.ensure_engine, control_plane.ensure_control_plane, definitions.ensure_definitions):
        with pytest.raises(ToolchainError) as refusal:
            ensure(tmp_path, silent)
        assert "Go is not installed" in str(refusal.value)
        assert "install Go 1.26 or newer" in str(refusal.value)
    with pytest.raises(ToolchainError) as refusal:
        engine.ensure_engine(tmp_path, silent)
    assert [attempt.split(":")[0] for attempt in refusal.value.tried] == [
        "a pulumi on PATH",
        "the official release",
        "a build with Go",
    ]


def test_a_go_that_is_too_old_is_named_with_its_version(tmp_path: Path) -> None:
    script(tmp_path / "go", """echo '{"GOVERSION": "go1.19.8", "GOMODCACHE": "/x", "GOCACHE": "/x"}'""")
    with pytest.raises(NotAvailable, match=r"go1\.19\.8; Go 1\.26 or newer is needed"):
        go.find_go(str(tmp_path))


def test_too_little_disk_is_said_before_the_build_with_both_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = shutil.disk_usage(tmp_path)._replace(free=1_200_000_000)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _place: free)
    tool = go.Go(script(tmp_path / "go", "touch called"), "1.26.8", tmp_path / "modules", tmp_path / "objects")
    with pytest.raises(ToolchainError, match=r"4\.0 GB needed, 1\.2 GB free"):
        go.build(tool, tmp_path, ".", tmp_path / "out", versions={}, disk_gb=4.0, log=tmp_path / "log", say=silent)
    assert not (tmp_path / "called").exists()


def failing_build(tmp_path: Path, words: str) -> ToolchainError:
    tool = go.Go(script(tmp_path / "go", f"echo '{words}' >&2; exit 1"), "1.26.8", tmp_path, tmp_path)
    with pytest.raises(ToolchainError) as refusal:
        go.build(tool, tmp_path, ".", tmp_path / "pulumi", versions={}, disk_gb=0.001, log=tmp_path / "log", say=silent)
    return refusal.value


def test_a_build_that_fails_shows_the_end_of_its_log_and_where_the_log_is(tmp_path: Path) -> None:
    refusal = str(failing_build(tmp_path, "main.go:3: undefined: frobnicate"))
    assert "undefined: frobnicate" in refusal
    assert str(tmp_path / "log") in refusal


@pytest.mark.parametrize(
    "words",
    [
        "go: example.org/m@v1: Get https://proxy/: dial tcp: lookup proxy on 127.0.0.1:53: no such host",
        "go: example.org/m@v1: Get https://proxy/: dial tcp 192.0.2.1:443: connect: network is unreachable",
    ],
)
def test_no_network_at_all_is_called_that(tmp_path: Path, words: str) -> None:
    refusal = str(failing_build(tmp_path, words))
    assert "no network" in refusal
    assert "GOPROXY" in refusal


def test_without_a_network_the_real_go_says_so_within_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:9")  # the discard port: nobody listens
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("GONOSUMDB", "*")
    with pytest.raises(ToolchainError) as refusal:
        definitions.ensure_definitions(tmp_path / "cache-of-tools", silent)
    assert "connection refused" in str(refusal.value)
    assert "connect to the internet" in str(refusal.value)


def test_an_interrupted_build_ends_its_compilers(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    tool = go.Go(script(tmp_path / "go", f"sleep 300 & echo $! $$ > {pids}; wait"), "1.26.8", tmp_path, tmp_path)

    class Interrupting(Pace):
        def due(self) -> bool:
            if pids.exists() and pids.read_text().strip():
                raise KeyboardInterrupt
            return False

    with pytest.raises(KeyboardInterrupt):
        go.build(
            tool,
            tmp_path,
            ".",
            tmp_path / "x",
            versions={},
            disk_gb=0.001,
            log=tmp_path / "log",
            say=silent,
            pace=Interrupting(silent),
        )
    for pid in pids.read_text().split():
        end = time.monotonic() + 10
        while (status := Path(f"/proc/{pid}/status")).exists() and "\nState:\tZ" not in status.read_text():
            assert time.monotonic() < end, f"process {pid} of the build is still running"
            time.sleep(0.05)


BUILD = """
said() { for _ in $(seq 600); do grep -q "$1" {journal} && return; sleep 0.05; done; }
echo 'go: downloading a v1' >&2
said '1 modules downloaded'
echo some/package >&2
said '1 packages compiled (now some/package)'
"""


def test_progress_comes_while_a_build_runs(tmp_path: Path) -> None:
    journal = tmp_path / "said"
    journal.touch()

    def say(line: str) -> None:
        with journal.open("a") as written:
            written.write(f"{line}\n")

    tool = go.Go(script(tmp_path / "go", BUILD.replace("{journal}", str(journal))), "1", tmp_path, tmp_path)
    go.build(
        tool, tmp_path, ".", tmp_path / "pulumi", versions={}, disk_gb=0.001, log=tmp_path / "log", say=say,
        pace=Pace(say, interval_seconds=0.1),
    )  # fmt: skip
    assert "1 modules downloaded" in journal.read_text()
    assert "1 packages compiled (now some/package)" in journal.read_text()
