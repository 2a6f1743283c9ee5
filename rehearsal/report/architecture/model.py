"""What the picture of the architecture is made of, before anything has a place on paper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PEOPLE = "people"
"""Key of the box for whoever comes from the internet."""


@dataclass(frozen=True)
class Box:
    """Something that runs, or stands for what runs."""

    key: str
    title: str
    detail: str
    layer: str
    chips: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By zone: what of it is there, such as its pods."""


@dataclass(frozen=True)
class Strip:
    """Subnets of one kind, one in each zone, with what lies in them; without a network, the cluster itself."""

    title: str
    ranges: Mapping[str, str]
    """By zone: the range of addresses."""
    boxes: Sequence[Box]


@dataclass(frozen=True)
class Card:
    """A service of the region that lies in no subnet."""

    title: str
    lines: Sequence[str]
    layer: str


@dataclass(frozen=True)
class Arrow:
    """Who talks to whom: the caller's key, the called one's, and on which ports."""

    source: str
    to: str
    ports: str
    because: str
    """What lets it through."""


@dataclass(frozen=True)
class Picture:
    """The architecture of one stack."""

    stack: str
    network: str
    """The VPC's range; empty without one."""
    zones: Sequence[str]
    entrance: Sequence[Box]
    """From the people to the network, in the order in which a request passes."""
    strips: Sequence[Strip]
    cards: Sequence[Card]
    arrows: Sequence[Arrow]

    @property
    def boxes(self) -> Mapping[str, Box]:
        """Every box by its key."""
        return {box.key: box for box in [*self.entrance, *(box for strip in self.strips for box in strip.boxes)]}

    @property
    def description(self) -> str:
        """The picture in words, for who does not see it."""
        boxes = self.boxes
        where = f"A network of {len(self.zones)} zones" if self.network else f"A cluster over {len(self.zones)} zones"
        calls = "; ".join(f"{boxes[a.source].title} calls {boxes[a.to].title} on {a.ports}" for a in self.arrows)
        strips = "; ".join(f"{s.title}: {', '.join(b.title for b in s.boxes) or 'nothing'}" for s in self.strips)
        return f"{where}. {strips}. {calls}."
