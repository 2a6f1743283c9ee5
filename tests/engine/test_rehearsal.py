"""What a rehearsal does around the engine, shown with the real engine and a program of a few lines."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal import places
from rehearsal.run import Rehearsal, RehearsalError
from rehearsal.stack_file import StackFileError
from rehearsal.toolchain import Toolchain
from tests.engine.conftest import TINY, Tiny, tiny_plugin
from tests.waiting import until

SECONDS = 60


def processes_that_name(text: str) -> list[str]:
    """The command lines of the processes whose environment or command line names a path of this test."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                seen = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
                if text.encode() in seen and "\nState:\tZ" not in (folder / "status").read_text():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except (FileNotFoundError, PermissionError, ProcessLookupError):
                continue
    return found


def started_in_its_own_process(
    tmp_path: Path, toolchain: Toolchain, seconds: int, names: list[str]
) -> "subprocess.Popen[str]":
    """`up` of the tiny program in a process that a signal can be sent to."""
    given = {
        "base": str(tmp_path),
        "engine": str(toolchain.engine),
        "control_plane": str(toolchain.control_plane),
        "custom_resource_definitions": str(toolchain.custom_resource_definitions),
        "seconds": seconds,
        "names": names,
    }
    return subprocess.Popen(
        [sys.executable, str(TINY / "up.py"), json.dumps(given)],
        env={**os.environ, "PYTHONPATH": str(places.repository())},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_stack_goes_up_shows_no_change_changes_and_goes_down(tiny: Callable[..., Tiny]) -> None:
    it = tiny()
    up = it.rehearsal.up(it.env)
    assert up.succeeded, up.errors
    assert up.changes == {"create": 3}  # the stack and two things; the provider is not counted
    assert it.done() == ["creating first", "created first", "creating second", "created second"]

    again = it.rehearsal.preview(it.env, None, "--expect-no-changes")
    assert again.succeeded, again.errors
    assert again.changes == {"same": 3}

    changed = it.rehearsal.up(it.env, {"names": ["first", "third"]})
    assert {(step.operation, step.name) for step in changed.events.changed} == {
        ("delete", "second"),
        ("create", "third"),
    }
    assert it.things() == {"first", "third"}

    down = it.rehearsal.destroy(it.env)
    assert down.succeeded, down.errors
    assert it.things() == set()


def test_the_committed_stack_file_never_changes(tiny: Callable[..., Tiny]) -> None:
    before = {file.name: file.read_bytes() for file in TINY.iterdir() if file.is_file()}
    it = tiny()
    assert it.rehearsal.up(it.env, {"names": ["other"]}).succeeded
    assert {file.name: file.read_bytes() for file in TINY.iterdir() if file.is_file()} == before
    assert "encryptionsalt" in it.rehearsal.config_file.read_text()


def test_a_secret_is_nowhere_in_plain_text(tiny: Callable[..., Tiny], tmp_path: Path) -> None:
    it = tiny()
    assert it.rehearsal.up(it.env).succeeded
    assert it.rehearsal.state_file.exists()
    holders = [file for file in tmp_path.rglob("*") if file.is_file() and b"hunter2" in file.read_bytes()]
    assert holders == []


def test_protected_resources_are_destroyed_too_and_it_is_said(tiny: Callable[..., Tiny]) -> None:
    it = tiny()
    assert it.rehearsal.up(it.env, {"names": ["protected", "other"]}).succeeded
    assert it.rehearsal.destroy(it.env).succeeded
    assert it.things() == set()
    assert any("1 resources are protected" in line for line in it.said)


def test_a_program_that_fails_is_reported_with_its_reason(tiny: Callable[..., Tiny]) -> None:
    it = tiny()
    result = it.rehearsal.up(it.env, {"exit": 3})
    assert not result.succeeded
    assert any("exited with code 3" in error for error in result.errors)


def test_a_setting_of_the_wrong_type_is_refused_before_the_program_runs(tiny: Callable[..., Tiny]) -> None:
    it = tiny()
    result = it.rehearsal.up(it.env, {"names": "not-a-list"})
    assert not result.succeeded
    assert any("names" in error for error in result.errors)
    assert it.done() == []


def test_after_an_interrupt_the_same_command_continues(
    tiny: Callable[..., Tiny], tmp_path: Path, toolchain: Toolchain
) -> None:
    it = tiny()
    first = started_in_its_own_process(tmp_path, toolchain, 2, ["a", "b", "c"])
    until("the first resource is being made", lambda: "creating a" in it.done())
    first.send_signal(signal.SIGINT)
    output, _ = first.communicate(timeout=SECONDS)
    assert "INTERRUPTED" in output
    assert it.done() == ["creating a", "created a"], "what was under way is finished, nothing new is begun"
    assert it.things() == {"a"}

    assert it.rehearsal.up(it.env, {"seconds": 0, "names": ["a", "b", "c"]}).succeeded
    assert it.things() == {"a", "b", "c"}
    until("no process is left", lambda: processes_that_name(str(tmp_path)) == [])


def test_a_killed_rehearsal_leaves_no_process_and_the_same_command_continues(
    tiny: Callable[..., Tiny], tmp_path: Path, toolchain: Toolchain
) -> None:
    it = tiny()
    first = started_in_its_own_process(tmp_path, toolchain, 2, ["a", "b", "c"])
    until("the first resource is being made", lambda: "creating a" in it.done())
    first.kill()
    first.communicate(timeout=SECONDS)
    until("no process is left", lambda: processes_that_name(str(tmp_path)) == [])
    assert it.rehearsal.up(it.env, {"seconds": 0, "names": ["a", "b", "c"]}).succeeded
    assert it.things() == {"a", "b", "c"}


def test_a_killed_engine_leaves_a_lock_and_pending_operations_that_the_next_command_clears(
    tiny: Callable[..., Tiny], tmp_path: Path, toolchain: Toolchain
) -> None:
    it = tiny()
    first = started_in_its_own_process(tmp_path, toolchain, 30, ["a", "b"])
    until("the first resource is being made", lambda: "creating a" in it.done())
    [lock] = (tmp_path / "state/backend/.pulumi/locks").rglob("*.json")
    os.kill(json.loads(lock.read_text())["pid"], signal.SIGKILL)
    first.communicate(timeout=SECONDS)
    assert lock.exists()
    assert it.rehearsal.state()["deployment"]["pending_operations"]

    result = it.rehearsal.up(it.env, {"seconds": 0, "names": ["a", "b"]})
    assert result.succeeded, result.errors
    assert not it.rehearsal.state()["deployment"].get("pending_operations")
    assert any("its lock is taken away" in line for line in it.said)
    assert any("worked on a" in line for line in it.said)
    until("no process is left", lambda: processes_that_name(str(tmp_path)) == [])


def test_a_second_command_for_the_same_stack_is_refused_while_one_runs(
    tiny: Callable[..., Tiny], tmp_path: Path, toolchain: Toolchain
) -> None:
    it = tiny()
    first = started_in_its_own_process(tmp_path, toolchain, 3, ["a"])
    until("the first resource is being made", lambda: "creating a" in it.done())
    with pytest.raises(RehearsalError, match=rf"process {first.pid}"):
        it.rehearsal.up(it.env)
    first.communicate(timeout=SECONDS)
    assert first.returncode == 0


def of_a_copy(tmp_path: Path, toolchain: Toolchain, with_control_plane: bool = False) -> Rehearsal:
    """A rehearsal of a copy of the tiny program, whose files may be spoilt."""
    program = tmp_path / "program"
    shutil.copytree(TINY, program, dirs_exist_ok=True)
    plugins = (tiny_plugin(tmp_path / "plugins"),)
    return Rehearsal(
        "dev",
        tmp_path / "state",
        tmp_path / "out",
        program,
        toolchain=toolchain,
        with_control_plane=with_control_plane,
        plugin_path=plugins,
    )


def test_a_stack_file_that_is_no_yaml_is_refused_before_anything_starts(tmp_path: Path, toolchain: Toolchain) -> None:
    rehearsal = of_a_copy(tmp_path, toolchain, with_control_plane=True)
    (rehearsal.program / "Pulumi.dev.yaml").write_text("config: [\n")
    with pytest.raises(StackFileError, match=r"Pulumi\.dev\.yaml, line 2"):
        rehearsal.up()
    assert {file.name for file in rehearsal.state_directory.iterdir()} == {"lock"}


def test_a_stack_whose_file_is_gone_is_destroyed_all_the_same(tmp_path: Path, toolchain: Toolchain) -> None:
    env = {"TINY_JOURNAL": str(tmp_path / "journal")}
    first = of_a_copy(tmp_path, toolchain)
    assert first.up(env).succeeded
    (first.program / "Pulumi.dev.yaml").unlink()

    later = Rehearsal(
        "dev",
        tmp_path / "state",
        tmp_path / "out",
        first.program,
        toolchain=toolchain,
        with_control_plane=False,
        plugin_path=(tmp_path / "plugins",),
    )
    with pytest.raises(StackFileError, match="There is no stack 'dev'"):
        later.up(env)
    assert later.destroy(env).succeeded
    later.remove()
    assert not later.state_directory.exists()


def test_a_state_that_a_full_disk_has_cut_off_is_named_and_can_be_removed(tiny: Callable[..., Tiny]) -> None:
    it = tiny()
    assert it.rehearsal.up(it.env).succeeded
    assert not it.rehearsal.damaged
    it.rehearsal.state_file.write_text("")
    for command in (it.rehearsal.up, it.rehearsal.preview, it.rehearsal.destroy):
        with pytest.raises(RehearsalError, match=r"is damaged, .*make destroy STACK=dev"):
            command(it.env)
    assert it.rehearsal.damaged
    it.rehearsal.remove()
    assert not it.rehearsal.state_directory.exists()


def test_nothing_of_a_real_account_reaches_the_program(
    tiny: Callable[..., Tiny], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a-real-key")
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", "a-real-token")
    monkeypatch.setenv("KUBECONFIG", "/a/real/kubeconfig")
    environment = tiny().rehearsal.environment()
    assert not [name for name, value in environment.items() if "a-real" in value or value == "/a/real/kubeconfig"]
    assert environment["PULUMI_BACKEND_URL"].startswith("file://")


def command_line(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "rehearsal", *arguments],
        cwd=places.repository(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", ["up", "preview", "destroy"])
def test_an_unknown_stack_is_answered_with_those_that_exist(command: str) -> None:
    answer = command_line(command, "production")
    assert answer.returncode == 1
    assert "There is no stack 'production'" in answer.stderr
    assert "account, dev, local, prod, staging" in answer.stderr
    assert "Traceback" not in answer.stderr
