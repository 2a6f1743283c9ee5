"""Quotas: what the stack needs, what is used, and what the account may have."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from preflight.account import Account
from preflight.findings import Finding, fault, fine, warning
from preflight.usage import (
    is_standard,
    used_addresses,
    used_balancers,
    used_cache_nodes,
    used_certificates,
    used_clusters,
    used_databases,
    used_nat_gateways,
    used_vcpus,
    used_vpcs,
    vcpus,
)
from stacks.settings import AwsSettings


@dataclass(frozen=True)
class Quota:
    """One limit, as Service Quotas names it, and what the stack takes of it."""

    name: str
    service: str
    code: str
    used: Callable[[], int]
    needed: int
    """At the beginning."""
    at_most: int = 0
    """When everything that scales is at its largest; as `needed` where nothing does."""


def quotas(account: Account, settings: AwsSettings) -> list[Quota]:
    """Those that a stack comes near to, by the codes of Service Quotas."""
    network, zones = settings.network, settings.network.zones
    with_gateway = {"none": (), "single": zones[:1], "zone": zones}[network.nat_gateways]
    cache_nodes = settings.cache.nodes if settings.cache.kind == "nodes" else 0
    public = 1 if settings.edge else 0
    demands = [
        Quota("VPCs", "vpc", "L-F678F1CE", lambda: used_vpcs(account), 1),
        Quota("Elastic IPs", "ec2", "L-0263D0A3", lambda: used_addresses(account), len(with_gateway)),
        *(
            Quota(f"NAT gateways in {zone}", "vpc", "L-FE5A380F", lambda zone=zone: used_nat_gateways(account, zone), 1)  # type: ignore[misc]
            for zone in (f"{account.region}{letter}" for letter in with_gateway)
        ),
        Quota("EKS clusters", "eks", "L-1194D53C", lambda: used_clusters(account), 1),
        Quota("RDS instances", "rds", "L-7B6409FD", lambda: used_databases(account), 1),
        Quota("ElastiCache nodes", "elasticache", "L-DFE45DF3", lambda: used_cache_nodes(account), cache_nodes),
        Quota("load balancers", "elasticloadbalancing", "L-53DA6B97", lambda: used_balancers(account), public),
        Quota("certificates", "acm", "L-F141DD1D", lambda: used_certificates(account), public),
        *_compute(account, settings),
    ]
    return [quota for quota in demands if quota.needed]


def _compute(account: Account, settings: AwsSettings) -> Iterator[Quota]:
    """VCPU of the nodes, by the group's largest type: any of its types may be launched."""
    groups = settings.nodes.values()
    known = vcpus(account, (each for group in groups for each in group.instance_types))
    for capacity, name, code in (
        ("on-demand", "vCPU on demand", "L-1216C47A"),
        ("spot", "vCPU on spot", "L-34B43A08"),
    ):
        chosen = [
            (group, max((known.get(each, 0) for each in group.instance_types if is_standard(each)), default=0))
            for group in groups
            if group.capacity == capacity
        ]
        yield Quota(
            name,
            "ec2",
            code,
            lambda capacity=capacity: used_vcpus(account, spot=capacity == "spot"),  # type: ignore[misc]
            needed=sum(group.desired * size for group, size in chosen),
            at_most=sum(group.maximum * size for group, size in chosen),
        )


def room(account: Account, quota: Quota) -> Iterator[Finding]:
    """Whether a quota has room for the stack: a fault where not at the beginning, a warning where not at its largest."""
    used, limit = quota.used(), _limit(account, quota)
    check, most = f"quota: {quota.name}", max(quota.needed, quota.at_most)
    need = f"{quota.needed}" if most == quota.needed else f"{quota.needed} to {most}"
    said = f"needs {need}, {used} of {limit} in use"
    ask = (
        f"aws service-quotas request-service-quota-increase --service-code {quota.service} --quota-code {quota.code} "
        f"--desired-value {used + most} --region {account.region}"
    )
    if used + quota.needed > limit:
        yield fault(check, said, ask)
    elif used + most > limit:
        yield warning(check, f"{said}: enough to begin, not to grow", ask)
    else:
        yield fine(check, said)


def _limit(account: Account, quota: Quota) -> int:
    """The account's own value; AWS's default where it has none of its own."""
    client = account.client("service-quotas")
    names = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    try:
        answer = client.get_service_quota(**names)
    except client.exceptions.NoSuchResourceException:
        answer = client.get_aws_default_service_quota(**names)
    return int(answer["Quota"]["Value"])
