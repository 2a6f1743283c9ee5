"""What must hold between sections: combinations that each look right and cannot work together.

Each function takes the sections that it compares, by name, and yields a fault for each contradiction. It runs only when all
of its sections are valid in themselves.
"""

import inspect
import ipaddress
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from infra.add_ons import AddOnsSettings
from infra.application import KEEP_ALIVE_SECONDS
from infra.backup import START_MINUTES, BackupSettings
from infra.database import DatabaseSettings
from infra.edge import EdgeSettings
from infra.layout import lay_out
from infra.monitoring.stack import MonitoringSettings
from infra.network import NetworkSettings
from infra.nodes import NodeGroupSettings
from infra.recovery import RECOVERY_SUFFIX, RecoverySettings, source_stack
from infra.registry import RegistrySettings
from infra.windows import DAY_MINUTES, daily, weekly
from infra.workload_settings import WorkloadSettings
from stacks.monitoring_invariants import (
    grafanas_secret_is_somewhere,
    notifications_find_their_secrets,
    samples_stay_in_the_account,
)
from stacks.namespace_invariants import secrets_are_somewhere, secrets_need_aws, the_quota_holds_what_the_settings_allow
from stacks.sections import AccountSettings
from stacks.workload_invariants import WORKLOAD_INVARIANTS, every_workload

NODE_PREFIXES = 8
"""Prefixes of 16 addresses that the VPC CNI takes for a node's 110 pods, and one to spare (WARM_PREFIX_TARGET)."""


def networks_do_not_overlap(
    network: NetworkSettings, recovery: RecoverySettings | None, stack: str, networks: Mapping[str, str]
) -> Iterator[str]:
    """Stacks that overlap can never be peered, and one of them is the other's copy with a forgotten line."""
    used = {"network.cidr": network.cidr}
    if recovery and recovery.restoring:
        used = {"recovery.network_cidr": recovery.network_cidr}
    elif recovery:
        used["recovery.network_cidr"] = recovery.network_cidr
        if ipaddress.IPv4Network(recovery.network_cidr).overlaps(ipaddress.IPv4Network(network.cidr)):
            yield (
                f"recovery.network_cidr: {recovery.network_cidr} overlaps network.cidr {network.cidr}; both regions' networks "
                "must be able to meet: choose another range"
            )
    for setting, cidr in used.items():
        for other, theirs in networks.items():
            if setting == "recovery.network_cidr" and source_stack(other) == source_stack(stack):
                continue  # the recovering stack's range is the one that its source keeps for it
            if _overlap(cidr, theirs):
                yield (
                    f"{setting}: {cidr} overlaps {theirs} of stack {other} (Pulumi.{other}.yaml); "
                    "choose a range that no other stack uses"
                )


def _overlap(cidr: str, other: str) -> bool:
    try:
        return ipaddress.IPv4Network(cidr).overlaps(ipaddress.IPv4Network(other))
    except ValueError:
        return False  # the other stack's own fault, told when that stack is loaded


def a_recovering_stack_says_so(
    recovery: RecoverySettings | None, account: AccountSettings, stack: str
) -> Iterator[str]:
    """Copies are found by the name of the stack that made them, and never in its own region."""
    if recovery is None:
        return
    if recovery.region == account.region:
        yield f"recovery.region: {recovery.region} is account.region; a second region must be another one"
    restore = recovery.restore_database_from
    if restore and not stack.endswith(RECOVERY_SUFFIX):
        yield (
            f"recovery.restore_database_from: stack {stack} would move to {recovery.region} and lose what it has here; "
            f"copy Pulumi.{stack}.yaml to Pulumi.{stack}{RECOVERY_SUFFIX}.yaml and set it there "
            "(docs/procedures/second-region.md)"
        )
    if restore and f":{recovery.region}:{account.id}:" not in restore:
        yield (
            f"recovery.restore_database_from: {restore} is not in region {recovery.region} of account {account.id}; "
            "take the replicated backup's ARN there"
        )
    if not restore and stack.endswith(RECOVERY_SUFFIX):
        yield (
            f"recovery.restore_database_from: is missing; stack {stack} brings {source_stack(stack)} up in {recovery.region} "
            "from that backup (docs/procedures/second-region.md)"
        )


