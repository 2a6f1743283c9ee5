"""Where each part of the picture goes: columns for zones, rows for strips of subnets, channels at both sides for arrows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rehearsal.report import svg
from rehearsal.report.architecture.model import PEOPLE, Arrow, Box, Picture

MARGIN, FRAME_PAD = 16.0, 12.0
ZONE_WIDTH, ZONE_GAP = 218.0, 12.0
LEFT_CHANNEL, RIGHT_CHANNEL = 52.0, 104.0
CARD_WIDTH, CARD_GAP = 214.0, 10.0
HEAD, CHIP, CHIP_SIZE, DETAIL_SIZE, TITLE_SIZE = 25.0, 21.0, 10.5, 11.5, 13.0
ENTRANCE_HEIGHT = 46.0
INDENT = 22.0
PORT_STEP = 15.0
TRACK_STEP = 13.0
FIRST_TRACK = 46.0
"""From the edge of the zones to the nearest track, so that ports have room before it."""
LEFT_TRACK = 30.0


@dataclass
class Place:
    """A box on paper."""

    box: Box
    x: float
    y: float
    w: float
    h: float
    chips: list[tuple[float, float, float, str]] = field(default_factory=list)
    """x, y, width and text."""


@dataclass(frozen=True)
class StripPlace:
    """A strip on paper: its cells by zone are as wide as the columns."""

    title: str
    ranges: Mapping[str, str]
    y: float
    h: float


@dataclass(frozen=True)
class Route:
    """A line from the caller's edge to the called one's, by one of the channels."""

    arrow: Arrow
    points: Sequence[tuple[float, float]]
    label: tuple[float, float] | None
    """Where the ports are written; None where another line into the same arrowhead has them."""


@dataclass
class Layout:
    """Everything on paper."""

    width: float
    height: float
    columns: Mapping[str, float]
    places: dict[str, Place]
    strips: list[StripPlace]
    frame: tuple[float, float, float, float]
    cards_x: float
    routes: list[Route]


def layout(picture: Picture) -> Layout:
    """Places everything; the height follows from what there is."""
    first = MARGIN + FRAME_PAD + LEFT_CHANNEL
    columns = {zone: first + index * (ZONE_WIDTH + ZONE_GAP) for index, zone in enumerate(picture.zones)}
    right = first + len(columns) * (ZONE_WIDTH + ZONE_GAP) - ZONE_GAP
    places: dict[str, Place] = {}
    for index, box in enumerate(picture.entrance):
        places[box.key] = Place(
            box, first + index * (ZONE_WIDTH + ZONE_GAP) + 10, MARGIN, ZONE_WIDTH - 24, ENTRANCE_HEIGHT
        )
    frame_top = MARGIN + ENTRANCE_HEIGHT + 34
    y = frame_top + 52
    strips = []
    for strip in picture.strips:
        top, y = y, y + (24 if strip.ranges else 8)
        for box in strip.boxes:
            place = _place(box, first + 8, y, right - first - 16, columns, _ends(picture, box.key))
            places[box.key] = place
            y += place.h + 7
        strips.append(StripPlace(strip.title, strip.ranges, top, y - top + 3))
        y += 13
    routes = _routes(picture, places, first, right)
    frame = (MARGIN, frame_top, right + RIGHT_CHANNEL - MARGIN, y - frame_top)
    cards_x = right + RIGHT_CHANNEL + 16
    width = cards_x + CARD_WIDTH + MARGIN if picture.cards else cards_x
    return Layout(width, y + MARGIN, columns, places, strips, frame, cards_x, routes)


def _ends(picture: Picture, key: str) -> int:
    """How many lines begin or end at a box, at most on one side."""
    order = list(picture.boxes)
    sides = {True: set[tuple[str, str]](), False: set[tuple[str, str]]()}
    for arrow in picture.arrows:
        if key in (arrow.source, arrow.to) and not _is_entrance(arrow, picture):
            sides[order.index(arrow.to) > order.index(arrow.source)].add((arrow.to, arrow.ports))
    return max(map(len, sides.values()))


def _place(box: Box, x: float, y: float, w: float, columns: Mapping[str, float], ends: int) -> Place:
    place = Place(box, x, y, w, HEAD)
    for zone, column in columns.items():
        left, row = column + INDENT, 0
        for word in box.chips.get(zone, ()):
            size = svg.width(word, CHIP_SIZE) + 14
            if left + size > column + ZONE_WIDTH - 8 and left > column + INDENT:
                left, row = column + INDENT, row + 1
            place.chips.append((left, y + HEAD + row * CHIP, size, word))
            left += size + 5
    if place.chips:
        place.h = max(chip_y for _, chip_y, _, _ in place.chips) - y + CHIP + 2
    place.h = max(place.h, ends * PORT_STEP + 4)
    return place


def _routes(picture: Picture, places: Mapping[str, Place], first: float, right: float) -> list[Route]:
    """Lines downwards by the right channel, upwards by the left one; those into one arrowhead share their track."""
    routes: list[Route] = []
    for down in (True, False):
        arrows = [
            a for a in picture.arrows if not _is_entrance(a, picture) and (places[a.to].y > places[a.source].y) == down
        ]
        heads: dict[tuple[str, str], list[Arrow]] = {}
        for arrow in arrows:
            heads.setdefault((arrow.to, arrow.ports), []).append(arrow)
        # Short ones near to the boxes: then the fewest lines cross.
        order = sorted(heads, key=lambda head: max(_span(places, arrow) for arrow in heads[head]))
        slots = _slots(heads, places)
        for track, head in enumerate(order):
            for number, arrow in enumerate(heads[head]):
                edge, sign = (right - 8, 1) if down else (first + 8, -1)
                x = edge + sign * ((FIRST_TRACK if down else LEFT_TRACK) + track * TRACK_STEP)
                begin, end = slots[arrow.source, *head], slots[arrow.to, *head]
                start = places[arrow.source].x + places[arrow.source].w if down else edge
                label = (edge + sign * 8, end - 5) if number == 0 else None
                routes.append(Route(arrow, [(start, begin), (x, begin), (x, end), (edge, end)], label))
    return routes


def _is_entrance(arrow: Arrow, picture: Picture) -> bool:
    """Whether an arrow is the one that comes straight down from the people."""
    return arrow.source == PEOPLE and bool(picture.strips) and arrow.to == next(iter(picture.strips[0].boxes)).key


def _span(places: Mapping[str, Place], arrow: Arrow) -> float:
    return abs(places[arrow.to].y - places[arrow.source].y)


def _slots(
    heads: Mapping[tuple[str, str], Sequence[Arrow]], places: Mapping[str, Place]
) -> dict[tuple[str, str, str], float]:
    """Heights at which lines meet boxes, evenly along the edge; by box and head of the line."""
    wanted: dict[str, list[tuple[str, str]]] = {}
    for head, arrows in heads.items():
        for key in dict.fromkeys([*(arrow.source for arrow in arrows), head[0]]):
            wanted.setdefault(key, []).append(head)
    found: dict[tuple[str, str, str], float] = {}
    for key, own in wanted.items():
        place = places[key]
        # What comes in from above meets the box above what goes out.
        own.sort(key=lambda head: (head[0] != key, -places[head[0]].y))
        for index, head in enumerate(own):
            found[key, *head] = place.y + place.h * (index + 1) / (len(own) + 1)
    return found
