"""What AWS offers in the region and its zones: instance types, versions of engines, add-ons."""

from collections.abc import Iterator

from infra import versions
from preflight.account import Account
from preflight.findings import Finding, fault, fine, warning
from stacks.settings import AwsSettings


def instance_types(account: Account, settings: AwsSettings) -> Iterator[Finding]:
    """Whether each node group finds one of its types in each zone."""
    zones = [f"{account.region}{letter}" for letter in settings.network.zones]
    wanted = sorted({each for group in settings.nodes.values() for each in group.instance_types})
    filters = [{"Name": "instance-type", "Values": wanted}]
    listed = account.pages(
        "ec2",
        "describe_instance_type_offerings",
        "InstanceTypeOfferings",
        LocationType="availability-zone",
        Filters=filters,
    )
    offered = {(entry["InstanceType"], entry["Location"]) for entry in listed}
    for name, group in settings.nodes.items():
        check, where = "instance types", f"nodes.{name}.instance_types"
        lacking = {zone: [each for each in group.instance_types if (each, zone) not in offered] for zone in zones}
        for zone, types in lacking.items():
            if len(types) == len(group.instance_types):
                yield fault(
                    check,
                    f"{where}: {', '.join(types)} not offered in {zone}",
                    "choose other types, or other letters in network.zones",
                )
            elif types:
                yield warning(
                    check,
                    f"{where}: {', '.join(types)} not offered in {zone}, others of the group are",
                    "choose other types",
                )
        if not any(lacking.values()):
            yield fine(check, f"{where}: offered in {', '.join(zones)}")


def kubernetes(account: Account) -> Iterator[Finding]:
    """Whether EKS makes clusters of the pinned version, and has the pinned add-ons for it."""
    client, version = account.client("eks"), versions.KUBERNETES
    listed = client.describe_cluster_versions(clusterVersions=[version])["clusterVersions"]
    status = next((entry.get("versionStatus", "") for entry in listed if entry["clusterVersion"] == version), None)
    raise_it = "raise the versions in infra/versions.py, together"
    if status is None or status == "UNSUPPORTED":
        yield fault("EKS version", f"{version} is not offered", raise_it)
        return
    if status == "EXTENDED_SUPPORT":
        yield warning("EKS version", f"{version} is in extended support, which costs six times as much", raise_it)
    else:
        yield fine("EKS version", f"{version} is offered")
    for add_on, pinned in versions.ADD_ONS.items():
        answer = client.describe_addon_versions(kubernetesVersion=version, addonName=add_on)["addons"]
        offered = [entry["addonVersion"] for addon in answer for entry in addon["addonVersions"]]
        if pinned in offered:
            yield fine("EKS add-ons", f"{add_on} {pinned}")
        else:
            yield fault(
                "EKS add-ons",
                f"{add_on} {pinned} is not offered for {version} (newest: {', '.join(offered[:1]) or 'none'})",
                raise_it,
            )


def postgresql(account: Account, settings: AwsSettings) -> Iterator[Finding]:
    """Whether RDS runs the pinned major version on the instance class, with a standby where one is wanted."""
    check, wanted = "RDS", settings.database.instance_class
    listed = account.pages(
        "rds",
        "describe_orderable_db_instance_options",
        "OrderableDBInstanceOptions",
        Engine="postgres",
        DBInstanceClass=wanted,
        Vpc=True,
    )
    offers = [entry for entry in listed if entry["EngineVersion"].split(".")[0] == versions.POSTGRESQL]
    if not offers:
        yield fault(
            check,
            f"PostgreSQL {versions.POSTGRESQL} is not offered on {wanted}",
            "choose another database.instance_class, or POSTGRESQL in infra/versions.py",
        )
    elif settings.database.multi_az and not any(entry.get("MultiAZCapable") for entry in offers):
        yield fault(
            check,
            f"{wanted} has no standby in another zone",
            "choose another database.instance_class, or multi_az: false",
        )
    else:
        yield fine(check, f"PostgreSQL {versions.POSTGRESQL} is offered on {wanted}")


def valkey(account: Account, settings: AwsSettings) -> Iterator[Finding]:
    """Whether ElastiCache runs the pinned version, and has the node type.

    The types that can be reserved are the only list that ElastiCache gives without a cache, hence a warning.
    """
    check, cache = "ElastiCache", settings.cache
    listed = account.pages("elasticache", "describe_cache_engine_versions", "CacheEngineVersions", Engine="valkey")
    offered = {entry["EngineVersion"] for entry in listed}
    pinned = versions.VALKEY
    if not any(each == pinned or each.startswith(f"{pinned}.") for each in offered):
        yield fault(
            check,
            f"Valkey {pinned} is not offered (there are: {', '.join(sorted(offered)) or 'none'})",
            "raise VALKEY in infra/versions.py",
        )
    else:
        yield fine(check, f"Valkey {pinned} is offered")
    if cache.kind == "nodes":
        reservable = account.client("elasticache").describe_reserved_cache_nodes_offerings(
            CacheNodeType=cache.node_type
        )
        if reservable["ReservedCacheNodesOfferings"]:
            yield fine(check, f"{cache.node_type} is offered")
        else:
            yield warning(
                check,
                f"{cache.node_type} cannot be reserved in {account.region}, so it is perhaps not offered",
                "look at ElastiCache's prices of the region, or choose another cache.node_type",
            )
