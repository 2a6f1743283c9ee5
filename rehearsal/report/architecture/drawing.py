"""Draws the picture of the architecture as SVG; the same picture gives the same text."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from rehearsal.layers import LAYERS
from rehearsal.report import svg
from rehearsal.report.architecture.layout import (
    CARD_GAP,
    CARD_WIDTH,
    CHIP_SIZE,
    DETAIL_SIZE,
    MARGIN,
    TITLE_SIZE,
    ZONE_WIDTH,
    Layout,
    Place,
    layout,
)
from rehearsal.report.architecture.model import Box, Card, Picture
from rehearsal.report.colours import LAYER_COLOURS, css

_STYLE = (
    ".t{font-size:13px}"
    f"#architecture text{{fill:{css('ink')}}}"
    "#architecture .head{font-weight:650;font-size:13px}"
    f"#architecture .quiet{{fill:{css('quiet')};font-size:11.5px}}"
    f"#architecture .chip-text{{font-size:{CHIP_SIZE}px}}"
    f"#architecture .paper{{fill:{css('paper')}}}"
    f"#architecture .frame{{fill:none;stroke:{css('quiet')};stroke-width:1.4}}"
    f"#architecture .zone{{fill:none;stroke:{css('line')};stroke-dasharray:5 4}}"
    f"#architecture .strip{{fill:{css('panel')}}}"
    f"#architecture .box{{fill:{css('paper')};stroke:{css('line')}}}"
    f"#architecture .chip{{fill:{css('panel')};stroke:{css('line')}}}"
    "#architecture .arrow{fill:none;stroke-width:1.6}"
    f"#architecture .port{{font-size:11px;font-weight:600;paint-order:stroke;stroke:{css('paper')};stroke-width:4px}}"
    + "".join(
        f"#architecture .fill-{name}{{fill:{css(name)}}}#architecture .line-{name}{{stroke:{css(name)}}}"
        for name in LAYER_COLOURS
    )
)


def drawn(picture: Picture) -> str:
    """The picture as one `<svg>`, which stands by itself as well as in the page."""
    found = layout(picture)
    cards = list(_cards(picture.cards, found))
    cards_bottom = float(cards.pop()) if cards else 0
    height = max(found.height, cards_bottom) + 30
    parts = [
        _tips(),
        svg.rect(0, 0, found.width, height, "paper", 0),
        *_ground(picture, found),
        *(part for place in found.places.values() for part in _box(place)),
        *_entrance(picture, found),
        *_routes(found),
        *cards,
        *_legend(height - 16),
    ]
    heading = f"The architecture of stack {picture.stack}"
    return svg.picture("architecture", found.width, height, heading, picture.description, _STYLE, parts)


def _tips() -> str:
    tips = "".join(
        f'<marker id="tip-{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0 8 4 0 8z" class="fill-{name}"/></marker>'
        for name in LAYERS
    )
    return f"<defs>{tips}</defs>"


def _ground(picture: Picture, found: Layout) -> Iterator[str]:
    """The frame of the network, its zones and its strips."""
    x, y, w, h = found.frame
    yield svg.rect(x, y, w, h, "frame", 10)
    name = f"VPC {picture.network}" if picture.network else "The cluster"
    yield svg.text(x + 14, y + 22, name, "head")
    for zone, column in found.columns.items():
        yield svg.rect(column - 5, y + 32, ZONE_WIDTH + 10, h - 40, "zone", 8)
        yield svg.text(column + 4, y + 47, zone, "quiet")
    for strip in found.strips:
        for zone, column in found.columns.items():
            if not strip.ranges or zone in strip.ranges:
                yield svg.rect(column, strip.y, ZONE_WIDTH, strip.h, "strip", 6)
            if zone in strip.ranges:
                kind = strip.title.removesuffix(" subnets")
                label = svg.fitted(f"{kind}  {strip.ranges[zone]}", ZONE_WIDTH - 20, DETAIL_SIZE)
                yield svg.text(column + 10, strip.y + 16, label, "quiet")


def _box(place: Place) -> Iterator[str]:
    box = place.box
    yield svg.rect(place.x, place.y, place.w, place.h, "box", 5, svg.title(f"{box.title}: {box.detail}"))
    yield svg.rect(place.x, place.y, 5, place.h, f"fill-{box.layer}", 2)
    title = svg.fitted(box.title, place.w - 24, TITLE_SIZE, bold=True)
    if place.w < 2 * ZONE_WIDTH:  # a box of the entrance: two lines
        yield svg.text(place.x + 14, place.y + 19, title, "head")
        yield svg.text(place.x + 14, place.y + 36, svg.fitted(box.detail, place.w - 20, DETAIL_SIZE), "quiet")
    else:
        used = svg.width(title, TITLE_SIZE, bold=True) + 30
        yield svg.text(place.x + 14, place.y + 17, title, "head")
        yield svg.text(place.x + used, place.y + 17, svg.fitted(box.detail, place.w - used - 10, DETAIL_SIZE), "quiet")
    for x, y, width, word in place.chips:
        yield svg.rect(x, y, width, 17, f"chip line-{box.layer}", 8)
        yield svg.text(x + 7, y + 12, word, "chip-text")


def _entrance(picture: Picture, found: Layout) -> Iterator[str]:
    """From box to box of the entrance, and from the last one down into the network."""
    places = [found.places[box.key] for box in picture.entrance]
    straight = [a for a in picture.arrows if a.source == places[0].box.key and a not in [r.arrow for r in found.routes]]
    if not straight:
        return
    for one, other in pairwise(places):
        middle = one.y + one.h / 2
        yield svg.path([(one.x + one.w, middle), (other.x, middle)], "arrow line-edge", marker_end="url(#tip-edge)")
    for arrow in straight:
        last, to = places[-1], found.places[arrow.to]
        x = last.x + last.w - 22
        yield svg.path(
            [(x, last.y + last.h), (x, to.y)], f"arrow line-{to.box.layer}", marker_end=f"url(#tip-{to.box.layer})"
        )
        yield svg.text(x + 7, last.y + last.h + 20, arrow.ports, "port")


def _routes(found: Layout) -> Iterator[str]:
    labels = []
    for route in found.routes:
        layer = found.places[route.arrow.to].box.layer
        tip = {"marker_end": f"url(#tip-{layer})"} if route.label else {}
        yield svg.path(route.points, f"arrow line-{layer}", **tip)
        if route.label:
            side = "start" if route.label[0] > route.points[-1][0] else "end"
            labels.append(svg.text(*route.label, route.arrow.ports, "port", text_anchor=side))
    yield from labels  # above every line


def _cards(cards: Sequence[Card], found: Layout) -> Iterator[str]:
    """The cards, one below the other; the last part is not drawn but says where they end."""
    y = found.frame[1]
    if cards:
        yield svg.text(found.cards_x, y - 8, "Beside the network", "quiet")
    for card in cards:
        lines = svg.wrapped(card.lines, CARD_WIDTH - 26, DETAIL_SIZE, " · ")
        h = 27 + 16 * len(lines)
        box = Box(card.title, card.title, ", ".join(card.lines), card.layer)
        yield svg.rect(found.cards_x, y, CARD_WIDTH, h, "box", 5, svg.title(f"{box.title}: {box.detail}"))
        yield svg.rect(found.cards_x, y, 5, h, f"fill-{card.layer}", 2)
        yield svg.text(
            found.cards_x + 14, y + 18, svg.fitted(card.title, CARD_WIDTH - 24, TITLE_SIZE, bold=True), "head"
        )
        for index, line in enumerate(lines):
            yield svg.text(found.cards_x + 14, y + 35 + 16 * index, line, "quiet")
        y += h + CARD_GAP
    yield str(y)


def _legend(y: float) -> Iterator[str]:
    x = MARGIN
    for layer in LAYERS:
        yield svg.rect(x, y - 9, 10, 10, f"fill-{layer}", 2)
        yield svg.text(x + 16, y, layer, "quiet")
        x += svg.width(layer, DETAIL_SIZE) + 40
    yield svg.text(x + 8, y, "An arrow points to who is called; the number is the port.", "quiet")
