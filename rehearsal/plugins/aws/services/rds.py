"""Relational databases (service `rds`)."""

from typing import Any

from rehearsal.plugins.aws.account import Record
from rehearsal.plugins.aws.errors import AwsError
from rehearsal.plugins.aws.subject import DNS_SUFFIX, Computed, Subject, makes

INSTANCE = "aws:rds/instance:Instance"
SUBNET_GROUP = "aws:rds/subnetGroup:SubnetGroup"
REPLICATION = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"

MONITORING_POLICY = "AmazonRDSEnhancedMonitoringRole"
ADVANCED_INSIGHTS_DAYS = 465

_PORTS = {"postgres": 5432, "mysql": 3306, "mariadb": 3306, "aurora-postgresql": 5432, "aurora-mysql": 3306}
_LICENSES = {"postgres": "postgresql-license", "mysql": "general-public-license", "mariadb": "general-public-license"}


@makes(INSTANCE)
def instance(subject: Subject) -> Computed:
    """A database instance: endpoint, generated identifiers, and the secret of a managed password."""
    identifier = subject.text("identifier") or f"{subject.text('identifierPrefix')}{subject.hex(26, 'name')}"
    if any(other.value("identifier") == identifier for other in subject.others()):
        raise AwsError("DBInstanceAlreadyExists", "DB instance already exists")
    _is_watched_rightly(subject)
    copied = _copied(subject)
    resource = f"db-{subject.letters(26)}"
    engine = subject.text("engine")
    version = subject.text("engineVersion")
    port = subject.inputs.get("port") or _PORTS.get(engine, 5432)
    address = f"{identifier}.c{subject.hex(11, 'account').lower()}.{subject.region}.rds.{DNS_SUFFIX}"
    group = subject.account.get(SUBNET_GROUP, subject.text("dbSubnetGroupName"))
    return Computed(
        resource,
        {
            "arn": subject.arn("rds", f"db:{identifier}"),
            "identifier": identifier,
            "resourceId": resource,
            "address": address,
            "port": port,
            "endpoint": f"{address}:{port}",
            "hostedZoneId": f"Z{subject.letters(13)}",
            "status": "available",
            "engineVersionActual": _full_version(version),
            "availabilityZone": f"{subject.region}a",
            "multiAz": False,
            "storageType": "gp2",
            "backupRetentionPeriod": 0,
            "backupTarget": "region",
            "backupWindow": "03:00-04:00",
            "maintenanceWindow": "mon:00:00-mon:03:00",
            "caCertIdentifier": "rds-ca-rsa2048-g1",
            "engineLifecycleSupport": "open-source-rds-extended-support",
            "databaseInsightsMode": "standard",
            "licenseModel": _LICENSES.get(engine, ""),
            "networkType": "IPV4",
            "optionGroupName": f"default:{engine}-{version.split('.')[0]}",
            "parameterGroupName": f"default.{engine}{version.split('.')[0]}",
            "masterUserSecrets": _managed_secret(subject),
            "kmsKeyId": "",
            "vpcSecurityGroupIds": _default_security_group(subject, group),
            "latestRestorableTime": subject.created_at,
            "username": subject.text("username"),
            **copied,
        },
    )


def _managed_secret(subject: Subject) -> list[dict[str, str]]:
    """The secret that RDS makes and rotates with `manageMasterUserPassword`; without that, none."""
    if not subject.inputs.get("manageMasterUserPassword"):
        return []
    name = f"rds!db-{subject.uuid('secret')}-{subject.hex(6, 'secret')}"
    key = subject.text("masterUserSecretKmsKeyId") or subject.arn("kms", f"key/{subject.uuid('aws/secretsmanager')}")
    return [{"secretArn": subject.arn("secretsmanager", f"secret:{name}"), "secretStatus": "active", "kmsKeyId": key}]


def _default_security_group(subject: Subject, group: Record | None) -> list[str]:
    """Without a choice, RDS takes the default group of the VPC."""
    owner = subject.account.get("aws:ec2/vpc:Vpc", str(group.value("vpcId"))) if group else None
    return [str(owner.value("defaultSecurityGroupId"))] if owner else []


def _full_version(version: str) -> str:
    """The minor version that AWS picks where only the major one is given."""
    return version if "." in version or not version else f"{version}.1"


