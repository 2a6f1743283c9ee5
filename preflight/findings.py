"""What a check says: fine, a warning, or a fault, what was found, and what to do."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from rich.console import Console
from rich.markup import escape
from rich.table import Table


class Status(StrEnum):
    """How a check came out. Only a fault keeps `pulumi up` from working."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


COLOURS = {Status.OK: "green", Status.WARNING: "yellow", Status.FAULT: "bold red"}


@dataclass(frozen=True)
class Finding:
    """One answer of one check."""

    check: str
    status: Status
    found: str
    to_do: str = ""


def fine(check: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(check, Status.OK, found)


def warning(check: str, found: str, to_do: str) -> Finding:
    """It may work; a person should look."""
    return Finding(check, Status.WARNING, found, to_do)


def fault(check: str, found: str, to_do: str) -> Finding:
    """`pulumi up` would fail, or make something that does not work."""
    return Finding(check, Status.FAULT, found, to_do)


def faults(findings: Iterable[Finding]) -> list[Finding]:
    """Those that keep `pulumi up` from working."""
    return [finding for finding in findings if finding.status is Status.FAULT]


def as_json(stack: str, findings: Sequence[Finding]) -> str:
    """`{"stack", "ok", "findings": [{"check", "status", "found", "to_do"}]}`."""
    ok = not faults(findings)
    return json.dumps({"stack": stack, "ok": ok, "findings": [asdict(finding) for finding in findings]}, indent=2)


def show(stack: str, findings: Sequence[Finding], console: Console) -> None:
    """A table, what matters most first, and one line that sums it up."""
    table = Table(title=f"Preflight of {stack}: nothing was changed", title_justify="left", show_lines=True)
    for heading in ("check", "", "found", "what to do"):
        table.add_column(heading, overflow="fold")
    order = [Status.FAULT, Status.WARNING, Status.OK]
    for finding in sorted(findings, key=lambda finding: order.index(finding.status)):
        colour = COLOURS[finding.status]
        cells = (escape(text) for text in (finding.found, finding.to_do))
        table.add_row(finding.check, f"[{colour}]{finding.status}[/{colour}]", *cells)
    console.print(table)
    counts = ", ".join(f"{sum(f.status is status for f in findings)} {status}" for status in order)
    console.print(f"{counts}. " + ("Correct the faults first." if faults(findings) else f"pulumi up --stack {stack}"))
