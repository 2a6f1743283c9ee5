"""One rehearsed stack for all tests of this layer, of a program in a folder of pytest's own: commands change its stack file."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from typer.testing import CliRunner

from ops.__main__ import app
from ops.stack import Stack
from ops.stack_file import changed_text
from rehearsal import places
from rehearsal.control_plane.api import Api
from rehearsal.run import Rehearsal
from tests.ops.aws_answers import answers
from tests.waiting import until

__all__ = ["answers"]

PROGRAM = ("infra", "stacks", "docs", "app")
"""Folders of which the program is made, or which it reads."""


PATIENCE_SECONDS = 20
"""Without progress for so long a new version has failed: five minutes by default."""


@dataclass(frozen=True)
class RehearsedStack:
    """A stack that is up in a rehearsal. What a test changes it puts back, or leaves where no other test can mind."""

    folder: Path
    """The program's; the stack file lies there."""
    name: str
    rehearsal: Rehearsal

    @property
    def file(self) -> Path:
        """The stack file that commands change."""
        return self.folder / f"Pulumi.{self.name}.yaml"

    def run(self, *words: str, typed: str | None = None) -> Result:
        """What `python -m ops <words> --stack <stack> --rehearsed` does, in this process; `.output` has both streams."""
        return CliRunner().invoke(app, [*words, "--stack", self.name, "--rehearsed"], input=typed)

    def document(self, *words: str) -> dict[str, Any]:
        """What a command that succeeds prints with --json."""
        answer = self.run(*words, "--json")
        assert answer.exit_code == 0, answer.output
        found: dict[str, Any] = json.loads(answer.stdout)
        return found

    @contextmanager
    def opened(self) -> Iterator[Stack]:
        """The stack as a command sees it."""
        with Stack.named(self.folder, self.name, rehearsed=True, say=print) as stack:
            yield stack

    def api(self) -> Api:
        """The control plane's API; a context manager."""
        return Api(self.rehearsal.kubeconfig)

    @contextmanager
    def refused_pods(self, condition: str) -> Iterator[None]:
        """No pod is made for which the condition, in CEL, is false: what a version that does not come up looks like."""
        name = "tests-refuse"
        rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
        policy = {
            "matchConstraints": {"resourceRules": rules},
            "validations": [
                {"expression": condition, "message": "a test refuses this pod"},
                {"expression": "object.metadata.name != 'tests-probe'", "message": "in force"},
            ],
        }
        with self.opened() as stack:
            admission = client.AdmissionregistrationV1Api(stack.cluster.api)
            try:
                admission.create_validating_admission_policy({"metadata": {"name": name}, "spec": policy})
                admission.create_validating_admission_policy_binding(
                    {"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}}
                )
                until("the policy is in force", lambda: _refused(stack.cluster.core))
                yield
            finally:
                admission.delete_validating_admission_policy_binding(name)
                admission.delete_validating_admission_policy(name)

    def resources(self) -> dict[str, Mapping[str, Any]]:
        """The inputs of every resource in the engine's state, by URN: what a command that changes nothing leaves as it is.

        Without secrets: each update encrypts them anew.
        """
        found = self.rehearsal.state()["deployment"].get("resources") or []
        return {
            entry["urn"]: {
                key: value
                for key, value in (entry.get("inputs") or {}).items()
                if not (isinstance(value, dict) and "ciphertext" in value)
            }
            for entry in found
        }


def _refused(core: client.CoreV1Api) -> bool:
    probe = {"metadata": {"name": "tests-probe"}, "spec": {"containers": [{"name": "none", "image": "none:1"}]}}
    try:
        core.create_namespaced_pod("default", probe, dry_run="All")
    except ApiException as error:
        return "in force" in str(error.body)
    return False


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the program and its stack files; commands of this process work on it."""
    folder = tmp_path_factory.mktemp("operated")
    for name in PROGRAM:
        shutil.copytree(places.repository() / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in places.repository().glob("Pulumi*.yaml"):
        shutil.copy(file, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ops.command.FOLDER", folder)
        yield folder


def brought_up(program: Path, name: str, changes: Mapping[str, Any]) -> Iterator[RehearsedStack]:
    """A stack of that program, with other settings, from its first `up` until its control plane is stopped."""
    file = program / f"Pulumi.{name}.yaml"
    file.write_text(changed_text(file.read_text(), changes))
    rehearsal = Rehearsal(name, places.state(name, program), places.out(name, program), program, say=print)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)  # other layers measure the program and the plugins
        try:
            result = rehearsal.up()
            assert result.succeeded, "\n".join(result.errors)
            yield RehearsedStack(program, name, rehearsal)
        finally:
            rehearsal.remove()


@pytest.fixture(scope="session")
def rehearsed_stack(program: Path) -> Iterator[RehearsedStack]:
    """Stack `dev`, up once for the whole layer: EKS, RDS and ElastiCache played, the Kubernetes API real, one pod."""
    yield from brought_up(program, "dev", {"app.release.deadline_seconds": PATIENCE_SECONDS})
