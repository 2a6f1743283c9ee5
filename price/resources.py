"""The resources of a plan, as far as their price is concerned."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GONE = frozenset({"delete", "delete-replaced", "discard", "discard-replaced", "remove-pending-replace"})
"""Steps of the engine that leave nothing."""


@dataclass(frozen=True)
class Resource:
    """One resource: its type token, its name and its inputs, spelt as the engine spells them."""

    type: str
    name: str
    inputs: Mapping[str, Any]


def resources_of(plan: Path) -> list[Resource]:
    """What a rehearsal's plan.json says there will be; raises FileNotFoundError without one."""
    steps = json.loads(plan.read_text())["steps"]
    kept = {
        step["urn"]: Resource(step["type"], step["urn"].rsplit("::", 1)[1], step["inputs"])
        for step in steps
        if step["operation"] not in GONE and step["inputs"] is not None
    }
    return list(kept.values())
