"""What a look at a live object says about its readiness."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.plugins.kubernetes.api import ApiServer


def _none() -> list[str]:
    return []


@dataclass(frozen=True)
class Verdict:
    """`status` says what is waited for; `reasons` finds out why it takes so long.

    `hopeless` means that waiting changes nothing.
    """

    ready: bool
    status: str = ""
    reasons: Callable[[], list[str]] = _none
    hopeless: bool = False


READY = Verdict(ready=True)

Probe = Callable[[ApiServer, dict[str, Any]], Verdict]


def condition(live: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The status condition of a type; empty when the object has none."""
    for found in live.get("status", {}).get("conditions") or []:
        if found.get("type") == kind:
            return dict(found)
    return {}


def is_observed(live: Mapping[str, Any]) -> bool:
    """Whether the controller has seen the newest generation, so that the status speaks of it."""
    return int(live.get("status", {}).get("observedGeneration", 0)) >= int(live["metadata"].get("generation", 0))


def worded(found: Mapping[str, Any]) -> str:
    """A condition or an event as one line: `[<reason>] <message>`."""
    return f"[{found.get('reason', 'Unknown')}] {found.get('message', '')}".strip()
