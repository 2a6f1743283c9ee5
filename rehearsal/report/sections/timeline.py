"""How long a first `up` takes: measured in this rehearsal, and computed for AWS along the plan's longest chain."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rehearsal.critical_path import Link, critical_path, plan_of_state, unavoidable_seconds
from rehearsal.layers import LAYERS, layer_of
from rehearsal.report import svg
from rehearsal.report.colours import LAYER_COLOURS, css
from rehearsal.report.material import Material
from rehearsal.timeline import Times
from rehearsal.urn import type_of

WIDTH, LEFT, ROW, TOP = 900.0, 270.0, 22.0, 12.0
SHOWN = 12
"""Bars of single resources in the measured chart: those that took longest."""

SHORTEST_SECONDS = 2
"""Of these; the event log counts whole seconds."""

LONG_SECONDS = 30
"""Links of the computed chain that are shorter are added up."""


@dataclass(frozen=True)
class Bar:
    """One bar of a chart: seconds from the beginning."""

    label: str
    begun: float
    done: float
    layer: str
    note: str = ""
    thin: bool = False
    """Whether it stands for many."""


@dataclass(frozen=True)
class Chart:
    """A chart with what it shows in words."""

    picture: str
    rows: Sequence[tuple[str, str]]
    """The same as a table."""


def measured(material: Material) -> Chart | None:
    """The resources that took longest in the rehearsal; None where nothing was recorded."""
    if not material.times:
        return None
    bars = [*layers(material.times), *longest(material.times)]
    total = max(done for _, done in material.times.values())
    words = (
        f"{len(material.times)} resources were there after {total:.0f} s; "
        "a bar is a layer as a whole, or a resource that took long."
    )
    return Chart(
        _drawn("measured", "Measured in this rehearsal", words, bars, total, "s", hatched=False),
        [(bar.label, f"from {bar.begun:.0f} s to {bar.done:.0f} s") for bar in bars],
    )


def longest(times: Times) -> list[Bar]:
    """The bars of what took longest, in the order in which they began; components hold others and are left out."""
    own = [
        Bar(_label(urn), begun, done, layer_of(urn))
        for urn, (begun, done) in times.items()
        if not type_of(urn).startswith(("marlinspike:", "pulumi:", "eks:")) and done - begun >= SHORTEST_SECONDS
    ]
    kept = sorted(own, key=lambda bar: bar.begun - bar.done)[:SHOWN]
    return sorted(kept, key=lambda bar: (bar.begun, bar.done, bar.label))


def layers(times: Times) -> list[Bar]:
    """A bar for each layer, from its first resource to its last."""
    found = []
    for layer in LAYERS:
        own = [
            span
            for urn, span in times.items()
            if layer_of(urn) == layer and not type_of(urn).startswith("marlinspike:")
        ]
        if own:
            begun, done = min(span[0] for span in own), max(span[1] for span in own)
            found.append(Bar(f"{layer}, all {len(own)}" if len(own) > 1 else layer, begun, done, layer, thin=True))
    return found


def computed(material: Material) -> Chart | None:
    """The longest chain of a first `up` on AWS; None for a stack without AWS."""
    if not material.graph.of("aws:eks/cluster:Cluster"):
        return None
    chain = critical_path(plan_of_state(material.resources))
    bars = list(_links(chain))
    total, bound = chain[-1].ready, unavoidable_seconds()
    words = (
        f"A first up on AWS takes about {total / 60:.0f} minutes by the plan's dependencies and typical durations; "
        f"no order could make it shorter than {bound / 60:.0f} minutes."
    )
    minutes = [Bar(bar.label, bar.begun / 60, bar.done / 60, bar.layer, bar.note) for bar in bars]
    return Chart(
        _drawn("computed", "Computed for AWS: the critical path", words, minutes, total / 60, "min", hatched=True),
        [(bar.label, f"{bar.done - bar.begun:.0f} s, ready after {bar.done / 60:.1f} min") for bar in bars],
    )


def minutes_on_aws(material: Material) -> tuple[float, float] | None:
    """Minutes of the chain, and of what no order can shorten."""
    if not material.graph.of("aws:eks/cluster:Cluster"):
        return None
    return critical_path(plan_of_state(material.resources))[-1].ready / 60, unavoidable_seconds() / 60


def _links(chain: Sequence[Link]) -> Iterator[Bar]:
    """A bar for each long link; short ones between two long ones are one bar."""
    short: list[Link] = []
    for link in chain:
        if link.seconds < LONG_SECONDS:
            short.append(link)
            continue
        yield from _added_up(short)
        short = []
        yield Bar(_label(link.key), link.ready - link.seconds, link.ready, layer_of(link.key))
    yield from _added_up(short)


def _added_up(short: Sequence[Link]) -> Iterator[Bar]:
    if short:
        begun = short[0].ready - short[0].seconds
        names = f"{len(short)} short steps" if len(short) > 1 else _label(short[0].key)
        yield Bar(names, begun, short[-1].ready, "other", ", ".join(_label(link.key) for link in short))


def _drawn(name: str, heading: str, words: str, bars: Sequence[Bar], total: float, unit: str, *, hatched: bool) -> str:
    height = TOP + ROW * len(bars) + 34
    scale = (WIDTH - LEFT - 70) / total
    style = (
        f"#{name} text{{fill:{css('ink')};font-size:12px}}#{name} .quiet{{fill:{css('quiet')};font-size:11px}}"
        f"#{name} .grid{{stroke:{css('line')};stroke-width:1}}"
        + "".join(f"#{name} .fill-{layer}{{fill:{css(layer)}}}" for layer in LAYER_COLOURS)
        + f"#{name} .hatch{{stroke:{css('paper')};stroke-width:2.2}}"
    )
    parts = [
        f'<defs><pattern id="{name}-hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<path d="M0 0V7" class="hatch"/></pattern></defs>'
    ]
    bottom = TOP + ROW * len(bars)
    for tick in _ticks(total):
        x = LEFT + tick * scale
        parts.append(svg.path([(x, TOP - 4), (x, bottom + 4)], "grid"))
        parts.append(svg.text(x, bottom + 20, f"{tick:g} {unit}", "quiet", text_anchor="middle"))
    for index, bar in enumerate(bars):
        y = TOP + ROW * index
        x, w = LEFT + bar.begun * scale, max((bar.done - bar.begun) * scale, 2)
        parts.append(svg.text(LEFT - 10, y + 14, svg.fitted(bar.label, LEFT - 14, 12), text_anchor="end"))
        inset, thick = (7, 6) if bar.thin else (3, 14)
        parts.append(svg.rect(x, y + inset, w, thick, f"fill-{bar.layer}", 2, svg.title(bar.note or bar.label)))
        if hatched:
            parts.append(svg.rect(x, y + 3, w, 14, "", 2, fill=f"url(#{name}-hatch)"))
        parts.append(svg.text(x + w + 6, y + 14, _figure(bar.done - bar.begun, 1 if hatched else 0), "quiet"))
    return svg.picture(name, WIDTH, height, heading, words, style, parts)


def _figure(value: float, digits: int) -> str:
    smallest = 10.0**-digits
    return f"{value:.{digits}f}" if value >= smallest / 2 else f"< {smallest:g}"


def _ticks(total: float) -> list[float]:
    step = next(s for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600) if total / s <= 9)
    return [step * index for index in range(int(total / step) + 1)]


def _label(urn: str) -> str:
    """`Instance database-instance`: the type's last word, and the name without that of the stack."""
    stack, project, _, name = urn.split("::", 3) if urn.startswith("urn:pulumi:") else ("", "", "", urn)
    prefix = f"{project}-{stack.removeprefix('urn:pulumi:')}-"
    word = "Provider" if type_of(urn).startswith("pulumi:providers:") else type_of(urn).rsplit(":", 1)[-1]
    return f"{word} {name.removeprefix(prefix)}"
