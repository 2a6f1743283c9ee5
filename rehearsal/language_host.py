# ruff: noqa: N802, ARG002 - the protocol decides what its methods are called and what they are given.

"""Pulumi's language host for Python, in Python: runs programs and policy packs for an engine that was built here.

The official engine brings `pulumi-language-python`; the Go module proxy has none that works with a current SDK
(docs/decisions). This one speaks the same protocol, whose definitions ship in the `pulumi` package, and starts programs
with the SDK's own `pulumi-language-python-exec`.

    python -m rehearsal.language_host --exec FILE [flags of the engine] ENGINE_ADDRESS

The engine starts it, reads the port from the first line of its output, and ends it. When the engine dies without ending
it, it ends itself and its programs.
"""

import importlib.metadata
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

BAIL = 32
"""Exit code of a program whose error the user has already been shown: the engine must not print one of its own."""

GRACE_SECONDS = 5.0
"""How long a program may take to end after SIGTERM before it is killed."""

PARENT_CHECK_SECONDS = 1.0


class HostError(Exception):
    """A program can't be started; the message says why and what to change."""


@dataclass(frozen=True)
class Runtime:
    """Which Python runs a program, from the section `runtime.options` of its Pulumi.yaml."""

    python: Path
    virtual_environment: Path | None = None
    type_checker: Literal["mypy", "pyright"] | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any], root: Path) -> "Runtime":
        """Reads the options `virtualenv` (relative to `root`), `toolchain` and `typechecker`.

        Without a virtual environment the program runs on the Python of this host.
        Raises HostError for a folder that is no virtual environment, and for options that this host does not know.
        """
        unknown = sorted(set(options) - {"virtualenv", "toolchain", "typechecker"})
        if unknown:
            raise HostError(
                f"runtime option {unknown[0]!r} in Pulumi.yaml is not known to the rehearsal's language host "
                "(virtualenv, toolchain and typechecker are)"
            )
        toolchain = options.get("toolchain", "pip")
        if toolchain not in ("pip", "uv"):
            raise HostError(
                f"runtime option toolchain: {toolchain} in Pulumi.yaml is not known to the rehearsal's language host "
                "(pip and uv are)"
            )
        checker = options.get("typechecker") or None
        if checker not in (None, "mypy", "pyright"):
            raise HostError(
                f"runtime option typechecker: {checker} in Pulumi.yaml is unknown (mypy and pyright are known)"
            )
        named = options.get("virtualenv") or (".venv" if toolchain == "uv" else None)
        if not named:
            return cls(Path(sys.executable), type_checker=checker)
        folder = root / str(named)
        python = folder / "bin" / "python"
        if not python.exists():
            raise HostError(
                f"the 'virtualenv' option in Pulumi.yaml is {named!r}, but {folder} is no virtual environment: "
                f"make it with `python -m venv {folder}` and install requirements.txt in it"
            )
        return cls(python, folder, checker)

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base`, and the virtual environment activated in it as its `activate` script would."""
        if self.virtual_environment is None:
            return dict(base)
        activated = {
            **base,
            "VIRTUAL_ENV": str(self.virtual_environment),
            "PATH": f"{self.virtual_environment / 'bin'}{os.pathsep}{base.get('PATH', '')}",
        }
        activated.pop("PYTHONHOME", None)
        return activated

    def site_packages(self) -> list[str]:
        """The folders in which this Python's packages are installed."""
        code = (
            "import json, sysconfig; print(json.dumps([sysconfig.get_path('purelib'), sysconfig.get_path('platlib')]))"
        )
        answer = subprocess.run([self.python, "-c", code], capture_output=True, text=True, check=True)
        return sorted(set(json.loads(answer.stdout)))


def required_packages(site_packages: Sequence[str]) -> list[plugin_pb2.PackageDependency]:
    """The plugins that the installed SDKs name in their `pulumi-plugin.json`, each at the SDK's own version."""
    found = []
    for folder in site_packages:
        for file in sorted(Path(folder).glob("*/pulumi-plugin.json")):
            facts = json.loads(file.read_text())
            if facts.get("resource"):
                found.append(
                    plugin_pb2.PackageDependency(
                        name=facts.get("name") or file.parent.name.removeprefix("pulumi_"),
                        kind="resource",
                        version=f"v{facts['version'].removeprefix('v')}" if facts.get("version") else "",
                        server=facts.get("server", ""),
                    )
                )
    return found


class Children:
    """The processes that this host has started and that must not outlive it."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path, output: int | None = None
    ) -> "subprocess.Popen[bytes]":
        """Starts a process; it stays in this host's process group, as the engine expects, which ends a plugin by its group."""
        with self._lock:
            if self._closed:
                raise HostError("the language host is ending: the update was cancelled")
            try:
                child = subprocess.Popen(
                    command, env=dict(environment), cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
                )
            except OSError as reason:
                raise HostError(f"{command[0]} can't be started: {reason}") from reason
            self._running.add(child)
            return child

    def wait(self, child: "subprocess.Popen[bytes]") -> int:
        """Waits for a child's end; returns its exit code (negative: the signal that ended it)."""
        code = child.wait()
        with self._lock:
            self._running.discard(child)
        return code

    def end(self, child: "subprocess.Popen[bytes]") -> None:
        """Ends one child: SIGTERM, and SIGKILL when it takes too long. Nothing happens when it has ended already."""
        if child.poll() is not None:
            return
        child.terminate()
        try:
            child.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def end_all(self) -> None:
        """Ends every child; those that run at this moment."""
        with self._lock:
            running = list(self._running)
        enders = [threading.Thread(target=self.end, args=(child,)) for child in running]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()

    def close(self) -> None:
        """Ends every child, and lets no other start."""
        with self._lock:
            self._closed = True
        self.end_all()


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Answers the engine. `engine` is the engine's address, `exec_script` the SDK's `pulumi-language-python-exec`."""

    def __init__(self, engine: str, exec_script: Path) -> None:
        self._engine = engine
        self._exec = exec_script
        self.children = Children()

    def Handshake(
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        """Newer engines give their address here instead of on the command line."""
        if request.engine_address:
            self._engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The version of the SDK whose protocol is spoken."""
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi"))

    def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        """The provider plugins of the SDKs in the program's environment."""
        runtime = self._runtime(request.info, context)
        return language_pb2.GetRequiredPackagesResponse(packages=required_packages(runtime.site_packages()))

    def GetRequiredPlugins(
        self, request: language_pb2.GetRequiredPluginsRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPluginsResponse:
        """The same for older engines."""
        runtime = self._runtime(request.info, context)
        plugins = [
            plugin_pb2.PluginDependency(
                name=package.name, kind=package.kind, version=package.version, server=package.server
            )
            for package in required_packages(runtime.site_packages())
        ]
        return language_pb2.GetRequiredPluginsResponse(plugins=plugins)

    def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        """Every package of the program's environment and its version."""
        installed = importlib.metadata.distributions(path=self._runtime(request.info, context).site_packages())
        versions = {distribution.metadata["Name"]: distribution.version for distribution in installed}
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=name, version=version) for name, version in sorted(versions.items())
            ]
        )

    def About(self, request: language_pb2.AboutRequest, context: grpc.ServicerContext) -> language_pb2.AboutResponse:
        """Which Python runs the program (`pulumi about`)."""
        runtime = self._runtime(request.info, context)
        answer = subprocess.run([runtime.python, "--version"], capture_output=True, text=True, check=True)
        return language_pb2.AboutResponse(
            executable=str(runtime.python), version=answer.stdout.strip().removeprefix("Python ")
        )

    def RuntimeOptionsPrompts(
        self, request: language_pb2.RuntimeOptionsRequest, context: grpc.ServicerContext
    ) -> language_pb2.RuntimeOptionsResponse:
        """Nothing to ask: a rehearsal never prompts."""
        return language_pb2.RuntimeOptionsResponse()

    def InstallDependencies(
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        """Refused: what a rehearsal runs with is installed by make, from the pinned requirements."""
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            "the rehearsal's language host installs nothing: use pip install -r requirements.txt",
        )

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Ends the programs that run: the update was cancelled."""
        self.children.end_all()
        return empty_pb2.Empty()

    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        """Runs a program to its end.

        `bail`: its error was already shown; `error`: it could not be started, or ended with another failure.
        """
        try:
            return self._run(request, context)
        except HostError as reason:
            return language_pb2.RunResponse(error=str(reason))

    def _run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        if request.attach_debugger:
            raise HostError(
                "the rehearsal's language host can't attach a debugger; run with the official engine for that"
            )
        info = request.info
        root, folder = Path(info.root_directory), Path(info.program_directory)
        runtime = Runtime.of(_options(info), root)
        environment = runtime.environment(os.environ)
        program = folder if info.entry_point in ("", ".") else folder / info.entry_point
        if runtime.type_checker is not None:
            self._check_types(runtime, environment, program, folder)
        if request.config:
            environment["PULUMI_CONFIG"] = json.dumps(dict(request.config))
        if request.configSecretKeys:
            environment["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(list(request.configSecretKeys))
        working = Path(request.pwd) if request.pwd else folder
        command = [str(runtime.python), "-u", str(self._exec)]
        for flag, value in {
            "monitor": request.monitor_address,
            "engine": self._engine,
            "project": request.project,
            "stack": request.stack,
            "root_directory": info.root_directory,
            "pwd": request.pwd,
            "dry_run": "true" if request.dryRun else "false",
            "parallel": str(request.parallel),
            "organization": request.organization,
        }.items():
            if value:
                command += [f"--{flag}", value]
        command += [str(program), *request.args]

        child = self.children.start(command, environment, working)
        # The engine gives up the call when the update is cancelled; the program must not go on registering resources
        # nobody waits for.
        if not context.add_callback(lambda: self.children.end(child)):
            self.children.end(child)
        code = self.children.wait(child)
        if code == 0:
            return language_pb2.RunResponse()
        if code == BAIL:
            return language_pb2.RunResponse(bail=True)
        if code < 0:
            return language_pb2.RunResponse(error=f"the program was ended by {signal.Signals(-code).name}")
        return language_pb2.RunResponse(error=f"the program exited with code {code}")

    def _check_types(self, runtime: Runtime, environment: Mapping[str, str], program: Path, folder: Path) -> None:
        child = self.children.start(
            [str(runtime.python), "-m", str(runtime.type_checker), str(program)], environment, folder
        )
        if self.children.wait(child) != 0:
            raise HostError(f"{runtime.type_checker} found errors in the program (option typechecker in Pulumi.yaml)")

    def RunPlugin(
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Runs a policy pack (kind `analyzer`) or a plugin written in Python, and passes its output on as it comes."""
        folder = Path(request.info.program_directory)
        try:
            runtime = Runtime.of(_options(request.info), Path(request.info.root_directory or folder))
            base = dict(entry.split("=", 1) for entry in request.env) if request.env else os.environ
            if request.kind == "analyzer":
                command = [str(runtime.python), "-u", "-m", "pulumi.policy", *request.args, str(folder)]
            else:
                command = [str(runtime.python), "-u", str(folder), *request.args]
            working = folder if request.kind == "analyzer" else Path(request.pwd or folder)
            child = self.children.start(command, runtime.environment(base), working, subprocess.PIPE)
        except HostError as reason:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(reason))
        if not context.add_callback(lambda: self.children.end(child)):
            self.children.end(child)
        for name, block in _output(child):
            yield (
                language_pb2.RunPluginResponse(stdout=block)
                if name == "stdout"
                else language_pb2.RunPluginResponse(stderr=block)
            )
        yield language_pb2.RunPluginResponse(exitcode=self.children.wait(child))

    def _runtime(self, info: language_pb2.ProgramInfo, context: grpc.ServicerContext) -> Runtime:
        """The program's Python; ends the call with FAILED_PRECONDITION when Pulumi.yaml names an impossible one."""
        try:
            return Runtime.of(_options(info), Path(info.root_directory))
        except HostError as reason:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(reason))


def _options(info: language_pb2.ProgramInfo) -> dict[str, Any]:
    return dict(info.options.items())


def _output(child: "subprocess.Popen[bytes]") -> Iterator[tuple[str, bytes]]:
    """What a child writes, as `("stdout" | "stderr", bytes)`, in the order in which it comes."""
    blocks: queue.Queue[tuple[str, bytes]] = queue.Queue()

    def pump(name: str, stream: IO[bytes]) -> None:
        with stream:
            while block := os.read(stream.fileno(), 65536):
                blocks.put((name, block))
        blocks.put((name, b""))

    streams = [(name, stream) for name, stream in (("stdout", child.stdout), ("stderr", child.stderr)) if stream]
    for name, stream in streams:
        threading.Thread(target=pump, args=(name, stream), daemon=True).start()
    open_streams = len(streams)
    while open_streams:
        name, block = blocks.get()
        if block:
            yield name, block
        else:
            open_streams -= 1


def serve(engine: str, exec_script: Path) -> None:
    """Serves on a free port of 127.0.0.1, which it prints, until it is told to end or the engine, its parent, is gone."""
    ended = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda *_: ended.set())
    parent = os.getppid()
    host = LanguageHost(engine, exec_script)
    server = grpc.server(
        futures.ThreadPoolExecutor(16),
        # Configuration and policy results can be larger than gRPC's default of 4 MB; the engine's own limit is 400 MB.
        options=[("grpc.max_receive_message_length", 400 << 20), ("grpc.max_send_message_length", 400 << 20)],
    )
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    while not ended.wait(PARENT_CHECK_SECONDS):
        if os.getppid() != parent:
            break
    host.children.close()
    server.stop(grace=0.5).wait()


def main(arguments: Sequence[str]) -> int:
    """The command line.

    The engine adds flags of its own (`--root=...`, `-tracing=...`), which are of no use here, and its address last.
    """
    if len(arguments) < 2 or arguments[0] != "--exec":
        print(__doc__, file=sys.stderr)
        return 2
    exec_script = Path(arguments[1])
    if not exec_script.is_file():
        print(f"language host: {exec_script} is missing; run `make setup`", file=sys.stderr)
        return 1
    addresses = [argument for argument in arguments[2:] if not argument.startswith("-")]
    serve(addresses[-1] if addresses else "", exec_script)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
