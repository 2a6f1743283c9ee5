"""What a month costs, by component, from cost.json of package `price`."""

from collections.abc import Sequence
from dataclasses import dataclass

from rehearsal.report.material import Material

MEMORY = "memory"


@dataclass(frozen=True)
class Part:
    """A component's share of the price."""

    component: str
    usd: float
    share: float
    """Per cent of the sum."""
    lines: Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Price:
    """A month of one stack in US dollars."""

    total: float
    limit: float | None
    region: str
    prices_of: str
    unchecked: float
    """Per cent of the sum whose prices nobody has looked up."""
    parts: Sequence[Part]


def price(material: Material) -> Price | None:
    """The price; None where nobody computed it, as for a stack that is not on AWS."""
    cost = material.left.get("cost")
    if not cost or not cost["usd_a_month"]:
        return None
    total = float(cost["usd_a_month"])
    parts = []
    for component, usd in cost["components"].items():
        sums: dict[str, float] = {}
        for line in cost["lines"]:
            if line["component"] == component:
                sums[line["what"]] = sums.get(line["what"], 0.0) + line["usd"]
        lines = sorted(sums.items(), key=lambda item: -item[1])
        parts.append(Part(component, usd, 100 * usd / total, lines))
    unchecked = 100 * sum(line["usd"] for line in cost["lines"] if line["origin"] == MEMORY) / total
    return Price(total, cost["limit_usd"], cost["region"], cost["prices_of"], unchecked, parts)
