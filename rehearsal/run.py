"""The rehearsal of one stack: control plane, plugins and engine put together, from `up` to `destroy`."""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rehearsal import engine, places, stack_file
from rehearsal.control_plane import ControlPlane
from rehearsal.control_plane.control_plane import stop as stop_control_plane
from rehearsal.engine import EngineRun
from rehearsal.events import Events
from rehearsal.manifests import write_manifests
from rehearsal.plugins.kubernetes.settings import RESUMED
from rehearsal.protection import switch_off
from rehearsal.toolchain import Toolchain, ensure
from rehearsal.wrappers import write_wrappers

Say = Callable[[str], None]

ORPHAN_SECONDS = 120.0
"""How long a command waits for the engine of an earlier one that was killed."""

LOCAL = "local"
"""The stack that brings no nodes of its own and runs on any cluster's."""


class RehearsalError(Exception):
    """A rehearsal can't begin or go on; the message says why and what to do."""


@dataclass(frozen=True)
class Result:
    """What one command of a rehearsal did."""

    run: EngineRun
    phases: Mapping[str, float] = field(default_factory=dict)
    """Seconds that each phase took: `tools`, `control plane`, `engine`."""

    kubeconfig: Path | None = None
    manifests: int = 0
    """How many Kubernetes objects were written to `manifests/`."""

    @property
    def succeeded(self) -> bool:
        """Whether the engine came to its end without an error."""
        return self.run.succeeded

    @property
    def events(self) -> Events:
        """The engine's events: steps, errors, counts."""
        return self.run.events

    @property
    def changes(self) -> dict[str, int]:
        """Resources by operation, as the engine counts them, for example `{"create": 120}`."""
        return self.run.events.counts

    @property
    def errors(self) -> list[str]:
        """The engine's errors; empty after a success."""
        return self.run.errors


