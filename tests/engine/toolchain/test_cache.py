"""Tools in the cache: used as they are, made again when damaged, made once by two at once."""

import multiprocessing
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.toolchain import ToolchainError, engine, store
from tests.engine.toolchain.scripts import silent


def made_tool(folder: Path, content: str = "the tool") -> Callable[[Path], None]:
    def make(part: Path) -> None:
        assert part != folder, "a tool is made under a temporary name"
        (part / "tool").write_text(content)
        (part / "link").symlink_to("tool")

    return make


def refused(_part: Path) -> None:
    raise AssertionError("what is in the cache must not be made again")


def test_a_tool_in_the_cache_is_used_as_it_is(tmp_path: Path) -> None:
    folder = store.obtain(tmp_path / "tool-1", made_tool(tmp_path / "tool-1"), silent)
    assert store.obtain(folder, refused, silent, required=("tool", "link")) == folder
    check = subprocess.run(
        ["sha256sum", "-c", store.CHECKSUMS], cwd=folder, capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, "the checksums are those that sha256sum computes"


@pytest.mark.parametrize("harm", ["changed", "missing", "checksums missing", "link missing"])
def test_a_damaged_tool_is_found_out_and_made_again(tmp_path: Path, said: list[str], harm: str) -> None:
    folder = store.obtain(tmp_path / "tool-1", made_tool(tmp_path / "tool-1"), silent)
    if harm == "changed":
        (folder / "tool").write_text("the fool")
    else:
        (folder / {"missing": "tool", "checksums missing": store.CHECKSUMS, "link missing": "link"}[harm]).unlink()
    store.obtain(folder, made_tool(folder, "made again"), said.append, required=("tool", "link"))
    assert (folder / "tool").read_text() == "made again"
    assert any("damaged" in line for line in said)


def test_a_build_that_fails_leaves_nothing_half_made(tmp_path: Path) -> None:
    def fails(part: Path) -> None:
        (part / "half").write_text("half a tool")
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        store.obtain(tmp_path / "tool-1", fails, silent)
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_dir()] == []


def test_the_remains_of_a_killed_build_are_removed_by_the_next(tmp_path: Path) -> None:
    remains = tmp_path / ".tool-1.4711.part"
    remains.mkdir()
    (remains / "half").write_text("half a tool")
    store.obtain(tmp_path / "tool-1", made_tool(tmp_path / "tool-1"), silent)
    assert not remains.exists()


def _obtain_slowly(folder: Path, journal: Path) -> None:
    def make(part: Path) -> None:
        with journal.open("a") as written:
            written.write("made\n")
        time.sleep(0.5)
        (part / "tool").write_text("the tool")

    store.obtain(folder, make, silent)


def test_two_rehearsals_at_once_build_a_tool_once(tmp_path: Path) -> None:
    spawning = multiprocessing.get_context("spawn")
    both = [spawning.Process(target=_obtain_slowly, args=(tmp_path / "tool-1", tmp_path / "journal")) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert (tmp_path / "journal").read_text() == "made\n"


@pytest.mark.usefixtures("nothing_reachable", "no_go")
def test_a_corrupted_engine_in_the_cache_is_refused(tmp_path: Path, said: list[str]) -> None:
    folder = tmp_path / f"pulumi-{engine.VERSION}"

    def make(part: Path) -> None:
        (part / "pulumi").write_text("engine")
        (part / engine.EXEC).write_text("exec")

    store.obtain(folder, make, silent)
    assert engine.ensure_engine(tmp_path, silent) == folder
    (folder / "pulumi").write_text("something else")
    with pytest.raises(ToolchainError):  # there is nothing to make it again with; that it is not used is the point
        engine.ensure_engine(tmp_path, said.append)
    assert any("pulumi is not the file that was put there" in line for line in said)
    assert not folder.exists()
