"""The picture of what each environment costs: a bar for each, divided by component."""

from collections.abc import Sequence
from html import escape

from price.estimate import Estimate
from price.table import Table

COLOURS = (
    ("nodes", "#1f6f8b"),
    ("database", "#e07a5f"),
    ("network", "#3d405b"),
    ("cache", "#81b29a"),
    ("cluster", "#f2cc8f"),
    ("edge", "#9a6fb0"),
    ("everything else", "#b8b8b8"),
)
"""In the order of the bars' parts; components without a colour of their own are added up."""

WIDTH, LEFT, BAR, ROW, TOP = 860, 90, 640, 46, 74


def svg(estimates: Sequence[Estimate], prices: Table) -> str:
    """Stacked bars on one scale. The same estimates give the same text."""
    scale = BAR / max(found.total for found in estimates)
    height = TOP + ROW * len(estimates) + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f"<title>{escape(_title(estimates))}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="26" font-size="16" fill="#222222">USD a month, before taxes '
        f"({estimates[0].region}, prices of {prices.on.isoformat()}, to be checked)</text>",
    ]
    x = LEFT
    for name, colour in COLOURS:
        parts.append(f'<rect x="{x}" y="42" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 17}" y="53" fill="#222222">{name}</text>')
        x += 36 + 7 * len(name)
    for row, found in enumerate(estimates):
        parts += _bar(found, TOP + ROW * row, scale)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _title(estimates: Sequence[Estimate]) -> str:
    return "; ".join(f"{found.stack} {found.total:.0f} USD a month" for found in estimates)


def _bar(found: Estimate, y: int, scale: float) -> list[str]:
    named = {name for name, _ in COLOURS}
    rest = sum(usd for name, usd in found.components.items() if name not in named)
    parts = [f'<text x="16" y="{y + 20}" fill="#222222">{escape(found.stack)}</text>']
    x = float(LEFT)
    for name, colour in COLOURS:
        usd = found.components.get(name, 0.0) if name != COLOURS[-1][0] else rest
        width = usd * scale
        parts.append(
            f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="30" fill="{colour}"><title>{name} {usd:.0f}</title></rect>'
        )
        x += width
    return [*parts, f'<text x="{x + 8:.1f}" y="{y + 20}" fill="#222222">{found.total:.0f}</text>']
