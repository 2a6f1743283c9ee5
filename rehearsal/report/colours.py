"""The colours of the report: one for each layer, for light paper and for a dark screen, all with enough contrast."""

LAYER_COLOURS = {
    "edge": ("#a34a05", "#f0a35e"),
    "network": ("#0f6b66", "#5cc9c0"),
    "cluster": ("#1d4fb8", "#8db4ff"),
    "workload": ("#6530b8", "#bd9cff"),
    "data": ("#a3174a", "#ff94b4"),
    "monitoring": ("#486b0c", "#a9cf62"),
    "other": ("#52606d", "#a9b4bf"),
}
"""By layer: on light ground, on dark ground. tests/unit/test_report.py computes their contrast."""

GROUND = {
    "paper": ("#ffffff", "#14181d"),
    "panel": ("#f5f7f9", "#1c2229"),
    "line": ("#cfd7df", "#3a444f"),
    "ink": ("#1b2733", "#e8edf2"),
    "quiet": ("#4a5968", "#b3bfca"),
    "good": ("#1c6b35", "#7fd69a"),
    "bad": ("#a61b1b", "#ff9c9c"),
}
"""Everything that is no layer."""


def variables(dark: bool = False) -> str:
    """The colours as CSS variables, `--edge: #...;`."""
    return " ".join(f"--{name}: {pair[dark]};" for name, pair in {**GROUND, **LAYER_COLOURS}.items())


def css(name: str) -> str:
    """How a picture names a colour: the page's variable, and the light one where there is no page."""
    return f"var(--{name}, {({**GROUND, **LAYER_COLOURS})[name][0]})"
