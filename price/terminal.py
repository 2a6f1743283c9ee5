"""The estimate on a terminal."""

from rich.console import Console
from rich.table import Table as Grid

from price.estimate import Estimate
from price.report import provenance
from price.table import Table


def show(found: Estimate, prices: Table, limit: float | None, console: Console) -> None:
    """Each line of the estimate under its component, the sums, and what they rest on."""
    grid = Grid(title=f"{found.stack}: what a month costs", title_justify="left")
    for header, justify in (("component", "left"), ("what", "left"), ("quantity", "right"), ("unit", "left")):
        grid.add_column(header, justify="right" if justify == "right" else "left")
    grid.add_column("USD", justify="right")
    grid.add_column("price from")
    for component, usd in found.components.items():
        grid.add_row(f"[bold]{component}[/bold]", "", "", "", f"[bold]{usd:.2f}[/bold]", "")
        sums: dict[tuple[str, str, str], tuple[float, float]] = {}
        for line in found.lines:
            if line.component == component:
                key = (line.what, line.unit, line.origin)
                quantity, so_far = sums.get(key, (0.0, 0.0))
                sums[key] = (quantity + line.quantity, so_far + line.usd)
        for (what, unit, origin), (quantity, part) in sums.items():
            grid.add_row("", what, f"{quantity:g}", unit, f"{part:.2f}", origin)
    console.print(grid)
    console.print(
        f"{found.stack}: {found.total:.0f} USD a month" + (f", limit {limit:.0f}" if limit is not None else "")
    )
    console.print(provenance(found, prices), soft_wrap=True)
