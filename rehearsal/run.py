"""The rehearsal of one stack: control plane, plugins and engine put together, from `up` to `destroy`."""

import contextlib
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rehearsal import engine, places, stack_file, timeline
from rehearsal.control_plane import ControlPlane
from rehearsal.control_plane.control_plane import stop as stop_control_plane
from rehearsal.engine import EngineRun
from rehearsal.events import Events
from rehearsal.lost import take_away_lost
from rehearsal.manifests import write_manifests
from rehearsal.plugins.kubernetes.settings import RESUMED
from rehearsal.protection import switch_off
from rehearsal.real_node import RealNode
from rehearsal.real_node import stop as stop_node
from rehearsal.remains import RunningError, alone, engine_locks, forget, wait_for_engine
from rehearsal.terraform import write_terraform
from rehearsal.toolchain import Toolchain, ensure
from rehearsal.toolchain.disk import require_free
from rehearsal.wrappers import write_wrappers

Say = Callable[[str], None]

LOCAL = "local"
"""The stack that brings no nodes of its own and runs on any cluster's."""

SIMULATED, REAL = "simulated", "real"
"""Kinds of nodes: KWOK's, or one on which pods run (rehearsal.real_node)."""


STATE_GB = 0.3
"""What a running rehearsal needs beside the tools, in 10^9 bytes: etcd's log and store, the state, the logs."""

