"""What must hold between sections: combinations that each look right and cannot work together.

Each function takes the sections that it compares, by name, and yields a fault for each contradiction. It runs only when all
of its sections are valid in themselves.
"""

import inspect
import ipaddress
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from infra.backup import START_MINUTES, BackupSettings
from infra.database import BACKUP_WINDOW, MAINTENANCE_WINDOW, DatabaseSettings
from infra.in_cluster.database import InClusterDatabaseSettings
from infra.monitoring.stack import MonitoringSettings
from infra.network import NetworkSettings
from infra.nodes import NodeGroupSettings
from infra.workload import WorkloadSettings

RESERVED_CONNECTIONS = 8
"""Three slots that PostgreSQL keeps for superusers, two that RDS keeps for its own roles, one for the migration job, two for
people."""

DAY_MINUTES = 24 * 60

SURGE = 1.25
"""A rolling update runs up to a quarter more pods (`maxSurge: 25%`)."""


def networks_do_not_overlap(network: NetworkSettings, networks: Mapping[str, str]) -> Iterator[str]:
    """Stacks that overlap can never be peered, and one of them is the other's copy with a forgotten line."""
    own = ipaddress.IPv4Network(network.cidr)
    for other, cidr in networks.items():
        try:
            theirs = ipaddress.IPv4Network(cidr)
        except ValueError:
            continue  # the other stack's own fault, told when that stack is loaded
        if own.overlaps(theirs):
            yield (
                f"network.cidr: {network.cidr} overlaps {cidr} of stack {other} (Pulumi.{other}.yaml); "
                "choose a range that no other stack uses"
            )


def connections_suffice(app: WorkloadSettings, database: DatabaseSettings | InClusterDatabaseSettings) -> Iterator[str]:
    """All pods of a full-scale rollout fill their pools and the database still accepts them.

    Pods that leave do not count towards the surge (KEP-3973) and keep their connections until their servers stop, so the
    whole old generation can still be there beside the new one.
    """
    pods = math.ceil(app.most_replicas * SURGE) + app.most_replicas
    needed = pods * app.database_pool_size + RESERVED_CONNECTIONS
    if needed > database.max_connections:
        yield (
            f"app.database_pool_size: {pods} pods (new, surplus and leaving ones in a rollout) "
            f"of {app.database_pool_size} connections and {RESERVED_CONNECTIONS} reserved ones need {needed}; "
            f"database.max_connections is {database.max_connections}: "
            "lower the pool or the number of pods, or raise the connections"
        )


def a_budget_allows_an_eviction(app: WorkloadSettings) -> Iterator[str]:
    """A budget that needs every pod blocks each drain, and with it every upgrade of the nodes."""
    budget = app.disruption_budget
    if budget and budget.min_available is not None and budget.min_available >= app.least_replicas:
        yield (
            f"app.disruption_budget.min_available: {budget.min_available} of at least {app.least_replicas} pods never lets "
            f"a node drain; at most {app.least_replicas - 1} (or more replicas)"
            if app.least_replicas > 1
            else "app.disruption_budget: a single pod cannot be available while it moves; leave the budget out or run more pods"
        )


def a_pod_has_time_to_leave(app: WorkloadSettings) -> Iterator[str]:
    """Kubernetes kills a pod at the end of its grace, whatever it still does."""
    shutdown = app.shutdown
    needed = shutdown.pre_stop_seconds + shutdown.server_seconds
    if shutdown.grace_seconds < needed:
        yield (
            f"app.shutdown.grace_seconds: {shutdown.grace_seconds} is less than pre_stop_seconds {shutdown.pre_stop_seconds} "
            f"and server_seconds {shutdown.server_seconds} together; at least {needed}"
        )
    if shutdown.deregistration_delay_seconds > needed:
        yield (
            f"app.shutdown.deregistration_delay_seconds: {shutdown.deregistration_delay_seconds} is longer than the pod "
            f"lives (pre_stop_seconds and server_seconds: {needed}); at most {needed}"
        )


def node_groups_exist(
    nodes: Mapping[str, NodeGroupSettings], app: WorkloadSettings, monitoring: MonitoringSettings
) -> Iterator[str]:
    """A pod that asks for a group that is not there waits for ever."""
    for key, group in (("app.node_group", app.node_group), ("monitoring.node_group", monitoring.node_group)):
        if group is not None and group not in nodes:
            yield f"{key}: there is no group {group} in section nodes; allowed are {', '.join(nodes)}"


def node_groups_need_aws(target: str, app: WorkloadSettings) -> Iterator[str]:
    """Another cluster's nodes do not carry our groups' label."""
    if target == "local" and app.node_group is not None:
        yield "app.node_group: target local has no node groups; leave it out"


def backups_keep_out_of_the_databases_windows(backup: BackupSettings | None) -> Iterator[str]:
    """AWS Backup starts nothing in RDS's windows or in the hour before (AWS Backup, "Backup plan options and configuration")."""
    if backup is None:
        return
    begin = backup.start_hour * 60
    for name, window in (("backup window", BACKUP_WINDOW), ("maintenance window", MAINTENANCE_WINDOW)):
        first, last = (_minute_of_the_day(time) for time in window.split("-"))
        closed = (last - first) % DAY_MINUTES + 60
        since = (begin - first + 60) % DAY_MINUTES  # the hour before is closed too
        if since < closed or since > DAY_MINUTES - START_MINUTES:
            yield (
                f"backup.start_hour: {backup.start_hour} begins in the {name} of the database ({window} UTC) or in the hour "
                "before it, when AWS Backup starts nothing; choose another hour"
            )


def _minute_of_the_day(time: str) -> int:
    """`01:30` is 90, and so is `sun:01:30`."""
    *_, hour, minute = time.split(":")
    return int(hour) * 60 + int(minute)


INVARIANTS: tuple[Callable[..., Iterator[str]], ...] = (
    networks_do_not_overlap,
    connections_suffice,
    a_budget_allows_an_eviction,
    a_pod_has_time_to_leave,
    node_groups_exist,
    node_groups_need_aws,
    backups_keep_out_of_the_databases_windows,
)


def broken_invariants(sections: Mapping[str, Any]) -> list[str]:
    """The faults of every invariant whose sections are all there."""
    faults: list[str] = []
    for invariant in INVARIANTS:
        needed = inspect.signature(invariant).parameters
        if needed.keys() <= sections.keys():
            faults.extend(invariant(**{name: sections[name] for name in needed}))
    return faults
