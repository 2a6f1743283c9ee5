"""How long a first `pulumi up` takes on AWS: the longest chain through the plan's dependencies."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rehearsal.durations import seconds

JOBS_AND_APPLICATION = ("kubernetes:batch/v1:Job", "kubernetes:batch/v1:Job", "kubernetes:apps/v1:Deployment")

UNAVOIDABLE = (
    ("aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup", "aws:eks/addon:Addon", *JOBS_AND_APPLICATION),
    ("aws:rds/instance:Instance", *JOBS_AND_APPLICATION),
)
"""Chains of which nothing can be left out: a control plane, nodes, the cluster's DNS, or the database; then the database's user,
its schema and the application, which all run on the nodes."""

Durations = Callable[[str, str], int]
"""Seconds of a resource, by type and name."""


@dataclass(frozen=True)
class Resource:
    """One resource of a plan and the keys of those that must be there first."""

    key: str
    type: str
    after: tuple[str, ...]


@dataclass(frozen=True)
class Link:
    """One resource of a chain: when it is ready, in seconds after the start."""

    key: str
    type: str
    seconds: int
    ready: int


def critical_path(plan: Iterable[Resource], duration: Durations = seconds) -> list[Link]:
    """The chain that decides when the whole plan is done, first link first; empty for an empty plan.

    Raises ValueError when resources wait for each other in a circle.
    """
    resources = {resource.key: resource for resource in plan}
    last: dict[str, Link] = {}
    before: dict[str, str | None] = {}
    for key in _in_order(resources):
        resource = resources[key]
        earlier = max(
            (name for name in resource.after if name in last), key=lambda name: last[name].ready, default=None
        )
        takes = duration(resource.type, key)
        last[key] = Link(key, resource.type, takes, (last[earlier].ready if earlier else 0) + takes)
        before[key] = earlier
    chain: list[Link] = []
    current = max(last, key=lambda name: last[name].ready, default=None)
    while current is not None:
        chain.append(last[current])
        current = before[current]
    return chain[::-1]


def unavoidable_seconds(duration: Durations = seconds) -> int:
    """The longest of the chains that no order of the program can shorten."""
    return max(sum(duration(resource_type, "") for resource_type in chain) for chain in UNAVOIDABLE)


def _in_order(resources: Mapping[str, Resource]) -> Iterable[str]:
    """Each key after those that it waits for."""
    done: set[str] = set()
    for start in resources:
        path: list[str] = [start]
        while path:
            waiting = [key for key in resources[path[-1]].after if key in resources and key not in done]
            if not waiting:
                key = path.pop()
                if key not in done:
                    done.add(key)
                    yield key
            elif waiting[0] in path:
                raise ValueError(f"{' -> '.join([*path, waiting[0]])} wait for each other")
            else:
                path.append(waiting[0])


def plan_of_state(resources: Sequence[Mapping[str, Any]]) -> list[Resource]:
    """The plan in an engine's state: what each resource depends on, its provider, and all that is inside a component."""
    parents = {resource["urn"]: resource.get("parent", "") for resource in resources}
    inside: dict[str, list[str]] = {}
    for resource in resources:
        inside.setdefault(resource.get("parent", ""), []).append(resource["urn"])

    def with_content(urn: str) -> Iterable[str]:
        yield urn
        for child in inside.get(urn, ()):
            yield from with_content(child)

    found = []
    for resource in resources:
        needed = list(resource.get("dependencies") or ())
        if resource.get("provider"):
            needed.append(resource["provider"].rpartition("::")[0])
        # A component is not waited for by what is inside it.
        outer = set(_ancestors(resource["urn"], parents))
        after = {key for urn in needed if urn not in outer for key in with_content(urn)} - {resource["urn"]}
        found.append(Resource(resource["urn"], resource["type"], tuple(sorted(after))))
    return found


def _ancestors(urn: str, parents: Mapping[str, str]) -> Iterable[str]:
    while urn := parents.get(urn, ""):
        yield urn
