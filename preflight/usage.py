"""How much of what AWS limits an account uses already."""

from collections.abc import Iterable, Mapping
from typing import Any

from preflight.account import Account

STANDARD = tuple("acdhimrtz")
"""First letters of the instance families that share one quota ("Running On-Demand Standard (A, C, D, H, I, M, R, T, Z)"); the
others, such as `g` or `inf`, have quotas of their own."""

OTHER_FAMILIES = ("dl", "hpc", "inf", "mac", "trn")
"""Families that begin with one of those letters and are none of them."""


def is_standard(instance_type: str) -> bool:
    """Whether the quota of standard instances counts a type."""
    return instance_type.startswith(STANDARD) and not instance_type.startswith(OTHER_FAMILIES)


def vcpus(account: Account, instance_types: Iterable[str]) -> Mapping[str, int]:
    """VCPU by instance type; types that EC2 does not know in the region are left out."""
    asked = sorted(set(instance_types))
    if not asked:
        return {}
    filters = [{"Name": "instance-type", "Values": asked}]
    listed = account.pages("ec2", "describe_instance_types", "InstanceTypes", Filters=filters)
    return {entry["InstanceType"]: entry["VCpuInfo"]["DefaultVCpus"] for entry in listed}


def used_vcpus(account: Account, *, spot: bool) -> int:
    """VCPU of the standard instances that run or begin to."""
    filters = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    types = [
        instance["InstanceType"]
        for reservation in account.pages("ec2", "describe_instances", "Reservations", Filters=filters)
        for instance in reservation["Instances"]
        if (instance.get("InstanceLifecycle") == "spot") is spot and is_standard(instance["InstanceType"])
    ]
    known = vcpus(account, types)
    return sum(known.get(each, 0) for each in types)


def used_nat_gateways(account: Account, zone: str) -> int:
    """NAT gateways in one availability zone."""
    zones = {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in _all(account, "ec2", "Subnets")}
    gateways = _all(account, "ec2", "NatGateways")
    return sum(
        zones.get(gateway.get("SubnetId")) == zone
        for gateway in gateways
        if gateway["State"] in ("pending", "available")
    )


def used_vpcs(account: Account) -> int:
    """VPCs in the region, the default one too."""
    return len(_all(account, "ec2", "Vpcs"))


def used_addresses(account: Account) -> int:
    """Elastic IPs in the region."""
    return len(account.client("ec2").describe_addresses()["Addresses"])


def used_clusters(account: Account) -> int:
    """EKS clusters in the region."""
    return len(list(account.pages("eks", "list_clusters", "clusters")))


def used_databases(account: Account) -> int:
    """RDS instances in the region."""
    return len(_all(account, "rds", "DBInstances"))


def used_cache_nodes(account: Account) -> int:
    """ElastiCache nodes in the region."""
    return sum(cluster["NumCacheNodes"] for cluster in _all(account, "elasticache", "CacheClusters"))


def used_balancers(account: Account) -> int:
    """Application load balancers in the region."""
    listed = account.pages("elbv2", "describe_load_balancers", "LoadBalancers")
    return sum(balancer["Type"] == "application" for balancer in listed)


def used_certificates(account: Account) -> int:
    """ACM certificates in the region."""
    return len(list(account.pages("acm", "list_certificates", "CertificateSummaryList")))


_LISTS = {
    "Subnets": "describe_subnets",
    "NatGateways": "describe_nat_gateways",
    "Vpcs": "describe_vpcs",
    "DBInstances": "describe_db_instances",
    "CacheClusters": "describe_cache_clusters",
}


def _all(account: Account, service: str, key: str) -> list[Any]:
    return list(account.pages(service, _LISTS[key], key))
