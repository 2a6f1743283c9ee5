"""How far the engine is, from its growing event log: as a live table by layer on a terminal, as a line now and then elsewhere."""

import json
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from rehearsal.events import STACK_TYPE
from rehearsal.layers import LAYERS, OTHER, layer_of
from rehearsal.say import Say
from rehearsal.urn import name_of

LINE_EVERY_SECONDS = 10.0
"""How often a log is told how far the engine is."""

LINE_WITHOUT_NEWS_SECONDS = 60.0

COLOURS = {
    "edge": "dark_orange",
    "network": "cyan",
    "cluster": "blue",
    "workload": "magenta",
    "data": "red",
    "monitoring": "green",
}


@dataclass
class Standing:
    """What the engine has begun and done so far; `look` reads what came since the last time."""

    event_log: Path
    began: dict[str, str] = field(default_factory=dict)
    """By URN: what people call the resource."""
    ended: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    status: dict[str, str] = field(default_factory=dict)
    _read: int = 0

    def look(self) -> None:
        """Reads the whole lines that were added."""
        if not self.event_log.exists():
            return
        with self.event_log.open("rb") as log:
            log.seek(self._read)
            new = log.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            self._add(json.loads(line))

    def _add(self, event: dict[str, Any]) -> None:
        if "resourcePreEvent" in event:
            metadata = event["resourcePreEvent"]["metadata"]
            name = f"{metadata['type'].rsplit(':', 1)[-1]} {name_of(metadata['urn'])}"
            self.began[metadata["urn"]] = name
        elif "resOutputsEvent" in event:
            self.ended.add(event["resOutputsEvent"]["metadata"]["urn"])
        elif "resOpFailedEvent" in event:
            self.ended.add(event["resOpFailedEvent"]["metadata"]["urn"])
            self.failed.add(event["resOpFailedEvent"]["metadata"]["urn"])
        elif event.get("diagnosticEvent", {}).get("ephemeral"):
            self.status[event["diagnosticEvent"].get("urn", "")] = event["diagnosticEvent"]["message"].strip()

    @property
    def waiting(self) -> list[str]:
        """What is waited for: of those under way, what began last, since components stay open until their last child."""
        urns = [urn for urn in self.began if urn not in self.ended and STACK_TYPE not in urn]
        return [
            f"{self.began[urn]} ({self.status[urn]})" if self.status.get(urn) else self.began[urn] for urn in urns[-2:]
        ]

    def layers(self) -> dict[str, tuple[int, int]]:
        """By layer: how many are done, of how many that were begun."""
        found = {}
        for layer in (*LAYERS, OTHER):
            own = [urn for urn in self.began if STACK_TYPE not in urn and layer_of(urn) == layer]
            if own:
                found[layer] = (sum(urn in self.ended for urn in own), len(own))
        return found


class Lines(AbstractContextManager["Lines"]):
    """A line every few seconds, for logs; one that brings no news waits for longer."""

    def __init__(self, event_log: Path, verb: str, say: Say) -> None:
        self._standing = Standing(event_log)
        self._verb = verb
        self._say = say
        self._began = self._last = time.monotonic()
        self._told = ""

    def __exit__(self, *_: object) -> None:
        return None

    def look(self) -> None:
        """Says a line when the last one is long enough ago."""
        now = time.monotonic()
        if now - self._last < LINE_EVERY_SECONDS:
            return
        self._standing.look()
        line = self._line()
        if line == self._told and now - self._last < LINE_WITHOUT_NEWS_SECONDS:
            return
        self._last, self._told = now, line
        self._say(f"  {self._verb}, {now - self._began:.0f} s: {line}")

    def _line(self) -> str:
        standing = self._standing
        waiting = f"; under way: {', '.join(standing.waiting)}" if standing.waiting else ""
        return f"{len(standing.ended)} of {len(standing.began)} resources done{waiting}"


class ByLayer(AbstractContextManager["ByLayer"]):
    """A table by layer that is drawn anew in place, for terminals; it is gone when the engine has ended."""

    def __init__(self, event_log: Path, verb: str, console: Console) -> None:
        self._standing = Standing(event_log)
        self._verb = verb
        self._began = time.monotonic()
        self._live = Live(console=console, transient=True, auto_refresh=False)

    def __enter__(self) -> "ByLayer":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def look(self) -> None:
        """Draws the table as it is now."""
        self._standing.look()
        self._live.update(self.table(), refresh=True)

    def table(self) -> Table:
        """Each layer with its bar, and what is waited for."""
        seconds = time.monotonic() - self._began
        table = Table.grid(padding=(0, 2))
        table.add_row(f"pulumi {self._verb}", f"{seconds:.0f} s", "", style="bold")
        for layer, (done, begun) in self._standing.layers().items():
            colour = COLOURS.get(layer, "white")
            bar = ProgressBar(total=begun, completed=done, width=32, complete_style=colour, finished_style=colour)
            table.add_row(f"  {layer}", f"{done} of {begun}", bar)
        for name in self._standing.waiting:
            table.add_row("  under way", "", name, style="dim")
        return table