@makes(SUBNET_GROUP)
def subnet_group(subject: Subject) -> Computed:
    """A group of subnets of one VPC for databases."""
    name = subject.text("name")
    owners = {str(place.value("vpcId")) for place in subject.subnets(subject.inputs.get("subnetIds"))}
    if len(owners) > 1:
        raise AwsError(
            "InvalidSubnet",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement: subnets are in different VPCs",
        )
    return Computed(
        name,
        {
            "arn": subject.arn("rds", f"subgrp:{name}"),
            "description": "Managed by Pulumi",
            "vpcId": next(iter(owners), ""),
            "supportedNetworkTypes": ["IPV4"],
        },
    )


@makes("aws:rds/parameterGroup:ParameterGroup")
def parameter_group(subject: Subject) -> Computed:
    """A parameter group."""
    name = subject.text("name")
    return Computed(name, {"arn": subject.arn("rds", f"pg:{name}"), "description": "Managed by Pulumi"})


@makes(REPLICATION)
def backups_replication(subject: Subject) -> Computed:
    """Automated backups kept in another region: `subject.region` is that one."""
    source = subject.text("sourceDbInstanceArn")
    home = source.split(":")[3] if source.count(":") > 3 else ""
    if home == subject.region:
        raise AwsError("InvalidParameterValue", "Source and destination regions must be different.")
    found = [each for each in subject.account.all(INSTANCE) if each.value("arn") == source]
    if not found:
        raise AwsError("DBInstanceNotFound", f"DBInstance {source} not found.")
    if not found[0].value("backupRetentionPeriod"):
        raise AwsError("InvalidDBInstanceState", "Automated backups are not enabled for the source DB instance.")
    if any(
        other.value("sourceDbInstanceArn") == source and other.region == subject.region for other in subject.others()
    ):
        raise AwsError("InvalidDBInstanceState", "The source DB instance is already replicating to the current region.")
    return Computed(subject.arn("rds", f"auto-backup:ab-{subject.letters(39).lower()}"), {})


def _is_watched_rightly(subject: Subject) -> None:
    """What RDS asks of Enhanced Monitoring and Database Insights. Raises AwsError."""
    role = subject.text("monitoringRoleArn")
    if bool(subject.inputs.get("monitoringInterval")) != bool(role):
        raise AwsError(
            "InvalidParameterCombination",
            "A MonitoringRoleARN and a MonitoringInterval other than 0 are required together.",
        )
    if role and not any(
        role.endswith(f"/{each.value('role')}") and str(each.value("policyArn")).endswith(f"/{MONITORING_POLICY}")
        for each in subject.account.all("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    ):
        raise AwsError(
            "InvalidParameterValue",
            "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING",
        )
    days = subject.inputs.get("performanceInsightsRetentionPeriod") or 7
    if subject.text("databaseInsightsMode") == "advanced" and days < ADVANCED_INSIGHTS_DAYS:
        raise AwsError(
            "InvalidParameterCombination",
            "The Advanced mode of Database Insights needs a Performance Insights retention period of at least 465 days.",
        )


def _copied(subject: Subject) -> dict[str, Any]:
    """What an instance made from copies of another one's backups has from that one, as far as this account knows it.

    Raises AwsError for copies of another region, and for copies that are not there although the account has some.
    """
    restore = subject.inputs.get("restoreToPointInTime") or {}
    if subject.previous or not restore:
        return {name: subject.previous[name] for name in _COPIED if name in subject.previous}
    arn = str(restore.get("sourceDbInstanceAutomatedBackupsArn", ""))
    copies = {each.id: each for each in subject.account.all(REPLICATION)}
    if not arn.startswith(subject.arn("rds", "auto-backup:")) or (copies and arn not in copies):
        raise AwsError("DBInstanceAutomatedBackupNotFound", f"Automated backup {arn} not found in {subject.region}.")
    if arn not in copies:
        return {}
    origin = copies[arn].value("sourceDbInstanceArn")
    sources = [each for each in subject.account.all(INSTANCE) if each.value("arn") == origin]
    found = {name: each.value(name) for each in sources for name in _COPIED}
    return {**found, "kmsKeyId": copies[arn].value("kmsKeyId")}


_COPIED = ("allocatedStorage", "dbName", "kmsKeyId", "username")
