"""The Pulumi engine that keeps a stack: the one on PATH for a real stack, the rehearsal's for a rehearsed one."""

import contextlib
import json
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ops.errors import OpsError, StoppedError
from rehearsal import places
from rehearsal.control_plane import ControlPlaneError
from rehearsal.engine import Interrupted
from rehearsal.run import Rehearsal, RehearsalError, Result
from rehearsal.stack_file import StackFileError
from rehearsal.toolchain import ToolchainError

Say = Callable[[str], None]


class Engine(ABC):
    """What a command asks of the engine. Everything raises OpsError in the engine's own words."""

    rehearsed: bool

    def __init__(self, folder: Path, stack: str, say: Say) -> None:
        self._folder, self._stack, self._say = folder, stack, say

    def outputs(self) -> Mapping[str, Any]:
        """What the stack exports; empty when it was never up."""
        found: Mapping[str, Any] = json.loads(self._run("stack", "output", "--json"))
        return found

    def history(self) -> list[Mapping[str, Any]]:
        """The stack's updates, newest first, as `pulumi stack history --json` prints them."""
        found: list[Mapping[str, Any]] = json.loads(self._run("stack", "history", "--json"))
        return found

    def state(self) -> Mapping[str, Any]:
        """The stack's state, as `pulumi stack export` prints it, secrets encrypted."""
        found: Mapping[str, Any] = json.loads(self._run("stack", "export"))
        return found

    def unprotect(self, urn: str) -> None:
        """Lets one resource be replaced or deleted; the next `up` that leaves it as it is protects it again."""
        self._run("state", "unprotect", urn, "--yes")

    @abstractmethod
    def up(self) -> None:
        """Brings the stack to what the program and the stack file say now."""

    @abstractmethod
    def would_change(self, text: str, *options: str) -> list[str]:
        """What `up` would change if the stack file had this text, as in `update Deployment/app-deployment`.

        `options` are of `pulumi preview`.
        """

    @abstractmethod
    def kubeconfig(self) -> Path | None:
        """Of the rehearsal's control plane; None for a real stack, whose cluster its outputs name."""

    @abstractmethod
    def _environment(self) -> Mapping[str, str] | None:
        """Of `pulumi`; None for the shell's own."""

    def _run(self, *words: str) -> str:
        environment = self._environment()
        try:
            done = subprocess.run(
                ["pulumi", *words, "--stack", self._stack, "--non-interactive"],  # noqa: S607 - the user's own
                cwd=self._folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            raise OpsError(
                "there is no pulumi on PATH; install it, or say --rehearsed for a stack that is rehearsed on this machine"
            ) from None
        if done.returncode != 0:
            raise OpsError(f"pulumi {' '.join(words[:2])} failed:\n{done.stdout}{done.stderr}".rstrip())
        return done.stdout


class PulumiEngine(Engine):
    """`pulumi` on PATH, with the backend and the credentials of the shell."""

    rehearsed = False

    def up(self) -> None:
        """Brings the stack to what the program and the stack file say now."""
        self._say(f"pulumi up --stack {self._stack}")
        self._say(self._run("up", "--yes", "--skip-preview", "--suppress-outputs").rstrip())

    def would_change(self, text: str, *options: str) -> list[str]:
        """What `up` would change if the stack file had this text, as in `update Deployment/app-deployment`."""
        # Beside the stack file: the engine looks for the project there.
        with tempfile.NamedTemporaryFile("w", dir=self._folder, prefix=".preview-", suffix=".yaml") as file:
            file.write(text)
            file.flush()
            found = json.loads(self._run("preview", "--json", "--config-file", file.name, *options))
        steps = [(step["op"], *step["urn"].split("::")[2:]) for step in found["steps"] if step["op"] != "same"]
        return [f"{operation} {kind.rsplit(':', 1)[1]}/{name}" for operation, kind, name in steps]

    def kubeconfig(self) -> Path | None:
        """None: the stack's outputs name its cluster."""
        return None

    def _environment(self) -> Mapping[str, str] | None:
        return None


class RehearsedEngine(Engine):
    """The engine of `make rehearse`, on the stack that it brought up. Raises OpsError where it did not."""

    rehearsed = True

    def __init__(self, folder: Path, stack: str, say: Say) -> None:
        super().__init__(folder, stack, say)
        with _as_ops_error():
            self._rehearsal = Rehearsal(stack, places.state(stack, folder), places.out(stack, folder), folder, say=say)
        if not self._rehearsal.kubeconfig.exists():
            raise OpsError(f"{stack} is not rehearsed on this machine; begin with: make rehearse STACK={stack}")

    def up(self) -> None:
        """Brings the stack to what the program and the stack file say now."""
        with _as_ops_error():
            result = self._rehearsal.up()
        if not result.succeeded:
            raise OpsError("the update failed:\n" + "\n".join(result.errors))

    def would_change(self, text: str, *options: str) -> list[str]:
        """What `up` would change if the stack file had this text, as in `update Deployment/app-deployment`."""
        wanted = (yaml.safe_load(text) or {}).get("config") or {}
        there = (yaml.safe_load((self._folder / f"Pulumi.{self._stack}.yaml").read_text()) or {}).get("config") or {}
        result = self._preview({**dict.fromkeys(there.keys() - wanted.keys()), **wanted}, *options)
        return [f"{step.operation} {step.key}" for step in result.events.changed]

    def _preview(self, settings: Mapping[str, Any], *options: str) -> Result:
        with _as_ops_error():
            result = self._rehearsal.preview(None, settings, "--diff", *options)
        if not result.succeeded:
            raise OpsError("the preview failed:\n" + "\n".join(result.errors))
        return result

    def kubeconfig(self) -> Path | None:
        """Of the rehearsal's control plane."""
        return self._rehearsal.kubeconfig

    def _environment(self) -> Mapping[str, str] | None:
        return self._rehearsal.environment()


@contextlib.contextmanager
def _as_ops_error() -> Iterator[None]:
    try:
        yield
    except (RehearsalError, StackFileError, ToolchainError, ControlPlaneError) as error:
        raise OpsError(str(error)) from None
    except Interrupted:
        raise StoppedError("the update was interrupted and has ended; the same command goes on from there") from None
