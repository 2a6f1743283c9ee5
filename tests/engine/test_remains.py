"""Commands that meet what an earlier one left: one that runs, a lock, a folder that is hard to remove."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rehearsal import places
from rehearsal.__main__ import app
from rehearsal.remains import RunningError, alone, forget, wait_for_engine


def test_two_commands_are_never_at_work_on_one_rehearsal(tmp_path: Path) -> None:
    with (
        alone(tmp_path / "dev", "dev"),
        pytest.raises(RunningError, match=r"rehearsal of dev is running \(process \d+\)"),
        alone(tmp_path / "dev", "dev"),
    ):
        pass
    with alone(tmp_path / "dev", "dev"):
        assert (tmp_path / "dev").stat().st_mode & 0o777 == 0o700


def test_a_command_that_removes_the_folder_leaves_none_behind(tmp_path: Path) -> None:
    with alone(tmp_path / "dev", "dev"):
        forget(tmp_path / "dev")
    assert list(tmp_path.iterdir()) == []


def test_clean_refuses_before_it_touches_anything_while_a_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "states", lambda: tmp_path / "states")
    monkeypatch.setattr(places, "outputs", lambda: tmp_path / "out")
    (tmp_path / "states/another").mkdir(parents=True)
    with alone(tmp_path / "states/dev", "dev"):
        refused = CliRunner().invoke(app, ["clean"])
    assert refused.exit_code == 1
    assert "Another command of the rehearsal of dev is running" in refused.output
    assert (tmp_path / "states/another").exists()

    assert CliRunner().invoke(app, ["clean"]).exit_code == 0
    assert not (tmp_path / "states").exists()


def test_a_damaged_state_is_answered_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "states", lambda: tmp_path)

    def cut_off(*_: object) -> None:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    monkeypatch.setattr("rehearsal.__main__.left_running", cut_off)
    answer = CliRunner().invoke(app, ["clean"])
    assert answer.exit_code == 1
    assert "`make clean` removes the state" in answer.output
    assert "Traceback" not in answer.output


@pytest.mark.parametrize("content", ["", "[]", "{", '{"pid": "x"}', '{"pid": 1, "hostname": "another machine"}'])
def test_an_engines_lock_that_names_no_process_of_this_machine_is_not_waited_for(tmp_path: Path, content: str) -> None:
    lock = tmp_path / "lock.json"
    lock.write_text(content)
    said: list[str] = []
    wait_for_engine(lock, said.append)
    shutil.rmtree(tmp_path)
    wait_for_engine(lock, said.append)
    assert said == []
