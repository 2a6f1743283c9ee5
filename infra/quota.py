"""What the pods of a namespace may take together, and each container by itself: derived from what the workloads can need."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pulumi_kubernetes as kubernetes
from pydantic import Field

from infra.pods import ResourcesSettings
from infra.settings import Mebibytes, Millicores, Section, mebibytes, millicores

HEADROOM = 1.25
"""For what no settings say: an incident's extra pods, a release that begins while the one before still leaves."""

SPARE_PODS = 4
"""For jobs that people and schedules start beside the workloads, with a container's default resources."""


@dataclass(frozen=True)
class Demand:
    """So many pods at once, at most, each of these resources and with a disk of so much."""

    pods: int
    resources: ResourcesSettings
    storage_gib: int = 0


class QuotaSettings(Section):
    """What the pods of the namespace may take together. What is left out follows from the workloads' own maximum."""

    pods: int | None = Field(None, ge=1, le=10000)
    cpu_request: Millicores | None = None
    cpu_limit: Millicores | None = None
    memory_request: Mebibytes | None = None
    memory_limit: Mebibytes | None = None
    ephemeral_storage_request: Mebibytes | None = None
    ephemeral_storage_limit: Mebibytes | None = None
    persistent_volume_claims: int | None = Field(None, ge=0, le=1000)
    storage: Mebibytes | None = None
    """Of all volumes together."""


_COUNTS = {"pods": "pods", "persistent_volume_claims": "persistentvolumeclaims"}
_CPU = {"cpu_request": "requests.cpu", "cpu_limit": "limits.cpu"}
_BYTES = {
    "memory_request": "requests.memory",
    "memory_limit": "limits.memory",
    "ephemeral_storage_request": "requests.ephemeral-storage",
    "ephemeral_storage_limit": "limits.ephemeral-storage",
    "storage": "requests.storage",
}
NAMES: Mapping[str, str] = {**_COUNTS, **_CPU, **_BYTES}
"""How a ResourceQuota names each setting (kubernetes.io, "Resource Quotas")."""

NOT_ALLOWED: Mapping[str, str] = {"services.loadbalancers": "0", "services.nodeports": "0"}
"""The load balancer is the program's own: a Service that makes one would be a public entry without firewall or log."""


def needed(demands: Iterable[Demand]) -> dict[str, int]:
    """What the pods take when there are as many of them as there can be, by setting; CPU in millicores, bytes in MiB."""
    found = dict.fromkeys(NAMES, 0)
    for demand in demands:
        found["pods"] += demand.pods
        if demand.storage_gib:
            found["persistent_volume_claims"] += demand.pods
            found["storage"] += demand.pods * demand.storage_gib * 1024
        for name, amount in _amounts(demand.resources).items():
            found[name] += demand.pods * amount
    return found


def allowed(settings: QuotaSettings, demands: Sequence[Demand]) -> dict[str, int]:
    """What the quota is, by setting: the one that is given, or what is needed with room beside it."""
    roomy = needed([*demands, Demand(SPARE_PODS, ResourcesSettings())])
    return {
        name: _given(settings, name) if getattr(settings, name) is not None else math.ceil(amount * HEADROOM)
        for name, amount in roomy.items()
    }


def shortfalls(settings: QuotaSettings, demands: Sequence[Demand]) -> Iterator[str]:
    """One line for each given limit that the pods would run into, with the numbers."""
    for name, amount in needed(demands).items():
        if getattr(settings, name) is not None and _given(settings, name) < amount:
            yield f"{name}: {getattr(settings, name)} is less than the {_quantity(name, amount)}"


def quota_spec(settings: QuotaSettings, demands: Sequence[Demand]) -> kubernetes.core.v1.ResourceQuotaSpecArgsDict:
    """The ResourceQuota of the namespace."""
    found = allowed(settings, demands)
    return {"hard": {**{NAMES[name]: _quantity(name, amount) for name, amount in found.items()}, **NOT_ALLOWED}}


def limit_range_spec(demands: Iterable[Demand]) -> kubernetes.core.v1.LimitRangeSpecArgsDict:
    """What a container gets that asks for nothing (a quota refuses it otherwise), and the most that one may ask for."""
    default = ResourcesSettings()
    every = [_amounts(resources) for resources in (default, *(demand.resources for demand in demands))]
    most = {name: max(amounts[name] for amounts in every) for name in every[0]}
    resources = default.requirements()
    return {
        "limits": [
            {
                "type": "Container",
                "default": resources["limits"],
                "default_request": resources["requests"],
                "max": {
                    NAMES[name].removeprefix("limits."): _quantity(name, amount)
                    for name, amount in most.items()
                    if name.endswith("_limit")
                },
            }
        ]
    }


def _amounts(resources: ResourcesSettings) -> dict[str, int]:
    return {name: _number(name, str(getattr(resources, name))) for name in ResourcesSettings.model_fields}


def _given(settings: QuotaSettings, name: str) -> int:
    return _number(name, str(getattr(settings, name)))


def _number(name: str, written: str) -> int:
    if name in _CPU:
        return millicores(written)
    return mebibytes(written) if name in _BYTES else int(written)


def _quantity(name: str, amount: int) -> str:
    return f"{amount}{'m' if name in _CPU else 'Mi' if name in _BYTES else ''}"
