"""Which argument takes the attribute of which other resource, as the engine recorded it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rehearsal.terraform.hcl import Reference
from rehearsal.terraform.types import block_name, snake

SHORTEST = 4
"""Characters of a value that is taken for another resource's: `5432` or `true` would be one by chance."""


class References:
    """Finds, for the values of one stack's resources, the attribute of another resource that they were taken from.

    `resources` are the engine's, `addresses` maps the URN of those that are written to `type.name`.
    """

    def __init__(self, resources: Sequence[Mapping[str, Any]], addresses: Mapping[str, str]) -> None:
        self._addresses = addresses
        self._attributes: dict[str, dict[str, str]] = {}
        self._children: dict[str, list[str]] = {}
        for resource in resources:
            self._children.setdefault(resource.get("parent", ""), []).append(resource["urn"])
            if resource["urn"] in addresses:
                self._attributes[resource["urn"]] = _attributes(resource)

    def resolve(self, value: Any, dependencies: Sequence[str]) -> Any:
        """The value with a Reference for each text in it that is an attribute of one of the `dependencies` (URNs)."""
        sources = [source for urn in dependencies for source in self._sources(urn)]
        return self._resolved(value, sources) if sources else value

    def _sources(self, urn: str) -> Iterator[str]:
        """The written resource of that URN; for a component, those that it is made of."""
        if urn in self._addresses:
            yield urn
        else:
            for child in self._children.get(urn, ()):
                yield from self._sources(child)

    def _resolved(self, value: Any, sources: Sequence[str]) -> Any:
        if isinstance(value, Mapping):
            return {key: self._resolved(item, sources) for key, item in value.items()}
        if isinstance(value, list):
            return [self._resolved(item, sources) for item in value]
        if isinstance(value, str) and len(value) >= SHORTEST:
            for source in sources:
                attribute = self._attributes[source].get(value)
                if attribute is not None:
                    return Reference(f"{self._addresses[source]}.{attribute}")
        return value


def _attributes(resource: Mapping[str, Any]) -> dict[str, str]:
    """For each text among a resource's outputs: the shortest way to it, the id and the ARN before others."""
    found = {resource["id"]: "id"} if resource.get("id") else {}
    outputs = resource.get("outputs") or {}
    first = [name for name in ("arn", "name") if name in outputs]
    for name in [*first, *sorted(outputs.keys() - set(first))]:
        for path, text in _texts(outputs[name], snake(name)):
            found.setdefault(text, path)
    return found


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):  # one object is a list of one block for Terraform
        for name, item in value.items():
            yield from _texts(item, f"{path}[0].{snake(name)}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, Mapping):
                before, _, last = path.rpartition(".")
                block = block_name(last, listed=True)
                for name, inner in item.items():
                    yield from _texts(inner, f"{before}{'.' if before else ''}{block}[{index}].{snake(name)}")
            else:
                yield from _texts(item, f"{path}[{index}]")
