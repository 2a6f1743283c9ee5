"""What an estimate says, as JSON and as Markdown for the comment of a preview."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from price.billing import Line
from price.estimate import Estimate
from price.table import MEMORY, Table


def as_json(found: Estimate, prices: Table, limit: float | None) -> str:
    """The estimate with all its lines, figures rounded to cents."""
    content: dict[str, Any] = {
        "stack": found.stack,
        "region": found.region,
        "prices_of": prices.on.isoformat(),
        "usd_a_month": round(found.total, 2),
        "limit_usd": limit,
        "components": {name: round(usd, 2) for name, usd in found.components.items()},
        "lines": [{**asdict(line), "usd": round(line.usd, 6)} for line in found.lines],
    }
    return json.dumps(content, indent=1) + "\n"


def from_json(text: str) -> Estimate:
    """The estimate that `as_json` wrote, such as that of the branch that a change goes to."""
    content = json.loads(text)
    return Estimate(content["stack"], content["region"], tuple(Line(**line) for line in content["lines"]))


def as_markdown(found: Estimate, prices: Table, limit: float | None, changes: Mapping[str, float] | None = None) -> str:
    """A table of components; with `changes`, what a change adds to each."""
    of_limit = f" of {limit:.0f}" if limit is not None else ""
    lines = [f"**{found.stack}: {found.total:.0f} USD a month{of_limit}**", ""]
    header = ["component", "USD a month", *(["change"] if changes is not None else [])]
    lines += [f"| {' | '.join(header)} |", f"|---|{'---:|' * (len(header) - 1)}"]
    for name in [*found.components, *(name for name in changes or () if name not in found.components)]:
        row = [name, f"{found.components.get(name, 0.0):.2f}"]
        if changes is not None:
            row.append(f"{changes[name]:+.2f}" if name in changes else "")
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join([*lines, "", provenance(found, prices)]) + "\n"


def provenance(found: Estimate, prices: Table) -> str:
    """One sentence on what the figure rests on."""
    return (
        f"On demand in {found.region}, before taxes; prices of {prices.on.isoformat()} (price/prices.yaml), of which "
        f"{found.share_from(MEMORY):.0%} of the sum were written from memory and are to be checked; "
        "use as section `usage` assumes."
    )
