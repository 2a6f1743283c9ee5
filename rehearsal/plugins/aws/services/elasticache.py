"""Caches (service `elasticache`)."""

from typing import Any

from rehearsal.plugins.aws.errors import AwsError
from rehearsal.plugins.aws.subject import DNS_SUFFIX, Computed, Subject, makes

USER = "aws:elasticache/user:User"
USER_GROUP = "aws:elasticache/userGroup:UserGroup"


@makes("aws:elasticache/replicationGroup:ReplicationGroup")
def replication_group(subject: Subject) -> Computed:
    """A replication group: its endpoints and its members' names."""
    name = subject.text("replicationGroupId").lower()
    _users_fit(subject)
    shards = subject.inputs.get("numNodeGroups") or 1
    replicas = subject.inputs.get("replicasPerNodeGroup")
    clustered = bool(subject.inputs.get("numNodeGroups"))
    members = subject.inputs.get("numCacheClusters") or shards * (1 + (replicas or 0))
    domain = f"{name}.{subject.hex(6, 'account')}"
    suffix = f"{_zone_code(subject.region)}.cache.{DNS_SUFFIX}"
    version = subject.text("engineVersion")
    engine = subject.text("engine") or "redis"
    # TLS endpoints carry the prefix `master.`, others the shard's number: AWS documentation, "Finding connection endpoints".
    primary = (
        f"master.{domain}.{suffix}" if subject.inputs.get("transitEncryptionEnabled") else f"{domain}.ng.0001.{suffix}"
    )
    reader = (
        f"replica.{domain}.{suffix}"
        if subject.inputs.get("transitEncryptionEnabled")
        else f"{domain}-ro.ng.0001.{suffix}"
    )
    names = [f"{name}-{number + 1:03}" for number in range(members)]
    outputs: dict[str, Any] = {
        "arn": subject.arn("elasticache", f"replicationgroup:{name}"),
        "replicationGroupId": name,
        "engine": engine,
        "engineVersionActual": version if version.count(".") >= 2 else f"{version or '7.1'}.0",
        "clusterEnabled": clustered,
        "clusterMode": "enabled" if clustered else "disabled",
        "primaryEndpointAddress": "" if clustered else primary,
        "readerEndpointAddress": "" if clustered else reader,
        "configurationEndpointAddress": f"clustercfg.{domain}.{suffix}" if clustered else "",
        "memberClusters": names,
        "numCacheClusters": members,
        "numNodeGroups": shards,
        "replicasPerNodeGroup": members // shards - 1,
        "port": 6379,
        "atRestEncryptionEnabled": False,
        "autoMinorVersionUpgrade": True,
        "applyImmediately": False,
        "dataTieringEnabled": False,
        "transitEncryptionEnabled": False,
        "transitEncryptionMode": "required" if subject.inputs.get("transitEncryptionEnabled") else "",
        "maintenanceWindow": "sun:05:00-sun:06:00",
        "snapshotWindow": "03:00-04:00",
        "ipDiscovery": "ipv4",
        "networkType": "ipv4",
        "parameterGroupName": f"default.{engine}{version.split('.')[0] or '7'}",
        "securityGroupIds": [],
        "securityGroupNames": [],
        "nodeGroupConfigurations": [
            {"nodeGroupId": f"{shard + 1:04}", "replicaCount": members // shards - 1} for shard in range(shards)
        ],
        "subnetGroupName": "default",
        "nodeType": subject.text("nodeType"),
    }
    return Computed(name, outputs)


@makes("aws:elasticache/serverlessCache:ServerlessCache")
def serverless_cache(subject: Subject) -> Computed:
    """A serverless cache: one endpoint, on a second port for reading from replicas."""
    name = subject.text("name").lower()
    if any(other.id == name for other in subject.others()):
        raise AwsError("ServerlessCacheAlreadyExistsFault", f"Serverless Cache {name} already exists")
    group = subject.text("userGroupId")
    if group:
        _user_group_exists(subject, group)
    limits = subject.inputs.get("cacheUsageLimits") or {}
    for limit in (limits.get("dataStorage") or {}, *(limits.get("ecpuPerSeconds") or [])):
        if limit.get("minimum", 0) > limit.get("maximum", float("inf")):
            raise AwsError("InvalidParameterValue", "The minimum of a cache usage limit is above its maximum.")
    address = f"{name}-{subject.hex(6)}.serverless.{_zone_code(subject.region)}.cache.{DNS_SUFFIX}"
    version = subject.text("majorEngineVersion")
    return Computed(
        name,
        {
            "arn": subject.arn("elasticache", f"serverlesscache:{name}"),
            "endpoints": [{"address": address, "port": 6379}],
            "readerEndpoints": [{"address": address, "port": 6380}],
            "fullEngineVersion": f"{version or '8'}.1",
            "majorEngineVersion": version or "8",
            "status": "available",
            "dailySnapshotTime": "00:00",
            "snapshotRetentionLimit": 0,
            "networkType": "ipv4",
        },
    )


def _users_fit(subject: Subject) -> None:
    """User groups exist, and authentication needs TLS, as ElastiCache demands."""
    for group in subject.inputs.get("userGroupIds") or []:
        _user_group_exists(subject, str(group))
    if (subject.inputs.get("userGroupIds") or subject.inputs.get("authToken")) and not subject.inputs.get(
        "transitEncryptionEnabled"
    ):
        raise AwsError(
            "InvalidParameterCombination",
            "User group based access control is not allowed when encryption-in-transit is disabled",
        )


def _user_group_exists(subject: Subject, group: str) -> None:
    subject.existing(USER_GROUP, group, "UserGroupNotFound", f"User group {group} does not exist.")


def _zone_code(region: str) -> str:
    """`eu-west-3` as `euw3`, as in the names of endpoints."""
    area, direction, number = region.split("-")
    return f"{area}{direction[0]}{number}"


@makes("aws:elasticache/subnetGroup:SubnetGroup")
def subnet_group(subject: Subject) -> Computed:
    """A group of subnets for caches."""
    name = subject.text("name")
    owners = sorted({str(place.value("vpcId")) for place in subject.subnets(subject.inputs.get("subnetIds"))})
    return Computed(
        name,
        {
            "arn": subject.arn("elasticache", f"subnetgroup:{name}"),
            "description": "Managed by Pulumi",
            "vpcId": owners[0] if owners else "",
        },
    )


@makes("aws:elasticache/parameterGroup:ParameterGroup")
def parameter_group(subject: Subject) -> Computed:
    """A parameter group."""
    name = subject.text("name")
    return Computed(
        name, {"arn": subject.arn("elasticache", f"parametergroup:{name}"), "description": "Managed by Pulumi"}
    )


@makes(USER)
def user(subject: Subject) -> Computed:
    """A user; with IAM authentication the id and the name must agree, as AWS demands."""
    identifier = subject.text("userId")
    mode = subject.inputs.get("authenticationMode") or {}
    if mode.get("type") == "iam" and identifier != subject.text("userName"):
        raise AwsError("InvalidParameterValue", "For IAM-enabled users, user name and user id must be identical")
    kind = mode.get("type") or ("no-password" if subject.inputs.get("noPasswordRequired") else "password")
    counted = len(mode.get("passwords") or subject.inputs.get("passwords") or [])
    return Computed(
        identifier,
        {
            "arn": subject.arn("elasticache", f"user:{identifier}"),
            "authenticationMode": {"type": kind, "passwordCount": counted},
            "noPasswordRequired": False,
        },
    )


@makes(USER_GROUP)
def user_group(subject: Subject) -> Computed:
    """A group of users. One for Redis must have a user called `default`; one for Valkey need not."""
    identifier = subject.text("userGroupId")
    members = [subject.account.get(USER, str(each)) for each in subject.inputs.get("userIds") or []]
    if None in members:
        raise AwsError("UserNotFound", f"User group {identifier} names a user that does not exist.")
    has_default = any(member is not None and member.value("userName") == "default" for member in members)
    if subject.text("engine").lower() == "redis" and not has_default:
        raise AwsError("DefaultUserRequired", "User group must contain a user with username default.")
    return Computed(identifier, {"arn": subject.arn("elasticache", f"usergroup:{identifier}")})
