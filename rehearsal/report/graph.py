"""The resources of a stack as a graph that can be asked: by type, by id, who contains whom."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rehearsal.layers import layer_of
from rehearsal.urn import name_of

POD_OWNERS = ("Deployment", "StatefulSet", "Job", "CronJob")
"""Kinds that make pods."""


@dataclass(frozen=True)
class Resource:
    """One resource of the engine's state."""

    urn: str
    type: str
    id: str
    parent: str
    custom: bool
    inputs: Mapping[str, Any] = field(repr=False)
    outputs: Mapping[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        """Its name in the program."""
        return name_of(self.urn)

    @property
    def layer(self) -> str:
        """The layer of the platform that it belongs to."""
        return layer_of(self.urn)

    def value(self, name: str, default: Any = None) -> Any:
        """What the program gave for a property, else what the cloud answered."""
        return self.inputs.get(name, self.outputs.get(name, default))


@dataclass(frozen=True)
class Graph:
    """All resources of a stack."""

    resources: Sequence[Resource]

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> "Graph":
        """The graph of an exported state; what waits to be deleted is left out."""
        found = (state.get("deployment") or {}).get("resources") or []
        return cls(
            [
                Resource(
                    urn=each["urn"],
                    type=each["type"],
                    id=each.get("id") or "",
                    parent=each.get("parent") or "",
                    custom=bool(each.get("custom")),
                    inputs=each.get("inputs") or {},
                    outputs=each.get("outputs") or {},
                )
                for each in found
                if not each.get("delete")
            ]
        )

    @cached_property
    def _by_type(self) -> Mapping[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.resources:
            found.setdefault(resource.type, []).append(resource)
        return found

    @cached_property
    def _by_key(self) -> Mapping[str, list[Resource]]:
        """By id and, where there is one, by ARN."""
        found: dict[str, list[Resource]] = {}
        for resource in self.resources:
            for key in {resource.id, resource.outputs.get("arn")}:
                if key and isinstance(key, str):
                    found.setdefault(key, []).append(resource)
        return found

    def of(self, *types: str) -> list[Resource]:
        """All resources of these types, in the order of the state."""
        return [resource for kind in types for resource in self._by_type.get(kind, [])]

    def by_id(self, identifier: Any, *types: str) -> Resource | None:
        """The resource that has this id or ARN, and one of these types where they are given."""
        known = self._by_key.get(identifier, []) if isinstance(identifier, str) else []
        return next((each for each in known if not types or each.type in types), None)

    def all_by_id(self, identifiers: Iterable[Any] | None, *types: str) -> list[Resource]:
        """The resources that have these ids; unknown ones are left out."""
        return [found for found in (self.by_id(each, *types) for each in identifiers or ()) if found]

    def kubernetes(self, kind: str) -> Iterator[Mapping[str, Any]]:
        """The Kubernetes objects of a kind as the program gave them."""
        for resource in self.resources:
            if resource.type.startswith("kubernetes:") and resource.type.endswith(f":{kind}"):
                yield {"kind": kind, **resource.inputs}

    def pod_owners(self) -> Iterator[tuple[Mapping[str, Any], Mapping[str, str]]]:
        """The objects that make pods, each with the labels of these."""
        for kind in POD_OWNERS:
            for owner in self.kubernetes(kind):
                spec = owner["spec"]["jobTemplate"]["spec"] if kind == "CronJob" else owner["spec"]
                yield owner, spec["template"]["metadata"]["labels"]

    @property
    def region(self) -> str:
        """The stack's region; empty without AWS."""
        zones = [str(subnet.value("availabilityZone") or "") for subnet in self.of(SUBNET)]
        return zones[0].rstrip("abcdefghijklmnopqrstuvwxyz") if zones else ""


SUBNET = "aws:ec2/subnet:Subnet"
