"""The language host as the engine sees it: over gRPC, as a process that is started, spoken to and ended."""

import json
import os
import signal
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

from rehearsal import places
from rehearsal.language_host.host import BAIL
from rehearsal.language_host.runtime import HostError, Runtime
from tests.engine.conftest import TINY, Tiny
from tests.waiting import until

SECONDS = 30


@dataclass
class Host:
    """A language host that runs, and the folder that is its program's."""

    process: "subprocess.Popen[str]"
    stub: language_pb2_grpc.LanguageRuntimeStub
    folder: Path

    def info(self, **options: object) -> language_pb2.ProgramInfo:
        given = struct_pb2.Struct()
        given.update(options)
        return language_pb2.ProgramInfo(
            root_directory=str(self.folder), program_directory=str(self.folder), entry_point=".", options=given
        )

    def request(self, **more: object) -> language_pb2.RunRequest:
        return language_pb2.RunRequest(
            project="tiny", stack="dev", pwd=str(self.folder), parallel=4, monitor_address="127.0.0.1:1", info=self.info(), **more
        )  # fmt: skip


def start(folder: Path, program: str, parent: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
    """Starts a host; `program` is what stands in for the SDK's exec script, so that its end can be chosen."""
    script = folder / "exec.py"
    script.write_text(program)
    return subprocess.Popen(
        [*parent, sys.executable, "-m", "rehearsal.language_host", "--exec", str(script), f"-root={folder}", "127.0.0.1:2"],
        env={**os.environ, "PYTHONPATH": str(places.repository())},
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Callable[[str], Host]]:
    """Starts hosts and ends them with the test."""
    processes = []
    channels = []

    def serve(program: str) -> Host:
        process = start(tmp_path, program)
        processes.append(process)
        assert process.stdout is not None
        channel = grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}")
        channels.append(channel)
        return Host(process, language_pb2_grpc.LanguageRuntimeStub(channel), tmp_path)

    yield serve
    for channel in channels:
        channel.close()
    for process in processes:
        process.kill()
        process.communicate(timeout=SECONDS)


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


# A program that tells its pid and then waits far longer than any test.
WAITS = "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(600)"

# One that does not listen to SIGTERM either.
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAITS


def pid_of_program(folder: Path) -> int:
    file = folder / "pid"
    until("the program runs", lambda: file.exists() and file.read_text() != "")
    return int(file.read_text())


def test_a_program_that_ends_well_is_reported_so(host: Callable[[str], Host]) -> None:
    it = host("pass")
    assert it.stub.Run(it.request(), timeout=SECONDS) == language_pb2.RunResponse()


def test_an_error_that_was_already_shown_is_not_shown_again(host: Callable[[str], Host]) -> None:
    it = host(f"raise SystemExit({BAIL})")
    assert it.stub.Run(it.request(), timeout=SECONDS) == language_pb2.RunResponse(bail=True)


def test_another_exit_code_is_an_error_with_that_code(host: Callable[[str], Host]) -> None:
    it = host("raise SystemExit(7)")
    assert it.stub.Run(it.request(), timeout=SECONDS).error == "the program exited with code 7"


