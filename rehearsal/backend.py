"""One stack in the engine's local backend: its salt, its state, and what an update that was cut off has left there."""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rehearsal.engine_commands import EngineCommands, Environment
from rehearsal.lost import take_away_lost
from rehearsal.remains import engine_locks, wait_for_engine
from rehearsal.result import RehearsalError
from rehearsal.say import Say
from rehearsal.urn import name_of


@dataclass(frozen=True)
class Backend:
    """The stack `stack` of the project `project`; `folder` is the state of the rehearsal."""

    stack: str
    project: str
    folder: Path
    commands: EngineCommands
    say: Say

    @property
    def state_file(self) -> Path:
        """The engine's own state file in the backend, as it lies on the disk."""
        return self.folder / "backend" / ".pulumi" / "stacks" / self.project / f"{self.stack}.json"

    @property
    def damaged(self) -> bool:
        """Whether the state can't be read any more: nothing can be destroyed by it, the rehearsal can only be removed."""
        try:
            return self.state_file.exists() and not json.loads(self.state_file.read_text())
        except ValueError:
            return True

    @property
    def unfinished(self) -> Path:
        """A mark: the last update has not come to its end."""
        return self.folder / "unfinished"

    @property
    def _salt_file(self) -> Path:
        return self.folder / "init" / f"Pulumi.{self.stack}.yaml"

    @property
    def passphrase(self) -> str:
        """By which the engine encrypts what is secret in the state; empty before `make_passphrase`."""
        return self._passphrase_file.read_text() if self._passphrase_file.exists() else ""

    def make_passphrase(self) -> None:
        """Makes the passphrase, for its reader only, unless there is one."""
        if not self._passphrase_file.exists():
            self._passphrase_file.touch(0o600)
            self._passphrase_file.write_text(secrets.token_urlsafe(32))

    @property
    def _passphrase_file(self) -> Path:
        return self.folder / "passphrase"

    def salt(self, env: Environment) -> str:
        """The stack's encryption salt.

        The engine makes it with the stack, in a project folder of its own: it writes it into the stack file there.
        """
        if not (self._salt_file.exists() and self.state_file.exists()):
            project = self._salt_file.parent
            project.mkdir(exist_ok=True)
            (project / "Pulumi.yaml").write_text(yaml.safe_dump({"name": self.project, "runtime": "python"}))
            self._run(env, "stack", "select", self.stack, "--create")
        found = re.search(r"^encryptionsalt: *(\S+)", self._salt_file.read_text(), re.MULTILINE)
        if found is None:
            raise RehearsalError(
                f"The state of the rehearsal of {self.stack} is damaged: {self._salt_file} holds no encryption salt. "
                "`make clean` removes it; then run the same command again."
            )
        return found[1]

    def exported(self, env: Environment = None) -> dict[str, Any]:
        """The stack's state as `pulumi stack export` prints it; no resources when the stack was never up."""
        if not self._salt_file.exists():
            return {"version": 3, "deployment": {}}
        file = self.folder / "exported.json"
        self._run(env, "stack", "export", "--stack", self.stack, "--file", str(file))
        exported: dict[str, Any] = json.loads(file.read_text())
        file.unlink()
        return exported

    def resources(self, env: Environment = None) -> list[dict[str, Any]]:
        """The resources of the state."""
        return resources_of(self.exported(env))

    def unprotect(self, env: Environment) -> None:
        """Takes the protection from every resource."""
        self._run(env, "state", "unprotect", "--all", "--yes", "--stack", self.stack)

    def clear_remains(self, env: Environment, cloud: Path) -> None:
        """After an update that was cut off: takes away its lock, its unfinished operations and what these have left.

        The real remedy for a creation whose outcome is unknown is to look and import. What there is on the real API
        server is taken over by the next creation (`Rehearsal._after_a_failure`).
        """
        for lock in engine_locks(self.folder):
            wait_for_engine(lock, self.say)
            if not lock.exists():  # the engine came to its end meanwhile
                continue
            self.say("an earlier update was cut off; its lock is taken away")
            self._run(env, "cancel", "--yes", "--stack", self.stack)
            break
        written = self.state_file.read_text() if self.state_file.exists() else ""
        if '"pending_operations"' not in written and not self.unfinished.exists():
            return
        exported = self.exported(env)
        pending = exported["deployment"].pop("pending_operations", None) or []
        if pending:
            names = ", ".join(name_of(operation["resource"]["urn"]) for operation in pending)
            self.say(f"an earlier update was cut off while it worked on {names}; those steps are taken again")
            file = self.folder / "without-pending-operations.json"
            file.write_text(json.dumps(exported))
            file.chmod(0o600)
            self._run(env, "stack", "import", "--stack", self.stack, "--file", str(file))
            file.unlink()
        lost = take_away_lost(cloud, resources_of(exported))
        if lost:
            self.say(
                "taken out of the simulated account, since the engine never heard that they were made: "
                + ", ".join(lost)
            )

    def _run(self, env: Environment, *arguments: str) -> str:
        return self.commands.ask(env, *arguments, folder=self._salt_file.parent)


def resources_of(exported: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The resources of an exported state."""
    resources: list[dict[str, Any]] = exported.get("deployment", {}).get("resources") or []
    return resources
