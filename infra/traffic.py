"""Who talks to whom among the workloads: one description, from which both ends' network policies are derived."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from infra.policies import Access, Flow, Peer
from infra.workload_settings import WorkloadSettings

DATABASE = "database"
CACHE = "cache"


@dataclass(frozen=True)
class Places:
    """Where what every workload may name is found."""

    database: Flow
    cache: Flow
    monitoring: Peer | None
    """Who scrapes; nobody where there is no monitoring."""


def callers_of(called: str, workloads: Mapping[str, WorkloadSettings]) -> list[str]:
    """The workloads that call it, or that it allows to."""
    allowed = workloads[called].allowed_callers if called in workloads else ()
    return [name for name, settings in workloads.items() if called in settings.calls or name in allowed]


def accesses(workloads: Mapping[str, WorkloadSettings], places: Places) -> dict[str, Access]:
    """All traffic of the workloads, and of the jobs that check their releases, by name.

    A call that one side declares is allowed on both. Names that are not there: the invariant `named_workloads_exist`.
    """
    found: dict[str, Access] = {}
    callers = {
        called: callers_of(called, workloads) for called in workloads
    }  # once: there are as many pairs as n times n
    for name, settings in workloads.items():
        called = {other: workloads[other].port for other in workloads if name in callers[other]}
        found[name] = Access(
            ingress=[*_into(name, settings, callers[name], places)], egress=[*_out_of(settings, called, places)]
        )
        if settings.release.check:
            to_it = Flow(Peer(workload=name), ports=(settings.port,))
            found[check_name(name)] = Access(egress=[to_it])
    return found


def together(one: Access, other: Access) -> Access:
    """The traffic of both descriptions."""
    return Access(
        ingress=[*one.ingress, *(flow for flow in other.ingress if flow not in one.ingress)],
        egress=[*one.egress, *(flow for flow in other.egress if flow not in one.egress)],
    )


def check_name(name: str) -> str:
    """What the job is called that checks a workload's new versions."""
    return f"{name}-check"


def _into(name: str, settings: WorkloadSettings, callers: Sequence[str], places: Places) -> Iterator[Flow]:
    ports = (settings.port,)
    if settings.metrics_port is not None and places.monitoring is not None:
        yield Flow(places.monitoring, ports=(settings.metrics_port,))
    yield from (Flow(Peer(workload=caller), ports) for caller in callers)
    addresses = [caller for caller in settings.allowed_callers if "/" in caller]
    if addresses:
        yield Flow(Peer(cidrs=addresses), ports)
    if settings.release.check:
        yield Flow(Peer(workload=check_name(name)), ports)


def _out_of(settings: WorkloadSettings, called: Mapping[str, int], places: Places) -> Iterator[Flow]:
    """`called` are the workloads that it reaches, with their ports."""
    if DATABASE in settings.calls:
        yield places.database
    if CACHE in settings.calls:
        yield places.cache
    yield from (Flow(Peer(workload=other), ports=(port,)) for other, port in called.items())
    for call in settings.calls:
        if "/" in call:
            cidr, _, port = call.partition(":")
            yield Flow(Peer(cidrs=(cidr,)), ports=(int(port),))
