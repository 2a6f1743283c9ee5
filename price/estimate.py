"""Adds up what the resources of a plan cost in a month."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from infra.usage import UsageSettings
from price.billing import BILLED, LAUNCH_TEMPLATE, Bill, Line, uses
from price.resources import Resource
from price.table import Table, UnknownPriceError
from price.uncounted import uncounted


class EstimateError(Exception):
    """Something in the plan has no price. `faults` lists all of them."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(f"  {fault}" for fault in self.faults))


@dataclass(frozen=True)
class Estimate:
    """A month of one stack, in US dollars before taxes."""

    stack: str
    region: str
    lines: tuple[Line, ...]

    @property
    def total(self) -> float:
        """Dollars a month."""
        return sum(line.usd for line in self.lines)

    @property
    def components(self) -> dict[str, float]:
        """Dollars a month by component, the dearest first."""
        sums: dict[str, float] = {}
        for line in self.lines:
            sums[line.component] = sums.get(line.component, 0.0) + line.usd
        return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))

    def share_from(self, origin: str) -> float:
        """The part of the total, from 0 to 1, whose prices come from there: `AWS`, `third party` or `memory`."""
        return sum(line.usd for line in self.lines if line.origin == origin) / self.total if self.total else 0.0


def estimate(stack: str, region: str, resources: Iterable[Resource], prices: Table, usage: UsageSettings) -> Estimate:
    """A month of these resources. Raises EstimateError with everything that has no price."""
    resources = list(resources)
    bill = Bill(region, prices, usage, {r.name: r for r in resources if r.type == LAUNCH_TEMPLATE})
    lines: list[Line] = []
    faults: list[str] = []
    for resource in resources:
        if not resource.type.startswith(("aws:", "eks:", "kubernetes:")):
            continue
        if resource.type in BILLED:
            try:
                lines.extend(BILLED[resource.type](resource, bill))
            except UnknownPriceError as error:
                faults.append(f"{resource.name}: {error}")
        elif resource.type.startswith(("aws:", "eks:")) and resource.type not in uncounted():
            faults.append(
                f"{resource.name}: {resource.type} is neither priced (price/billing.py) nor on the list of what is not "
                "counted (price/uncounted.yaml); put it on one of them"
            )
    for use in uses(resources, usage):
        try:
            lines.append(bill.line(*use))
        except UnknownPriceError as error:
            faults.append(f"{use[1]}: {error}")
    if faults:
        raise EstimateError(faults)
    return Estimate(stack, region, tuple(line for line in lines if line.usd))


def difference(before: Estimate, after: Estimate) -> dict[str, float]:
    """What a change adds to a month, in dollars by component, the largest change first; what stays the same is left out."""
    names = before.components.keys() | after.components.keys()
    changes = {name: after.components.get(name, 0.0) - before.components.get(name, 0.0) for name in names}
    changed = {name: usd for name, usd in changes.items() if abs(usd) >= 0.005}
    return dict(sorted(changed.items(), key=lambda item: (-abs(item[1]), item[0])))


def over_the_limit(found: Estimate, limit: float | None) -> str:
    """Why this costs too much: figure, limit and the three biggest components; empty when it does not, or without a limit."""
    if limit is None or found.total <= limit:
        return ""
    biggest = ", ".join(f"{name} {usd:.0f}" for name, usd in list(found.components.items())[:3])
    return (
        f"{found.stack}: {found.total:.0f} USD a month are more than budget.monthly_usd, {limit:.0f}; "
        f"the most goes to {biggest}. Make these smaller, or raise the budget"
    )
