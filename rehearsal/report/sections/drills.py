"""The last drills as plots: the autoscaler under load, and the loss of a zone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rehearsal.report import svg
from rehearsal.report.colours import css
from rehearsal.report.material import Material

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 900.0, 290.0, 40.0, 248.0, 18.0
LINES = ("workload", "data", "cluster", "network", "edge", "monitoring")
"""Colours of the lines, in their order; each has its own dashes too, for who does not see colours."""

DASHES = ("none", "7 4", "2 3", "10 3 2 3", "4 2", "1 3")


@dataclass(frozen=True)
class Plot:
    """A plot, and what it shows in words."""

    picture: str
    words: str


def about(material: Material) -> dict[str, Any]:
    """When the drills were done, and how much shorter the autoscaler's windows were."""
    drills = material.left.get("drills") or {}
    return {"drilled": drills.get("when", ""), "shortened": (drills.get("autoscaling") or {}).get("shortened")}


def plots(material: Material) -> dict[str, Plot]:
    """By drill, `autoscaling` and `zone`: its plot. Empty where none was done."""
    drills = material.left.get("drills") or {}
    found: dict[str, Plot] = {}
    if "autoscaling" in drills:
        found["autoscaling"] = autoscaling(drills["autoscaling"])
    if "zone" in drills:
        found["zone"] = zone(drills["zone"])
    return found


def autoscaling(drill: Mapping[str, Any]) -> Plot:
    """Pods that were asked for, and those that were ready, while load came and went."""
    samples = drill["samples"]
    words = (
        f"From {samples[0][1]} pods to {max(s[1] for s in samples)} under load and back to {samples[-1][1]}, "
        f"in {samples[-1][0]:.0f} s; never fewer than {min(s[2] for s in samples)} ready."
    )
    lines = {
        "wanted by the autoscaler": [(s[0], s[1]) for s in samples],
        "ready": [(s[0], s[2]) for s in samples],
    }
    if any(s[3] for s in samples):
        lines["waiting for a node"] = [(s[0], s[3]) for s in samples]
    marks = [("load begins", drill["load"][0]), ("load ends", drill["load"][1])]
    return Plot(_drawn("autoscaling", "The autoscaler under load", words, lines, marks), words)


def zone(drill: Mapping[str, Any]) -> Plot:
    """Ready pods by zone while one of them is lost and comes back."""
    samples = drill["samples"]
    names = sorted({name for _, counts in samples for name in counts})
    least = min(sum(counts.values()) for _, counts in samples)
    words = (
        f"{drill['lost']} is lost; {least} of {drill['pods']} pods stay ready, and all are again after "
        f"{drill['seconds']:.1f} s."
    )
    lines = {"all": [(t, sum(counts.values())) for t, counts in samples]}
    lines |= {name: [(t, counts.get(name, 0)) for t, counts in samples] for name in names}
    marks = [("zone lost", drill["at"][0]), ("zone back", drill["at"][1])]
    return Plot(_drawn("zone", f"{drill['lost']} is lost", words, lines, marks), words)


def _drawn(
    name: str,
    heading: str,
    words: str,
    lines: Mapping[str, Sequence[tuple[float, int]]],
    marks: Sequence[tuple[str, float]],
) -> str:
    """Lines in steps over seconds, with marks for what happened."""
    last = max(points[-1][0] for points in lines.values()) or 1
    most = max(value for points in lines.values() for _, value in points) + 1
    across, up = (WIDTH - LEFT - 20) / last, (BOTTOM - TOP) / most

    def at(second: float, value: float) -> tuple[float, float]:
        return LEFT + second * across, BOTTOM - value * up

    style = (
        f"#{name} text{{fill:{css('ink')};font-size:12px}}#{name} .quiet{{fill:{css('quiet')};font-size:11px}}"
        f"#{name} .grid{{stroke:{css('line')}}}#{name} .mark{{stroke:{css('quiet')};stroke-dasharray:3 3}}"
        f"#{name} path{{fill:none;stroke-width:2.2}}#{name} path.grid,#{name} path.mark{{stroke-width:1}}"
        + "".join(
            f"#{name} .line-{c}{{stroke:{css(c)};stroke-dasharray:{d}}}" for c, d in zip(LINES, DASHES, strict=True)
        )
    )
    parts = []
    step = max(1, round(most / 5))
    for value in range(0, int(most) + 1, step):
        parts.append(svg.path([at(0, value), at(last, value)], "grid"))
        parts.append(svg.text(LEFT - 8, at(0, value)[1] + 4, str(value), "quiet", text_anchor="end"))
    every = next(s for s in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600) if last / s <= 9)
    parts += [
        svg.text(at(tick, 0)[0], BOTTOM + 16, f"{tick} s", "quiet", text_anchor="middle")
        for tick in range(0, int(last) + 1, every)
    ]
    for word, second in marks:
        x, _ = at(second, 0)
        parts.append(svg.path([(x, TOP), (x, BOTTOM)], "mark"))
        parts.append(svg.text(x + 5, TOP + 6, word, "quiet"))
    x = LEFT
    for (label, points), colour in zip(lines.items(), LINES, strict=False):
        parts.append(svg.path(list(_steps(points, at)), f"line-{colour}"))
        parts.append(svg.path([(x, HEIGHT - 8), (x + 24, HEIGHT - 8)], f"line-{colour}"))
        parts.append(svg.text(x + 30, HEIGHT - 4, label))
        x += svg.width(label, 12) + 56
    return svg.picture(name, WIDTH, HEIGHT, heading, words, style, parts)


def _steps(points: Sequence[tuple[float, int]], at: Any) -> Sequence[tuple[float, float]]:
    """The corners of a line that stays level until the next value."""
    found = []
    for index, (second, value) in enumerate(points):
        if index:
            found.append(at(second, points[index - 1][1]))
        found.append(at(second, value))
    return found