def test_a_program_that_was_killed_is_an_error_with_the_signal(host: Callable[[str], Host]) -> None:
    it = host("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert it.stub.Run(it.request(), timeout=SECONDS).error == "the program was ended by SIGSEGV"


def test_the_program_gets_its_arguments_configuration_and_folder(host: Callable[[str], Host]) -> None:
    it = host(
        "import json, os, pathlib, sys\n"
        "pathlib.Path('seen').write_text(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]))"
    )
    request = it.request(config={"tiny:a": "b"}, configSecretKeys=["tiny:s"], dryRun=True, args=["more"])
    assert it.stub.Run(request, timeout=SECONDS) == language_pb2.RunResponse()
    arguments, environment, folder = json.loads((it.folder / "seen").read_text())
    assert environment["PULUMI_CONFIG"] == '{"tiny:a": "b"}'
    assert json.loads(environment["PULUMI_CONFIG_SECRET_KEYS"]) == ["tiny:s"]
    assert folder == str(it.folder)
    flags = dict(zip(arguments[:-2:2], arguments[1:-2:2], strict=True))
    assert flags["--engine"] == "127.0.0.1:2"
    assert (flags["--monitor"], flags["--dry_run"], flags["--parallel"]) == ("127.0.0.1:1", "true", "4")
    assert arguments[-2:] == [str(it.folder), "more"]


@pytest.mark.parametrize("program", [WAITS, STUBBORN])
def test_cancel_ends_the_program(host: Callable[[str], Host], program: str) -> None:
    it = host(program)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(it.stub.Run, it.request(), timeout=SECONDS)
        pid = pid_of_program(it.folder)
        it.stub.Cancel(empty_pb2.Empty(), timeout=SECONDS)
        assert "was ended by SIG" in running.result(SECONDS).error
    assert not alive(pid)
    assert it.process.poll() is None, "the host itself goes on: the engine ends it"


def test_a_call_that_the_engine_gave_up_ends_the_program(host: Callable[[str], Host]) -> None:
    it = host(WAITS)
    call = it.stub.Run.future(it.request(), timeout=SECONDS)
    pid = pid_of_program(it.folder)
    call.cancel()
    until("the program has ended", lambda: not alive(pid))


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_host_and_program(host: Callable[[str], Host], name: str) -> None:
    it = host(WAITS)
    call = it.stub.Run.future(it.request(), timeout=SECONDS)
    pid = pid_of_program(it.folder)
    it.process.send_signal(signal.Signals[name])
    assert it.process.wait(SECONDS) == 0
    assert not alive(pid)
    call.cancel()


def test_an_engine_that_dies_takes_host_and_program_with_it(tmp_path: Path) -> None:
    """A shell stands in for the engine: it is killed, so it can't end its child."""
    keep_shell = ("sh", "-c", '"$@"; exit $?', "engine")
    engine = start(tmp_path, WAITS, keep_shell)
    assert engine.stdout is not None
    channel = grpc.insecure_channel(f"127.0.0.1:{int(engine.stdout.readline())}")
    try:
        given = Host(engine, language_pb2_grpc.LanguageRuntimeStub(channel), tmp_path)
        call = given.stub.Run.future(given.request(), timeout=SECONDS)
        program = pid_of_program(tmp_path)
        [child] = Path(f"/proc/{engine.pid}/task/{engine.pid}/children").read_text().split()
        assert alive(int(child))
        engine.kill()
        until("host and program have ended", lambda: not alive(program) and not alive(int(child)))
        call.cancel()
    finally:
        channel.close()
        engine.kill()
        engine.communicate(timeout=SECONDS)


def test_a_plugins_output_and_exit_code_are_passed_on_as_they_come(host: Callable[[str], Host]) -> None:
    it = host("pass")
    (it.folder / "__main__.py").write_text(
        "import os, sys\n"
        "print('port', sys.argv[1:], os.environ['GREETING'], flush=True)\n"
        "print('log', file=sys.stderr)\n"
        "sys.exit(5)"
    )
    request = language_pb2.RunPluginRequest(
        info=it.info(),
        pwd=str(it.folder),
        args=["a"],
        kind="resource",
        env=["GREETING=hello=there", f"PATH={os.environ['PATH']}"],
    )
    answers = list(it.stub.RunPlugin(request, timeout=SECONDS))
    assert b"".join(answer.stdout for answer in answers) == b"port ['a'] hello=there\n"
    assert b"".join(answer.stderr for answer in answers) == b"log\n"
    assert answers[-1].exitcode == 5


def test_a_plugin_whose_caller_went_away_is_ended(host: Callable[[str], Host]) -> None:
    it = host("pass")
    (it.folder / "__main__.py").write_text(WAITS)
    call = it.stub.RunPlugin(
        language_pb2.RunPluginRequest(info=it.info(), pwd=str(it.folder), kind="resource"), timeout=SECONDS
    )
    pid = pid_of_program(it.folder)
    call.cancel()
    until("the plugin has ended", lambda: not alive(pid))


def test_the_sdks_plugins_are_required_at_the_sdks_versions(host: Callable[[str], Host]) -> None:
    it = host("pass")
    answer = it.stub.GetRequiredPackages(language_pb2.GetRequiredPackagesRequest(info=it.info()), timeout=SECONDS)
    found = {package.name: package.version for package in answer.packages}
    assert found == {name: f"v{version(f'pulumi-{name}')}" for name in ("aws", "eks", "kubernetes")}


def test_the_programs_packages_and_python_are_told(host: Callable[[str], Host]) -> None:
    it = host("pass")
    packages = it.stub.GetProgramDependencies(
        language_pb2.GetProgramDependenciesRequest(info=it.info()), timeout=SECONDS
    )
    assert "pulumi" in {package.name for package in packages.dependencies}
    about = it.stub.About(language_pb2.AboutRequest(info=it.info()), timeout=SECONDS)
    assert about.version == ".".join(map(str, sys.version_info[:3]))


def test_a_virtual_environment_runs_the_program_as_if_it_were_activated(host: Callable[[str], Host]) -> None:
    it = host(
        "import os, pathlib, shutil, sys\n"
        "seen = [sys.prefix, os.environ['VIRTUAL_ENV'], shutil.which('python')]\n"
        "pathlib.Path('seen').write_text('\\n'.join(seen))"
    )
    venv.create(it.folder / "own", with_pip=False)
    request = it.request()
    request.info.CopyFrom(it.info(virtualenv="own"))
    assert it.stub.Run(request, timeout=SECONDS) == language_pb2.RunResponse()
    own = it.folder / "own"
    assert (it.folder / "seen").read_text().split("\n") == [str(own), str(own), str(own / "bin" / "python")]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"virtualenv": "missing"}, r"is no virtual environment: make it with `python -m venv"),
        ({"toolchain": "poetry"}, r"toolchain: poetry .* \(pip and uv are\)"),
        ({"toolchain": "uv"}, r"\.venv is no virtual environment"),
        ({"typechecker": "guess"}, r"typechecker: guess"),
        ({"virtualenvironment": "x"}, r"'virtualenvironment' in Pulumi.yaml is not known"),
    ],
)
def test_an_impossible_runtime_option_is_refused_with_its_reason(
    host: Callable[[str], Host], tmp_path: Path, options: dict[str, str], says: str
) -> None:
    with pytest.raises(HostError, match=says):
        Runtime.of(options, tmp_path)
    it = host("pass")
    request = it.request()
    request.info.CopyFrom(it.info(**options))
    assert "Pulumi.yaml" in it.stub.Run(request, timeout=SECONDS).error