REAL_NODE_GB = 1.0
"""What a real node needs beside that: images, unpacked too, and what its containers write."""


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
    real_node: tuple[str, ...] = ()
    """On a real node: what of it differs from what the stack asks for, and where the application answers."""
    state: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """After `up`: the stack's state as the engine exports it, secrets encrypted."""

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
    `stream` the engine's own lines as they come. `node` is SIMULATED or REAL (one real node, for stack `local`; needs root);
    None goes on with what the rehearsal has. `plugin_path`: folders with plugins that come before ours.

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
        node: str | None = None,
        say: Say = lambda _line: None,
        stream: bool = False,
    ) -> None:
        self.stack = stack
        self.program = (program or places.repository()).absolute()
        self.state_directory = (state or places.state(stack)).absolute()
        if not (stack_file.is_name(stack) and self.config_file.is_file()):
            self._committed()  # an unknown name is refused before anything is made
        self.project = stack_file.project_name(self.program)
        self.out = (out or places.out(stack)).absolute()
        self._toolchain = toolchain
        self._port_base = port_base
        self._with_control_plane = with_control_plane
        self._plugin_path = plugin_path
        self._say = say
        self._stream = stream
        self._control_plane: ControlPlane | None = None
        self._node = self._chosen(node)
        self._phases: dict[str, float] = {}

    # ---- commands

    def up(
        self, env: Mapping[str, str] | None = None, config: Mapping[str, Any] | None = None, *arguments: str
    ) -> Result:
        """Brings the stack up, or to what the program now says.

        Leaves plan.json, manifests/, terraform/, kubeconfig and pulumi.log in `out`.

        `env` is added to the environment of the engine and the plugins; `config` changes settings for this run
        (`stack_file.rehearsed`); `arguments` go to `pulumi up` as they are.
        """
        with self._alone():
            self._prepare(env, config)
            self._clear_remains(env)
            run = self._engine("up", self._after_a_failure(env), "--yes", "--skip-preview", *arguments)
            if run.succeeded:
                self._unfinished.unlink()
            timeline.record(run.events, self.state_directory)
            self._write_plan(run)
            exported: dict[str, Any] = {}
            try:
                exported = self._export(env)
                count = len(write_manifests(exported, self.out / "manifests"))
                write_terraform(exported, self.out / "terraform")
            except RehearsalError:
                if run.succeeded:
                    raise
                count = 0  # what the update failed of is the news, not that its state can't be read
            return Result(run, dict(self._phases), self._kubeconfig(), count, self._about_the_node(), exported)

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

        The control plane and the state's folder stay; see `remove`. Goes by the settings of the last command, so that a
        stack whose file was spoilt or removed since can be taken down all the same.
        """
        with self._alone():
            self._prepare(env, config, self._last_copy())
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
        stop_node(self._node_directory)
        stop_control_plane(self._control_plane_directory)
        self._control_plane = None

    def remove(self) -> None:
        """Stops the control plane and forgets everything that the rehearsal kept.

        What it left for people in `out` stays.
        """
        with self._alone():
            for lock in engine_locks(self.state_directory):
                wait_for_engine(lock, self._say)
            self.stop()
            forget(self.state_directory)

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
    def damaged(self) -> bool:
        """Whether the state can't be read any more: nothing can be destroyed by it, the rehearsal can only be removed."""
        try:
            return self.state_file.exists() and not json.loads(self.state_file.read_text())
        except ValueError:
            return True

    @property
    def _control_plane_directory(self) -> Path:
        return self.state_directory / "control-plane"

    @property
    def _node_directory(self) -> Path:
        return self.state_directory / "real-node"

    def _chosen(self, node: str | None) -> RealNode | None:
        """The real node, where it is asked for or there already. Raises RehearsalError where it can't be."""
        present = (
            REAL if self._node_directory.is_dir() else SIMULATED if self._control_plane_directory.is_dir() else None
        )
        wanted = node or present or SIMULATED
        if wanted not in (SIMULATED, REAL):
            raise RehearsalError(f"NODE={wanted}: there are only NODE={SIMULATED} and NODE={REAL}.")
        if present and wanted != present:
            raise RehearsalError(
                f"The rehearsal of {self.stack} has {present} nodes, and NODE={wanted} was asked for. "
                f"`make destroy STACK={self.stack}` takes it down; then run the same command again."
            )
        if wanted == SIMULATED:
            return None
        if self.stack != LOCAL:
            raise RehearsalError(
                f"Stack {self.stack} brings simulated nodes of its own, and its images are in a registry on AWS. "
                f"The real node is for stack {LOCAL}: make rehearse STACK={LOCAL} NODE={REAL}"
            )
        return RealNode(self._node_directory, self._say)

    def _about_the_node(self) -> tuple[str, ...]:
        if self._node is None or self._control_plane is None:
            return ()
        address = self._node.forward(self._control_plane)
        answers = (f"The application answers on {address} (try {address}/quotes)",) if address else ()
        return (*self._node.differences(), *answers)

    @property
    def _salt_file(self) -> Path:
        return self.state_directory / "init" / f"Pulumi.{self.stack}.yaml"

    def environment(self, additions: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of the engine, and through it of the plugins and the program."""
        passphrase = self.state_directory / "passphrase"
        return engine.environment(
            {
                "MARLINSPIKE_REHEARSAL": str(self.state_directory),
                "MARLINSPIKE_REHEARSAL_ACCOUNT": self._account_id(),
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
        """One command at a time for each stack."""
        self._phases = {}
        try:
            with alone(self.state_directory, self.stack):
                yield
        except RunningError as reason:
            raise RehearsalError(str(reason)) from reason

    def _committed(self) -> str:
        """The text of the committed stack file. Raises StackFileError when there is none."""
        return stack_file.committed(self.program, self.stack)

    def _account_id(self) -> str:
        """The AWS account to be played; a file that is gone, or cannot be read, keeps nobody from destroying."""
        try:
            return stack_file.account_id(self._committed(), self.project)
        except stack_file.StackFileError:
            return ""

    def _last_copy(self) -> str | None:
        """The stack file's copy of the last command, None if there is no whole one."""
        try:
            return stack_file.read(self.config_file)
        except stack_file.StackFileError:
            return None

    def _prepare(
        self, env: Mapping[str, str] | None, config: Mapping[str, Any] | None, settings: str | None = None
    ) -> None:
        """Everything that the engine needs: tools, a control plane that answers, wrappers, passphrase, stack and stack file.

        `settings` is a stack file's text that takes the place of the committed one.
        """
        if self.damaged:
            raise RehearsalError(
                f"The state of the rehearsal of {self.stack} is damaged, as a full disk leaves it: {self.state_file} is no "
                f"JSON. `make destroy STACK={self.stack}` forgets the rehearsal; then run the same command again."
            )
        text = settings if settings is not None else self._committed()
        stack_file.rehearsed(
            text, self.project, config or {}, ""
        )  # what is wrong with it is said before anything starts
        toolchain = self.toolchain
        if self._with_control_plane:
            began = time.monotonic()
            config = {**self._start_cluster(toolchain, text), **(config or {})}
            self._phases["control plane"] = time.monotonic() - began
        write_wrappers(self.state_directory / "bin", toolchain)
        for folder in ("backend", "home", "cloud"):
            (self.state_directory / folder).mkdir(exist_ok=True)
        passphrase = self.state_directory / "passphrase"
        if not passphrase.exists():
            passphrase.touch(0o600)
            passphrase.write_text(secrets.token_urlsafe(32))
        self.config_file.write_text(stack_file.rehearsed(text, self.project, config or {}, self._salt(env)), "utf-8")

    def _start_cluster(self, toolchain: Toolchain, stack_file_text: str) -> Mapping[str, str]:
        """Makes the control plane run, and the real node where there is one; returns settings that go with that."""
        if not (self._control_plane_directory / "etcd").exists():
            require_free(
                {self.state_directory: STATE_GB + (REAL_NODE_GB if self._node else 0)},
                f"the rehearsal of {self.stack}",
                "free some space, for example with `make clean` (it ends and forgets the rehearsals of this clone), "
                "and run the same command again.",
            )
        if self._node:
            self._node.prepare()
        self._control_plane = ControlPlane.start(
            self._control_plane_directory,
            toolchain.control_plane,
            port_base=self._port_base,
            simulated_nodes=self.stack == LOCAL and self._node is None,
            namespace=self._node.namespace if self._node else None,
            progress=self._say,
        )
        if self._node is None:
            return {}
        self._node.join(self._control_plane, toolchain.control_plane, _application_image(stack_file_text))
        return self._node.settings

    def _salt(self, env: Mapping[str, str] | None) -> str:
        """The stack's encryption salt.

        The engine makes it with the stack, in a project folder of its own: it writes it into the stack file there.
        """
        if not (self._salt_file.exists() and self.state_file.exists()):
            folder = self._salt_file.parent
            folder.mkdir(exist_ok=True)
            (folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": self.project, "runtime": "python"}))
            self._pulumi(env, "stack", "select", self.stack, "--create", folder=folder)
        found = re.search(r"^encryptionsalt: *(\S+)", self._salt_file.read_text(), re.MULTILINE)
        if found is None:
            raise RehearsalError(
                f"The state of the rehearsal of {self.stack} is damaged: {self._salt_file} holds no encryption salt. "
                "`make clean` removes it; then run the same command again."
            )
        return found[1]

    def _clear_remains(self, env: Mapping[str, str] | None) -> None:
        """After an update that was cut off: takes away its lock, its unfinished operations and what these have left.

        The real remedy for a creation whose outcome is unknown is to look and import. What there is on the real API
        server is taken over by the next creation (`_after_a_failure`).
        """
        for lock in engine_locks(self.state_directory):
            wait_for_engine(lock, self._say)
            if not lock.exists():  # the engine came to its end meanwhile
                continue
            self._say("an earlier update was cut off; its lock is taken away")
            self._pulumi(env, "cancel", "--yes", "--stack", self.stack)
            break
        written = self.state_file.read_text() if self.state_file.exists() else ""
        if '"pending_operations"' not in written and not self._unfinished.exists():
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
        lost = take_away_lost(self.cloud, self._resources(exported))
        if lost:
            self._say(
                "taken out of the simulated account, since the engine never heard that they were made: "
                + ", ".join(lost)
            )

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
        self._say(f"running pulumi {command}; whole log: {self.out / 'pulumi.log'}")
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


def _application_image(stack_file_text: str) -> str:
    """The image that the stack file asks for: the real node gives that name to the one that it makes."""
    config = yaml.safe_load(stack_file_text).get("config") or {}
    return next(str(section["image"]) for key, section in config.items() if key.endswith(":app"))
