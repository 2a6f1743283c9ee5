"""Relational databases (service `rds`)."""

from rehearsal.plugins.aws import ACCOUNT_ID
from rehearsal.plugins.aws.account import Record
from rehearsal.plugins.aws.errors import AwsError
from rehearsal.plugins.aws.subject import DNS_SUFFIX, Computed, Subject, makes

INSTANCE = "aws:rds/instance:Instance"
SUBNET_GROUP = "aws:rds/subnetGroup:SubnetGroup"
PARAMETER_GROUP = "aws:rds/parameterGroup:ParameterGroup"

_PORTS = {"postgres": 5432, "mysql": 3306, "mariadb": 3306, "aurora-postgresql": 5432, "aurora-mysql": 3306}
_LICENSES = {"postgres": "postgresql-license", "mysql": "general-public-license", "mariadb": "general-public-license"}


@makes(INSTANCE)
def instance(subject: Subject) -> Computed:
    """A database instance: endpoint, generated identifiers, and the secret of a managed password."""
    identifier = subject.text("identifier") or f"{subject.text('identifierPrefix')}{subject.hex(26, 'name')}"
    if any(
        other.seed != subject.seed and other.value("identifier") == identifier
        for other in subject.account.all(INSTANCE)
    ):
        raise AwsError("DBInstanceAlreadyExists", "DB instance already exists")
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
    owners = {str(place.value("vpcId")) for place in _subnets(subject)}
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


def _subnets(subject: Subject) -> list[Record]:
    found = [
        subject.account.get("aws:ec2/subnet:Subnet", str(identifier))
        for identifier in subject.inputs.get("subnetIds") or []
    ]
    return [place for place in found if place is not None]


@makes(PARAMETER_GROUP, "aws:rds/clusterParameterGroup:ClusterParameterGroup")
def parameter_group(subject: Subject) -> Computed:
    """A parameter group."""
    kind = "cluster-pg" if "cluster" in subject.type else "pg"
    name = subject.text("name")
    return Computed(name, {"arn": subject.arn("rds", f"{kind}:{name}"), "description": "Managed by Pulumi"})


@makes("aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication")
def backups_replication(subject: Subject) -> Computed:
    """Automated backups kept in another region."""
    return Computed(f"arn:aws:rds:{subject.region}:{ACCOUNT_ID}:auto-backup:ab-{subject.hex(26)}", {})
