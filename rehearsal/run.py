"""The rehearsal of one stack: control plane, plugins and engine put together, from `up` to `destroy`."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from rehearsal import engine, places, stack_file, timeline, variables
from rehearsal.backend import Backend
from rehearsal.engine import EngineRun
from rehearsal.engine_commands import EngineCommands, Environment
from rehearsal.local_cluster import LocalCluster
from rehearsal.manifests import write_manifests
from rehearsal.node_kinds import REAL, SIMULATED
from rehearsal.policy_result import pack_of
from rehearsal.protection import switch_off
from rehearsal.remains import RunningError, alone, engine_locks, forget, wait_for_engine
from rehearsal.result import RehearsalError, Result, write_plan
from rehearsal.say import Say
from rehearsal.terraform import write_terraform
from rehearsal.toolchain import Toolchain, ensure
from rehearsal.wrappers import write_wrappers

__all__ = ["REAL", "SIMULATED", "Rehearsal", "RehearsalError", "Result", "Say"]


class Rehearsal:
    """The rehearsal of the stack `stack` of the Pulumi program in the folder `program`.

    `state` holds what continues from command to command (the control plane, the simulated cloud, the engine's backend),
    `out` what is left for people. `port_base`: first port of the control plane, else it finds free ones.
    `with_control_plane=False` for programs without Kubernetes. `say` hears one line of progress at a time; with
    `stream` the engine's own lines as they come; a `terminal` shows how far each layer is. `node` is SIMULATED or REAL
    (one real node, for stack `local`; needs root); None goes on with what the rehearsal has. `plugin_path`: folders
    with plugins that come before ours.

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
        terminal: Console | None = None,
    ) -> None:
        self.stack = stack
        self.program = (program or places.repository()).absolute()
        self.state_directory = (state or places.state(stack)).absolute()
        if not (stack_file.is_name(stack) and self.config_file.is_file()):
            self._committed()  # an unknown name is refused before anything is made
        self.project = stack_file.project_name(self.program)
        self.out = (out or places.out(stack)).absolute()
        self._toolchain = toolchain
        self._with_control_plane = with_control_plane
        self._plugin_path = plugin_path
        self._say = say
        self._commands = EngineCommands(
            stack,
            self.program,
            self.config_file,
            self.out,
            lambda: self.toolchain.engine / "pulumi",
            self.environment,
            say,
            stream,
            terminal,
        )
        self._backend = Backend(stack, self.project, self.state_directory, self._commands, say)
        self._cluster = LocalCluster(stack, self.state_directory, node, port_base, say)
        self._phases: dict[str, float] = {}

    def up(self, env: Environment = None, config: Mapping[str, Any] | None = None, *arguments: str) -> Result:
        """Brings the stack up, or to what the program now says.

        Leaves plan.json, policy.json, manifests/, terraform/, kubeconfig and pulumi.log in `out`. The program's policy
        pack, where it has one, is asked about every resource before that is made.

        `env` is added to the environment of the engine and the plugins; `config` changes settings for this run
        (`stack_file.rehearsed`); `arguments` go to `pulumi up` as they are.
        """
        with self._alone():
            self._prepare(env, config)
            self._backend.clear_remains(env, self.cloud)
            run = self._engine(
                "up", self._after_a_failure(env), "--yes", "--skip-preview", *self._policies(), *arguments
            )
            if run.succeeded:
                self._backend.unfinished.unlink()
            timeline.record(run.events, self.state_directory)
            write_plan(run, self.stack, self.project, self.out / "plan.json")
            exported: dict[str, Any] = {}
            try:
                exported = self._backend.exported(env)
                count = len(write_manifests(exported, self.out / "manifests"))
                write_terraform(exported, self.out / "terraform")
            except RehearsalError:
                if run.succeeded:
                    raise
                count = 0  # what the update failed of is the news, not that its state can't be read
            return Result(
                run,
                dict(self._phases),
                self._cluster.leave_kubeconfig(self.out),
                count,
                self._cluster.about_the_node(),
                exported,
            )

    def preview(self, env: Environment = None, config: Mapping[str, Any] | None = None, *arguments: str) -> Result:
        """Shows what `up` would do.

        Starts the control plane where none runs, since differences of Kubernetes objects are found by it.

        `arguments` go to `pulumi preview` as they are, for example `--expect-no-changes` and `--diff`.
        """
        with self._alone():
            self._prepare(env, config)
            run = self._engine("preview", env, *self._policies(), *arguments)
            write_plan(run, self.stack, self.project, self.out / "plan.json")
            return Result(run, dict(self._phases), self._cluster.leave_kubeconfig(self.out))

    def refresh(self, env: Environment = None, config: Mapping[str, Any] | None = None, *arguments: str) -> Result:
        """Reads what is really there into the state."""
        with self._alone():
            self._prepare(env, config)
            self._backend.clear_remains(env, self.cloud)
            run = self._engine("refresh", env, "--yes", "--skip-preview", *arguments)
            return Result(run, dict(self._phases), self._cluster.leave_kubeconfig(self.out))

    def destroy(self, env: Environment = None, config: Mapping[str, Any] | None = None, *arguments: str) -> Result:
        """Destroys every resource of the stack, protected ones too: it is all simulated.

        The control plane and the state's folder stay; see `remove`. Goes by the settings of the last command, so that a
        stack whose file was spoilt or removed since can be taken down all the same.
        """
        with self._alone():
            self._prepare(env, config, self._last_copy())
            self._backend.clear_remains(env, self.cloud)
            protected = [resource for resource in self._backend.resources(env) if resource.get("protect")]
            if protected:
                self._say(
                    f"{len(protected)} resources are protected, as they should be; "
                    "the rehearsal's simulated ones are unprotected now"
                )
                self._backend.unprotect(env)
            opened = switch_off(self.cloud)
            if opened:
                self._say(f"deletion protection is switched off in the simulated account: {', '.join(opened)}")
            run = self._engine("destroy", env, "--yes", "--skip-preview", *arguments)
            return Result(run, dict(self._phases), self._cluster.leave_kubeconfig(self.out))

    def state(self) -> dict[str, Any]:
        """The stack's state as `pulumi stack export` prints it (secrets encrypted); no resources when the stack was never up."""
        return self._backend.exported()

    def stop(self) -> None:
        """Stops the control plane; its data stay, and the next command starts it on them again."""
        self._cluster.stop()

    def remove(self) -> None:
        """Stops the control plane and forgets everything that the rehearsal kept.

        What it left for people in `out` stays.
        """
        with self._alone():
            for lock in engine_locks(self.state_directory):
                wait_for_engine(lock, self._say)
            self.stop()
            forget(self.state_directory)

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
        return self._cluster.kubeconfig

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
        return self._backend.state_file

    @property
    def damaged(self) -> bool:
        """Whether the state can't be read any more: nothing can be destroyed by it, the rehearsal can only be removed."""
        return self._backend.damaged

    def environment(self, additions: Environment = None) -> dict[str, str]:
        """The environment of the engine, and through it of the plugins and the program."""
        return engine.environment(
            {
                variables.STATE: str(self.state_directory),
                variables.ACCOUNT: self._account_id(),
                variables.KUBECONFIG: str(self.kubeconfig),
                variables.DEFINITIONS: str(self.toolchain.custom_resource_definitions),
                "KUBECONFIG": str(self.kubeconfig),
                "PULUMI_BACKEND_URL": f"file://{self.state_directory / 'backend'}",
                "PULUMI_CONFIG_PASSPHRASE": self._backend.passphrase,
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

    def _prepare(self, env: Environment, config: Mapping[str, Any] | None, settings: str | None = None) -> None:
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
            config = {**self._cluster.start(toolchain, text), **(config or {})}
            self._phases["control plane"] = time.monotonic() - began
        write_wrappers(self.state_directory / "bin", toolchain)
        for folder in ("backend", "home", "cloud"):
            (self.state_directory / folder).mkdir(exist_ok=True)
        self._backend.make_passphrase()
        self.config_file.write_text(
            stack_file.rehearsed(text, self.project, config or {}, self._backend.salt(env)), "utf-8"
        )

    def _after_a_failure(self, env: Environment) -> Environment:
        """Lets an update after a failed one take over Kubernetes objects whose creation the engine did not hear of.

        Otherwise the provider refuses them as "already there", so as not to lose what others made
        (pulumi-kubernetes#4278). What a person does after a cut-off update on AWS stands in
        docs/procedures/interrupted-update.md.
        """
        resumed = self._backend.unfinished.exists()
        self._backend.unfinished.touch()
        return {variables.RESUMED: "true", **(env or {})} if resumed else env

    def _engine(self, command: str, env: Environment, *arguments: str) -> EngineRun:
        run = self._commands.run(command, env, *arguments)
        self._phases["engine"] = run.seconds
        return run

    def _policies(self) -> tuple[str, ...]:
        """The flag by which the engine asks the program's own policy pack, where it has one."""
        pack = pack_of(self.program)
        return ("--policy-pack", str(pack)) if pack else ()
