"""What the plan makes, by component: counts, and the resources themselves for who wants to look."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rehearsal.events import STACK_TYPE
from rehearsal.layers import LAYERS, OTHER
from rehearsal.report.graph import Resource
from rehearsal.report.material import Material
from rehearsal.urn import types_of


@dataclass(frozen=True)
class Component:
    """One outermost component of the program, and all that it makes."""

    title: str
    layer: str
    count: int
    types: Sequence[tuple[str, Sequence[str]]]
    """Type without its module, and the names of the resources that have it; those with the most first."""


def components(material: Material) -> list[Component]:
    """The components by layer, those with the most resources first."""
    inside: dict[tuple[str, str], list[Resource]] = {}
    for resource in material.graph.resources:
        if resource.type != STACK_TYPE and not resource.type.startswith("marlinspike:"):
            inside.setdefault((_outermost(resource.urn), resource.layer), []).append(resource)
    found = [_component(title, layer, own) for (title, layer), own in inside.items()]
    order = (*LAYERS, OTHER)
    return sorted(found, key=lambda each: (order.index(each.layer), -each.count, each.title))


def by_layer(found: Sequence[Component]) -> Mapping[str, int]:
    """How many resources each layer has, in the layers' order; layers without any are left out."""
    counted = Counter[str]()
    for each in found:
        counted[each.layer] += each.count
    return {layer: counted[layer] for layer in (*LAYERS, OTHER) if counted[layer]}


def _outermost(urn: str) -> str:
    """`network` for whatever is inside of a `marlinspike:network:Network`; what is in none is named by its package."""
    for kind in types_of(urn):
        parts = kind.split(":")
        if parts[0] == "marlinspike":
            return parts[1].replace("_", " ")
    return "providers" if ":providers:" in urn else "beside the components"


def _component(title: str, layer: str, own: Sequence[Resource]) -> Component:
    types: dict[str, list[str]] = {}
    for resource in own:
        word = "provider" if ":providers:" in resource.type else resource.type.rsplit(":", 1)[1]
        types.setdefault(word, []).append(resource.name)
    ordered = sorted(types.items(), key=lambda item: (-len(item[1]), item[0]))
    return Component(title, layer, len(own), [(word, sorted(names)) for word, names in ordered])
