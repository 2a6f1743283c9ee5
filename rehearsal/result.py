"""What a command of a rehearsal did, and the error for what can't be done."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.engine import EngineRun
from rehearsal.events import Events
from rehearsal.policy_result import PolicyResult


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
    def policies(self) -> PolicyResult | None:
        """What the program's policy pack found; None where it was not asked."""
        return PolicyResult.of(self.run.events)

    @property
    def changes(self) -> dict[str, int]:
        """Resources by operation, as the engine counts them, for example `{"create": 120}`."""
        return self.run.events.counts

    @property
    def errors(self) -> list[str]:
        """The engine's errors; empty after a success."""
        return self.run.errors


def write_plan(run: EngineRun, stack: str, project: str, file: Path) -> None:
    """Writes what tools and the report read: each step of the engine with its inputs, and beside it what the policy pack said."""
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
        "stack": stack,
        "project": project,
        "succeeded": run.succeeded,
        "changes": run.events.counts,
        "steps": steps,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(plan, indent=1) + "\n")
    said = file.with_name("policy.json")
    said.unlink(missing_ok=True)
    if result := PolicyResult.of(run.events):
        said.write_text(json.dumps(result.as_json(), indent=1) + "\n")
