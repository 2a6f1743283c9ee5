"""What must hold between sections: combinations that each look right and cannot work together.

Each function takes the sections that it compares, by name, and yields a fault for each contradiction. It runs only when all
of its sections are valid in themselves.
"""

import inspect
import ipaddress
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from infra.database import DatabaseSettings
from infra.in_cluster.database import InClusterDatabaseSettings
from infra.layout import lay_out
from infra.monitoring.stack import MonitoringSettings
from infra.network import NetworkSettings
from infra.nodes import NodeGroupSettings
from infra.workload import WorkloadSettings

if TYPE_CHECKING:
    from stacks.settings import AccountSettings

RESERVED_CONNECTIONS = 8
"""Three slots that PostgreSQL keeps for superusers, two that RDS keeps for its own roles, one for the migration job, two for
people."""

SURGE = 1.25
"""A rolling update runs up to a quarter more pods (`maxSurge: 25%`)."""

NODE_PREFIXES = 8
"""Prefixes of 16 addresses that the VPC CNI takes for a node's 110 pods, and one to spare (WARM_PREFIX_TARGET)."""


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


def nodes_reach_what_they_need(
    account: "AccountSettings", network: NetworkSettings, app: WorkloadSettings, monitoring: MonitoringSettings
) -> Iterator[str]:
    """Without NAT there is only what AWS answers inside the VPC, and no endpoint leads to a public registry."""
    if network.nat_gateways != "none":
        return
    if not network.interface_endpoints:
        yield (
            "network.nat_gateways: with none and no endpoints, nodes reach neither EC2 nor ECR nor EKS's credentials: they could "
            "not join, nor pull an image; set network.interface_endpoints to true, or nat_gateways to single"
        )
    registry = rf"[0-9]{{12}}\.dkr\.ecr\.{account.region}\.amazonaws\.com/"
    if re.match(registry, app.image) is None:
        yield (
            f"app.image: with network.nat_gateways none, nodes pull from ECR in {account.region} only, and {app.image} is not "
            "there; copy it there, or set nat_gateways to single"
        )
    if monitoring.enabled:
        yield (
            "monitoring.mode: with network.nat_gateways none it must be off, since its charts' images come from public "
            "registries (quay.io, registry.k8s.io, docker.io), to which no endpoint leads; or set nat_gateways to single"
        )


def nodes_find_prefixes(network: NetworkSettings, nodes: Mapping[str, NodeGroupSettings]) -> Iterator[str]:
    """Where no prefix is left, a node comes up and its pods wait for ever."""
    most = sum(group.maximum for group in nodes.values())
    in_a_zone = math.ceil(most / len(network.zones)) * NODE_PREFIXES
    reserved = ipaddress.IPv4Network(lay_out(network.cidr)[0].prefixes).num_addresses // 16
    if in_a_zone > reserved:
        yield (
            f"network.cidr: {most} nodes at most in {len(network.zones)} zones take {in_a_zone} prefixes of 16 addresses in "
            f"each, and a /{network.cidr.partition('/')[2]} has {reserved}; take a larger network, or fewer nodes"
        )


INVARIANTS: tuple[Callable[..., Iterator[str]], ...] = (
    networks_do_not_overlap,
    connections_suffice,
    a_budget_allows_an_eviction,
    a_pod_has_time_to_leave,
    node_groups_exist,
    node_groups_need_aws,
    nodes_reach_what_they_need,
    nodes_find_prefixes,
)


def broken_invariants(sections: Mapping[str, Any]) -> list[str]:
    """The faults of every invariant whose sections are all there."""
    faults: list[str] = []
    for invariant in INVARIANTS:
        needed = inspect.signature(invariant).parameters
        if needed.keys() <= sections.keys():
            faults.extend(invariant(**{name: sections[name] for name in needed}))
    return faults
