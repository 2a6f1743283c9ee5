"""What a drill leaves: one Markdown file and one JSON file in out/<stack>/drills/, against the objective."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ops.stack import Stack
from rehearsal import places

RECOVERY_SECONDS: Final = {"pod": 300, "node": 300, "zone": 300, "database": 300, "cache": 300}
"""The longest that recovery may take, by kind of drill: the platform's objective is five minutes, whatever was lost."""


@dataclass
class Outcome:
    """What a drill measured."""

    stack: Stack
    kind: str
    deed: str
    url: str
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    wanted: int = 0
    lost_pods: int = 0
    least_ready: int = 0
    seconds_to_strike: float = 0.0
    struck_at: float = 0.0
    """By the clock of the visits."""
    recovery_seconds: float | None = None
    """From the strike until everything was back; None: it never was."""
    failure: str = ""


def write(outcome: Outcome, visits: Mapping[str, Any]) -> tuple[dict[str, Any], Path]:
    """Writes both files; returns the document, and the Markdown file."""
    document = _document(outcome, visits)
    folder = places.out(outcome.stack.name, outcome.stack.folder) / "drills"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{outcome.began:%Y-%m-%dT%H%M%SZ}-{outcome.kind}.md"
    file.with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n")
    file.write_text(_markdown(document))
    return document, file


def _document(outcome: Outcome, visits: Mapping[str, Any]) -> dict[str, Any]:
    limit = RECOVERY_SECONDS[outcome.kind]
    seconds = outcome.recovery_seconds
    measured: dict[str, Any] = {
        "seconds until recovered": None if seconds is None else round(seconds, 1),
        "objective in seconds": limit,
        "seconds to break it": round(outcome.seconds_to_strike, 1),
        "pods lost": outcome.lost_pods,
    }
    if seconds is not None:
        measured |= {"pods wanted": outcome.wanted, "fewest pods ready": outcome.least_ready}
    measured |= {name.replace("_", " "): value for name, value in visits.items() if name != "faults"}
    if seconds is None:
        verdict = f"not recovered: {outcome.failure}"
    else:
        verdict = "met" if seconds <= limit else f"missed: recovered after {seconds:.0f} s, wanted are {limit} s"
    return {
        "drill": outcome.kind,
        "stack": outcome.stack.name,
        "rehearsed": outcome.stack.rehearsed,
        "began": outcome.began.isoformat(timespec="seconds"),
        "deed": outcome.deed,
        "url": outcome.url,
        "measured": measured,
        "faults of requests": list(visits.get("faults", [])),
        "verdict": verdict,
    }


def _markdown(document: Mapping[str, Any]) -> str:
    where = "the rehearsal of stack" if document["rehearsed"] else "stack"
    watched = (
        f"Requests went to {document['url']}."
        if document["url"]
        else "No URL answered: pods and Services were followed, requests were not counted."
    )
    faults = document["faults of requests"]
    rows = "\n".join(
        f"| {name} | {'never' if value is None else value} |" for name, value in document["measured"].items()
    )
    lost = f"\nFaults of lost requests: {', '.join(faults)}.\n" if faults else ""
    return f"""# Drill {document["drill"]}, {where} {document["stack"]}

{document["began"]}: {document["deed"]}. {watched}

| what | measured |
|---|---|
{rows}
{lost}
Objective: {document["verdict"]}.
"""