def test_without_an_exec_script_the_host_says_how_to_get_it(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "rehearsal.language_host", "--exec", str(tmp_path / "missing"), "127.0.0.1:1"],
        env={**os.environ, "PYTHONPATH": str(places.repository())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert "make setup" in answer.stderr


def test_the_real_engine_runs_a_program_on_this_python(tiny: Callable[..., Tiny]) -> None:
    it = tiny()
    result = it.rehearsal.up(it.env)
    assert result.succeeded, result.errors
    [stack] = [
        entry for entry in it.rehearsal.state()["deployment"]["resources"] if entry["type"] == "pulumi:pulumi:Stack"
    ]
    assert stack["outputs"]["working directory"] == str(TINY / "program")
    assert stack["outputs"]["python"] == sys.executable


def test_a_policy_pack_is_run_by_the_sdk_with_the_projects_configuration(host: Callable[[str], Host]) -> None:
    it = host("pass")
    (it.folder / "__main__.py").write_text(
        "import pulumi\nprint(pulumi.get_project(), pulumi.get_stack(), pulumi.Config('tiny').require('a'))\n"
    )
    env = {
        **os.environ,
        "PULUMI_PROJECT": "tiny",
        "PULUMI_STACK": "dev",
        "PULUMI_DRY_RUN": "true",
        "PULUMI_CONFIG": '{"tiny:a": "b"}',
    }
    request = language_pb2.RunPluginRequest(
        info=it.info(),
        pwd=str(it.folder),
        kind="analyzer",
        args=["127.0.0.1:2"],
        env=[f"{name}={value}" for name, value in env.items()],
    )
    answers = list(it.stub.RunPlugin(request, timeout=SECONDS))
    assert b"".join(answer.stdout for answer in answers) == b"tiny dev b\n"
    assert answers[-1].exitcode == 0