def some_nodes_take_any_pod(nodes: Mapping[str, NodeGroupSettings]) -> Iterator[str]:
    """Pods that know nothing of the taints here, such as those of an add-on or a chart, need a place too."""
    if not any(group.takes_any_pod for group in nodes.values()):
        yield (
            "nodes: every group has a taint (NoSchedule or NoExecute), so that pods which tolerate none wait for ever, "
            "those of add-ons among them; leave one group without"
        )


def somebody_binds_pods_to_the_load_balancer(edge: EdgeSettings | None, add_ons: AddOnsSettings) -> Iterator[str]:
    """Without the controller the load balancer stands before nothing and answers 503."""
    if edge and not add_ons.load_balancer_controller:
        yield (
            "add_ons.load_balancer_controller: is off, and section edge needs it to make pods targets; "
            "switch it on, or leave section edge out"
        )


def the_load_balancer_closes_connections_first(edge: EdgeSettings | None) -> Iterator[str]:
    """A server that closes first makes the load balancer send a request into a connection that is gone: a 502."""
    if edge and edge.idle_timeout_seconds >= KEEP_ALIVE_SECONDS:
        yield (
            f"edge.idle_timeout_seconds: {edge.idle_timeout_seconds} is not below the {KEEP_ALIVE_SECONDS} s for which the "
            f"application keeps a silent connection; at most {KEEP_ALIVE_SECONDS - 1}"
        )


def nodes_reach_what_they_need(
    account: AccountSettings,
    network: NetworkSettings,
    app: WorkloadSettings,
    workloads: Mapping[str, WorkloadSettings],
    monitoring: MonitoringSettings,
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
    for section, workload in every_workload(app, workloads).items():
        for key, image in zip(("image", "release.standby"), workload.images, strict=False):
            if re.match(registry, image) is None:
                yield (
                    f"{section}.{key}: with network.nat_gateways none, nodes pull from ECR in {account.region} only, and {image} "
                    "is not there; copy it there, or set nat_gateways to single"
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


def images_are_copied_elsewhere(account: AccountSettings, registry: RegistrySettings | None) -> Iterator[str]:
    """A copy in the same region is none, and ECR refuses it."""
    if registry is not None and registry.replicate_to == account.region:
        yield (
            f"registry.replicate_to: {registry.replicate_to} is the region that the images are in; "
            "name another one, or leave it out"
        )


def backups_keep_out_of_the_databases_windows(
    backup: BackupSettings | None, database: DatabaseSettings
) -> Iterator[str]:
    """AWS Backup starts nothing in RDS's windows or in the hour before (AWS Backup, "Backup plan options and configuration")."""
    if backup is None:
        return
    begin = backup.start_hour * 60
    for name, window, (first, length) in (
        ("backup window", database.backup_window, daily(database.backup_window)),
        ("maintenance window", database.maintenance_window, weekly(database.maintenance_window)),
    ):
        closed = length + 60
        since = (begin - first + 60) % DAY_MINUTES  # the hour before is closed too
        if since < closed or since > DAY_MINUTES - START_MINUTES:
            yield (
                f"backup.start_hour: {backup.start_hour} begins in the {name} of the database ({window} UTC) or in the hour "
                "before it, when AWS Backup starts nothing; choose another hour"
            )


INVARIANTS: tuple[Callable[..., Iterator[str]], ...] = (
    networks_do_not_overlap,
    a_recovering_stack_says_so,
    *WORKLOAD_INVARIANTS,
    some_nodes_take_any_pod,
    nodes_reach_what_they_need,
    nodes_find_prefixes,
    the_load_balancer_closes_connections_first,
    somebody_binds_pods_to_the_load_balancer,
    images_are_copied_elsewhere,
    backups_keep_out_of_the_databases_windows,
    the_quota_holds_what_the_settings_allow,
    secrets_are_somewhere,
    grafanas_secret_is_somewhere,
    secrets_need_aws,
    notifications_find_their_secrets,
    samples_stay_in_the_account,
)


def broken_invariants(sections: Mapping[str, Any]) -> list[str]:
    """The faults of every invariant whose sections are all there."""
    faults: list[str] = []
    for invariant in INVARIANTS:
        needed = inspect.signature(invariant).parameters
        if needed.keys() <= sections.keys():
            faults.extend(invariant(**{name: sections[name] for name in needed}))
    return faults
