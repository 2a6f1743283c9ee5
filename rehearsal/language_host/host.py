# ruff: noqa: N802, ARG002 - the protocol decides what its methods are called and what they are given.
"""The protocol's face: what the engine asks of a language host, and the answers."""

import importlib.metadata
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from rehearsal.language_host.children import Children, output
from rehearsal.language_host.runtime import HostError, Runtime, required_packages

BAIL = 32
"""Exit code of a program whose error the user has already been shown: the engine must not print one of its own."""


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
        for name, block in output(child):
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
