"""When each resource of a rehearsal was begun and done, to the second, as the engine's event log tells it."""

import json
from collections.abc import Mapping
from pathlib import Path

from rehearsal.events import STACK_TYPE, Events

Times = Mapping[str, tuple[float, float]]
"""By URN: seconds from the beginning until it was begun and until it was done."""

FILE = "timeline.json"
"""Within the state of a rehearsal; it is forgotten with it."""


def created(events: Events) -> Times:
    """The resources that one run of the engine made."""
    began: dict[str, float] = {}
    found: dict[str, tuple[float, float]] = {}
    first: float | None = None
    for event in events.all:
        now = float(event.get("timestamp", 0))
        first = now if first is None else first
        if "resourcePreEvent" in event and event["resourcePreEvent"]["metadata"]["op"] == "create":
            began[event["resourcePreEvent"]["metadata"]["urn"]] = now - first
        elif "resOutputsEvent" in event:
            urn = event["resOutputsEvent"]["metadata"]["urn"]
            if urn in began:
                found[urn] = (began[urn], now - first)
    return found


def record(events: Events, folder: Path) -> None:
    """Adds what a run made to the timeline in a folder; a run that makes the stack itself begins a new one."""
    times, file = created(events), folder / FILE
    if not times:
        return
    known = {} if any(f"::{STACK_TYPE}::" in urn for urn in times) else read(folder)
    # A second try goes on where the first one ended.
    later = max((done for _, done in known.values()), default=0.0)
    added = {urn: (begun + later, done + later) for urn, (begun, done) in times.items()}
    file.write_text(json.dumps({**known, **added}))


def read(folder: Path) -> Times:
    """The timeline in a folder; empty without one."""
    file = folder / FILE
    if not file.exists():
        return {}
    return {urn: (begun, done) for urn, (begun, done) in json.loads(file.read_text()).items()}