class Rehearsal:
    """The rehearsal of the stack `stack` of the Pulumi program in the folder `program`.

    `state` holds what continues from command to command (the control plane, the simulated cloud, the engine's backend),
    `out` what is left for people. `port_base`: first port of the control plane, else it finds free ones.
    `with_control_plane=False` for programs without Kubernetes. `say` hears one line of progress at a time; with
    `stream` the engine's own lines as they come. `plugin_path`: folders with plugins that come before ours.

    Commands of one stack never overlap: a second one is refused (RehearsalError) while the first runs. Other errors
    that they raise: StackFileError, ToolchainError, ControlPlaneError, and Interrupted after Ctrl-C, when the engine
    has ended and the same command can be given again.
    """

    def __init__(
        self,
        stack: str,
        state: Path | None = None,
        out: Path | None = None,
        program: Path | None = None,
        *,
        toolchain: Toolchain | None = None,
        port_base: int | None = None,
        with_control_plane: bool = True,
        plugin_path: tuple[Path, ...] = (),
        say: Say = lambda _line: None,
        stream: bool = False,
    ) -> None:
        self.stack = stack
        self.program = (program or places.repository()).absolute()
        self.committed = stack_file.stack_file(self.program, stack)
        self.project = stack_file.project_name(self.program)
        self.state_directory = (state or places.state(stack)).absolute()
        self.out = (out or places.out(stack)).absolute()
        self._toolchain = toolchain
        self._port_base = port_base
        self._with_control_plane = with_control_plane
        self._plugin_path = plugin_path
        self._say = say
        self._stream = stream
        self._control_plane: ControlPlane | None = None
        self._phases: dict[str, float] = {}

    # ---- commands

    def up(
        self, env: Mapping[str, str] | None = None, config: Mapping[str, Any] | None = None, *arguments: str
    ) -> Result:
        """Brings the stack up, or to what the program now says.

        Leaves plan.json, manifests/, kubeconfig and pulumi.log in `out`.

        `env` is added to the environment of the engine and the plugins; `config` changes settings for this run
        (`stack_file.rehearsed`); `arguments` go to `pulumi up` as they are.
        """
        with self._alone():
            self._prepare(env, config)
            self._clear_remains(env)
            run = self._engine("up", self._after_a_failure(env), "--yes", "--skip-preview", *arguments)
            if run.succeeded:
                self._unfinished.unlink()
            self._write_plan(run)
            count = len(write_manifests(self._export(env), self.out / "manifests"))
            return Result(run, dict(self._phases), self._kubeconfig(), count)

    def preview(
        self, env: Mapping[str, str] | None = None, config: Mapping[str, Any] | None = None, *arguments: str
    ) -> Result:
        """Shows what `up` would do.

        Starts the control plane where none runs, since differences of Kubernetes objects are found by it.

        `arguments` go to `pulumi preview` as they are, for example `--expect-no-changes` and `--diff`.
        """
        with self._alone():
            self._prepare(env, config)
            run = self._engine("preview", env, *arguments)
            self._write_plan(run)
            return Result(run, dict(self._phases), self._kubeconfig())

    def refresh(
        self, env: Mapping[str, str] | None = None, config: Mapping[str, Any] | None = None, *arguments: str
    ) -> Result:
        """Reads what is really there into the state."""
        with self._alone():
            self._prepare(env, config)
            self._clear_remains(env)
            run = self._engine("refresh", env, "--yes", "--skip-preview", *arguments)
            return Result(run, dict(self._phases), self._kubeconfig())

    def destroy(
        self, env: Mapping[str, str] | None = None, config: Mapping[str, Any] | None = None, *arguments: str
    ) -> Result:
        """Destroys every resource of the stack, protected ones too: it is all simulated.

        The control plane and the state's folder stay; see `remove`.
        """
        with self._alone():
            self._prepare(env, config)
            self._clear_remains(env)
            protected = [resource for resource in self._resources(self._export(env)) if resource.get("protect")]
            if protected:
                self._say(
                    f"{len(protected)} resources are protected, as they should be; "
                    "the rehearsal's simulated ones are unprotected now"
                )
                self._pulumi(env, "state", "unprotect", "--all", "--yes", "--stack", self.stack)
            opened = switch_off(self.cloud)
            if opened:
                self._say(f"deletion protection is switched off in the simulated account: {', '.join(opened)}")
            run = self._engine("destroy", env, "--yes", "--skip-preview", *arguments)
            return Result(run, dict(self._phases), self._kubeconfig())

    def state(self) -> dict[str, Any]:
        """The stack's state as `pulumi stack export` prints it (secrets encrypted); no resources when the stack was never up."""
        if not self._salt_file.exists():
            return {"version": 3, "deployment": {}}
        return self._export(None)

    def stop(self) -> None:
        """Stops the control plane; its data stay, and the next command starts it on them again."""
        stop_control_plane(self._control_plane_directory)
        self._control_plane = None

    def remove(self) -> None:
        """Stops the control plane and forgets everything that the rehearsal kept.

        What it left for people in `out` stays.
        """
        self.stop()
        shutil.rmtree(self.state_directory, ignore_errors=True)

    # ---- the parts
    # ------------------------------------------------------------------------------------------------------------------

    @property
    def toolchain(self) -> Toolchain:
        """The tools; found, downloaded or built the first time that they are asked for."""
        if self._toolchain is None:
            began = time.monotonic()
            self._toolchain = ensure(self._say)
            self._phases["tools"] = time.monotonic() - began
        return self._toolchain

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig of the control plane; the file is there once a command has run."""
        return self._control_plane_directory / "kubeconfig"

    @property
    def cloud(self) -> Path:
        """The simulated AWS account: one JSON file for each resource."""
        return self.state_directory / "cloud"

    @property
    def config_file(self) -> Path:
        """The copy of the stack file that the engine reads."""
        return self.state_directory / f"Pulumi.{self.stack}.yaml"

    @property
    def state_file(self) -> Path:
        """The engine's own state file in the backend, as it lies on the disk."""
        return self.state_directory / "backend" / ".pulumi" / "stacks" / self.project / f"{self.stack}.json"

    @property
    def _control_plane_directory(self) -> Path:
        return self.state_directory / "control-plane"

    @property
    def _salt_file(self) -> Path:
        return self.state_directory / "init" / f"Pulumi.{self.stack}.yaml"

    def environment(self, additions: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of the engine, and through it of the plugins and the program."""
        passphrase = self.state_directory / "passphrase"
        return engine.environment(
            {
                "MARLINSPIKE_REHEARSAL": str(self.state_directory),
                "MARLINSPIKE_REHEARSAL_KUBECONFIG": str(self.kubeconfig),
                "MARLINSPIKE_CUSTOM_RESOURCE_DEFINITIONS": str(self.toolchain.custom_resource_definitions),
                "KUBECONFIG": str(self.kubeconfig),
                "PULUMI_BACKEND_URL": f"file://{self.state_directory / 'backend'}",
                "PULUMI_CONFIG_PASSPHRASE": passphrase.read_text() if passphrase.exists() else "",
                "PULUMI_HOME": str(self.state_directory / "home"),
                "PULUMI_SKIP_UPDATE_CHECK": "true",
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
                "PULUMI_DEBUG_COMMANDS": "true",  # --event-log is a debugging flag
                **(additions or {}),
            },
            [*self._plugin_path, self.state_directory / "bin", self.toolchain.engine],
        )

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One command at a time for each stack; the system frees the lock when its holder dies."""
        self._phases = {}
        self.state_directory.mkdir(parents=True, exist_ok=True)
        self.state_directory.chmod(0o700)
        with (self.state_directory / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as reason:
                lock.seek(0)
                raise RehearsalError(
                    f"Another command of the rehearsal of {self.stack} is running (process {lock.read().strip() or 'unknown'}). "
                    "Wait for it, or end it, and run the same command again."
                ) from reason
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def _prepare(self, env: Mapping[str, str] | None, config: Mapping[str, Any] | None) -> None:
        """Everything that the engine needs: tools, a control plane that answers, wrappers, passphrase, stack and stack file."""
        toolchain = self.toolchain
        if self._with_control_plane:
            began = time.monotonic()
            self._control_plane = ControlPlane.start(
                self._control_plane_directory,
                toolchain.control_plane,
                port_base=self._port_base,
                simulated_nodes=self.stack == LOCAL,
                progress=self._say,
            )
            self._phases["control plane"] = time.monotonic() - began
        write_wrappers(self.state_directory / "bin", toolchain)
        for folder in ("backend", "home", "cloud"):
            (self.state_directory / folder).mkdir(exist_ok=True)
        passphrase = self.state_directory / "passphrase"
        if not passphrase.exists():
            passphrase.touch(0o600)
            passphrase.write_text(secrets.token_urlsafe(32))
        self.config_file.write_text(
            stack_file.rehearsed(self.committed.read_text(), self.project, config or {}, self._salt(env))
        )

    def _salt(self, env: Mapping[str, str] | None) -> str:
        """The stack's encryption salt.

        The engine makes it with the stack, in a project folder of its own: it writes it into the stack file there.
        """
        if not (self._salt_file.exists() and self.state_file.exists()):
            folder = self._salt_file.parent
            folder.mkdir(exist_ok=True)
            (folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": self.project, "runtime": "python"}))
            self._pulumi(env, "stack", "select", self.stack, "--create", folder=folder)
        return str(yaml.safe_load(self._salt_file.read_text())["encryptionsalt"])

    def _clear_remains(self, env: Mapping[str, str] | None) -> None:
        """After an update that was cut off: takes away its lock, and its notes about operations that were never finished.

        The real remedy for a creation whose outcome is unknown is to look and import; here the next creation meets the
        simulated cloud and the real API server, and both know a resource of the same name again.
        """
        for lock in self.state_file.parent.parent.parent.glob(f"locks/organization/{self.project}/{self.stack}/*.json"):
            holder = json.loads(lock.read_text())
            if holder.get("hostname") == socket.gethostname():
                self._wait_for_engine(int(holder["pid"]))
            if not lock.exists():  # the engine came to its end meanwhile
                continue
            self._say("an earlier update was cut off; its lock is taken away")
            self._pulumi(env, "cancel", "--yes", "--stack", self.stack)
            break
        if '"pending_operations"' not in (self.state_file.read_text() if self.state_file.exists() else ""):
            return
        exported = self._export(env)
        pending = exported["deployment"].pop("pending_operations", None) or []
        if pending:
            names = ", ".join(operation["resource"]["urn"].rsplit("::", 1)[-1] for operation in pending)
            self._say(f"an earlier update was cut off while it worked on {names}; those steps are taken again")
            file = self.state_directory / "without-pending-operations.json"
            file.write_text(json.dumps(exported))
            file.chmod(0o600)
            self._pulumi(env, "stack", "import", "--stack", self.stack, "--file", str(file))
            file.unlink()

    def _wait_for_engine(self, pid: int) -> None:
        """Waits for an engine whose rehearsal was killed: it finishes what is under way and then ends by itself."""
        end = time.monotonic() + ORPHAN_SECONDS
        if _is_engine(pid):
            self._say(f"the engine of an earlier command (process {pid}) is still finishing; waiting for it")
        while _is_engine(pid):
            if time.monotonic() > end:
                raise RehearsalError(
                    f"Process {pid} is still updating the rehearsal of {self.stack}. "
                    "Wait for it, or end it, and run the same command again."
                )
            time.sleep(0.5)

    @property
    def _unfinished(self) -> Path:
        """A mark: the last update has not come to its end."""
        return self.state_directory / "unfinished"

    def _after_a_failure(self, env: Mapping[str, str] | None) -> Mapping[str, str] | None:
        """Lets an update after a failed one take over Kubernetes objects whose creation the engine did not hear of.

        Otherwise the provider refuses them as "already there", so as not to lose what others made
        (pulumi-kubernetes#4278). What a person does after a cut-off update on AWS stands in
        docs/procedures/interrupted-update.md.
        """
        resumed = self._unfinished.exists()
        self._unfinished.touch()
        return {RESUMED: "true", **(env or {})} if resumed else env

    def _engine(self, command: str, env: Mapping[str, str] | None, *arguments: str) -> EngineRun:
        """One of the engine's long commands, with its output passed on and its events recorded."""
        run = engine.run(
            [
                str(self.toolchain.engine / "pulumi"),
                command,
                "--non-interactive",
                "--color",
                "always" if self._stream else "never",
                "--stack",
                self.stack,
                "--config-file",
                str(self.config_file),
                "--event-log",
                str(self.state_directory / "events.jsonl"),
                *arguments,
            ],
            self.environment(env),
            self.program,
            log=self.out / "pulumi.log",
            event_log=self.state_directory / "events.jsonl",
            say=self._say,
            stream=self._stream,
            verb=command,
        )
        self._phases["engine"] = run.seconds
        return run

    def _pulumi(self, env: Mapping[str, str] | None, *arguments: str, folder: Path | None = None) -> str:
        """One of the engine's short commands; returns its output.

        Raises RehearsalError with the engine's words when it fails.
        """
        run = engine.run(
            [str(self.toolchain.engine / "pulumi"), *arguments, "--non-interactive", "--color", "never"],
            self.environment(env),
            folder or self._salt_file.parent,
            log=self.out / "pulumi.log",
            event_log=self.state_directory / "no-events",
            say=self._say,
            stream=False,
            verb=arguments[0],
        )
        if not run.succeeded:
            raise RehearsalError(f"`pulumi {' '.join(arguments[:2])}` failed:\n" + "\n".join(run.errors))
        return run.output

    def _export(self, env: Mapping[str, str] | None) -> dict[str, Any]:
        file = self.state_directory / "exported.json"
        self._pulumi(env, "stack", "export", "--stack", self.stack, "--file", str(file))
        exported: dict[str, Any] = json.loads(file.read_text())
        file.unlink()
        return exported

    @staticmethod
    def _resources(exported: Mapping[str, Any]) -> list[dict[str, Any]]:
        resources: list[dict[str, Any]] = exported.get("deployment", {}).get("resources") or []
        return resources

    def _kubeconfig(self) -> Path | None:
        """Copies the kubeconfig to `out`, for its reader only."""
        if self._control_plane is None:
            return None
        copied = self.out / "kubeconfig"
        copied.touch(0o600)
        copied.write_text(self.kubeconfig.read_text())
        return copied

    def _write_plan(self, run: EngineRun) -> None:
        """Writes plan.json: each step of the engine with the inputs that it gives, as tools and the report read it."""
        steps = [
            {
                "operation": step.operation,
                "urn": step.urn,
                "type": step.type,
                "parent": (step.new or step.old or {}).get("parent", ""),
                "provider": (step.new or step.old or {}).get("provider", ""),
                "differing": list(step.differing),
                "inputs": (step.new or {}).get("inputs"),
            }
            for step in run.events.steps
        ]
        plan = {
            "stack": self.stack,
            "project": self.project,
            "succeeded": run.succeeded,
            "changes": run.events.counts,
            "steps": steps,
        }
        self.out.mkdir(parents=True, exist_ok=True)
        (self.out / "plan.json").write_text(json.dumps(plan, indent=1) + "\n")


def _is_engine(pid: int) -> bool:
    """Whether a process of that number runs and is an engine: the number alone may be another process's by now."""
    answer = subprocess.run(
        ["ps", "-o", "state=,args=", "-p", str(pid)],  # noqa: S607 - on every system, in its own place
        capture_output=True,
        text=True,
        check=False,
    )
    return "pulumi" in answer.stdout and not answer.stdout.lstrip().startswith("Z")
