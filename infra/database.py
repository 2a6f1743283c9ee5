"""The database: RDS for PostgreSQL, encrypted, TLS only, entered by IAM."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions
from pydantic import Field, model_validator

from infra import versions
from infra.backup_copies import NEVER_REPLACED, replicate, restored_from
from infra.connections import POSTGRESQL_PORT, DatabaseConnection
from infra.fence import DataNetwork, fence, tail
from infra.instance_classes import bearable_connections
from infra.parameters import Extension, Parameters, group_parameters, refuse_decided
from infra.recovery import SecondRegion
from infra.service_role import service_role
from infra.settings import LogDays, Section
from infra.windows import DailyWindow, WeeklyWindow, daily, overlap, refuse_short, weekly

LOGS = ("postgresql", "upgrade")
"""What RDS writes to CloudWatch, each to a group of its own."""

MASTER_USER = "platform"
"""Owner of the server; RDS manages its password in Secrets Manager, and only the bootstrap job reads it."""

LEAST_WINDOW = 30
"""Minutes of a backup or maintenance window (RDS API reference, `CreateDBInstance`)."""

INSIGHTS_DAYS: Mapping[str, int] = {"standard": 7, "advanced": 465}
"""How long each mode of Database Insights keeps its history: what is free, and what `advanced` asks for at least (RDS user
guide, "Considerations for Database Insights")."""

MANAGED_PASSWORD = (
    "RDS offers it only without a master password that it manages itself, and any other would stand in the state "  # noqa: S105
    "(docs/decisions/0011-what-rds-does-not-combine.md); "
)


class DatabaseSettings(Section):
    """Section `database` of an AWS stack file."""

    unavailable: ClassVar[Mapping[str, str]] = {
        "blue_green_updates": MANAGED_PASSWORD
        + "for a new major version follow docs/procedures/major-database-upgrade.md",
        "read_replicas": MANAGED_PASSWORD
        + "let the cache answer what is read often, or choose a larger instance_class",
        "multi_az_cluster": "a Multi-AZ cluster has neither copies of its backups in another region nor storage that grows by "
        "itself; multi_az gives the instance a standby",
    }

    instance_class: str = "db.t4g.small"

    multi_az: bool = False
    """A standby in another zone takes over within one to two minutes."""

    keep_after_deletion: bool = True
    """Whether a deletion takes a final snapshot and leaves the automated backups; apart from `protection`, which prevents it."""

    storage_gib: int = Field(20, ge=20, le=16384)
    """Disk at the start, in GiB (gp3). From 400 GiB on RDS lays it over several volumes: 12,000 operations a second instead of
    3,000, without a setting (RDS user guide, "General Purpose SSD storage")."""

    max_storage_gib: int = Field(100, ge=22, le=65536)
    """Up to which the disk grows by itself, in GiB."""

    backup_days: int = Field(7, ge=1, le=35)
    """How far back any second can be restored (RDS allows 35 days)."""

    max_connections: int = Field(100, ge=20, le=5000)
    """Sessions that PostgreSQL accepts; a change holds after a restart (docs/procedures/more-database-connections.md)."""

    slow_query_milliseconds: int = Field(500, ge=10)
    """Statements that take longer are logged."""

    database: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")] = "app"
    """Name of the database."""

    log_retention_days: LogDays = 30

    insights: Literal["standard", "advanced"] = "standard"
    """Mode of Database Insights: the top statements of 7 days, or of 465 with locks and plans (paid by the vCPU)."""

    monitoring_seconds: Literal[0, 1, 5, 10, 15, 30, 60] = 60
    """How often the operating system's own figures are taken (Enhanced Monitoring); 0 takes none."""

    backup_window: DailyWindow = "01:30-02:30"
    """When the daily backup begins, in UTC; at least 30 minutes, apart from the maintenance window."""

    maintenance_window: WeeklyWindow = "sun:03:00-sun:04:00"
    """When RDS may restart the instance, in UTC; at least 30 minutes."""

    parameters: Parameters = Field({})
    """PostgreSQL's own parameters beside those that the platform decides; static ones hold after the next restart."""

    extensions: tuple[Extension, ...] = ()
    """Made by the bootstrap job; one that is taken from the list stays in the database."""

    @model_validator(mode="after")
    def _windows_are_apart(self) -> "DatabaseSettings":
        refuse_short("backup_window", daily(self.backup_window)[1], LEAST_WINDOW)
        refuse_short("maintenance_window", weekly(self.maintenance_window)[1], LEAST_WINDOW)
        if overlap(self.backup_window, self.maintenance_window):
            raise ValueError(
                f"maintenance_window {self.maintenance_window} overlaps backup_window {self.backup_window}, which RDS refuses; "
                "move one of them"
            )
        return self

    @model_validator(mode="after")
    def _own_parameters_are_free(self) -> "DatabaseSettings":
        refuse_decided(self.parameters)
        return self

    @model_validator(mode="after")
    def _fits_the_instance(self) -> "DatabaseSettings":
        bearable = bearable_connections(self.instance_class)
        if self.max_storage_gib * 10 < self.storage_gib * 11:
            raise ValueError(
                f"max_storage_gib {self.max_storage_gib} leaves storage_gib {self.storage_gib} no room to grow; "
                "RDS asks for at least 10 % more"
            )
        if self.max_connections > bearable:
            raise ValueError(
                f"max_connections {self.max_connections} are more than {self.instance_class} has memory for; "
                f"at most {bearable}, or choose a larger instance_class"
            )
        return self


class Database(pulumi.ComponentResource):
    """An RDS instance for PostgreSQL with its subnet, parameter and security groups, its log groups and its monitoring role.

    Type token: `marlinspike:database:Database`. TLS is forced, IAM log-in enabled, the master password managed by RDS and
    encrypted with the platform's key. With `protect`, nothing deletes it, neither Pulumi nor AWS; a deletion that was first
    allowed takes a final snapshot where the settings say so. The log groups come first: RDS would make its own, without an end.

    `copies` replicates the automated backups to another region. `restore_from` (ARN of such copies in this region) makes the
    instance from their latest moment. RDS's call for that takes neither insights, windows nor days of backups: the next update
    sets them. Once the instance is there, `restore_from` changes nothing any more and can be removed.
    """

    connection: DatabaseConnection
    """For the application's user."""
    arn: Output[str]
    address: Output[str]
    identifier: Output[str]
    """What CloudWatch calls the instance (dimension `DBInstanceIdentifier`)."""
    subnet_group_name: Output[str]
    security_group_id: Output[str]
    resource_id: Output[str]
    """What IAM policies call the instance (`db-...`)."""
    copies_arn: Output[str] | None
    """In the other region; none without `copies`."""
    master_secret_arn: Output[str]
    """Of the master user's secret; the secret itself never passes through Pulumi."""

    def __init__(
        self,
        name: str,
        settings: DatabaseSettings,
        network: DataNetwork,
        key_arn: Input[str],
        protect: bool,
        copies: SecondRegion | None = None,
        restore_from: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:database:Database", name, {}, opts)
        child = ResourceOptions(parent=self)
        subnets = aws.rds.SubnetGroup(f"{name}-subnets", subnet_ids=network.subnet_ids, opts=child)
        group_id = fence(name, "PostgreSQL, for its clients only", network, POSTGRESQL_PORT, child)
        # The fence's id is new each time the stack is made, so neither log groups nor final snapshots ever share a name.
        identifier = Output.concat(name, "-", tail(group_id))
        observed, before = _observed(name, settings, identifier, key_arn, child)
        instance = aws.rds.Instance(
            f"{name}-instance",
            identifier=identifier,
            **(restored_from(restore_from) if restore_from else _new(settings, key_arn)),
            **_closed(key_arn),
            **_kept(settings, identifier),
            **observed,
            engine="postgres",
            engine_version=versions.POSTGRESQL,
            auto_minor_version_upgrade=True,
            maintenance_window=settings.maintenance_window,
            instance_class=settings.instance_class,
            max_allocated_storage=settings.max_storage_gib,
            storage_type="gp3",
            multi_az=settings.multi_az,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[group_id],
            parameter_group_name=_parameter_group(name, settings, child).name,
            deletion_protection=protect,
            apply_immediately=False,
            opts=ResourceOptions(
                parent=self,
                protect=protect,
                depends_on=before,
                ignore_changes=NEVER_REPLACED,
                # Multi-AZ changes and restores of large disks take longer than the provider's 80 and 60 minutes.
                custom_timeouts=pulumi.CustomTimeouts(create="90m", update="120m", delete="90m"),
            ),
        )
        self.copies_arn = replicate(name, instance, copies, settings.backup_days, self) if copies else None
        self.arn = instance.arn
        self.address = instance.address
        self.identifier = instance.identifier
        self.subnet_group_name = subnets.name
        self.security_group_id = group_id
        self.resource_id = instance.resource_id
        self.master_secret_arn = instance.master_user_secrets.apply(_secret_arn)
        self.connection = DatabaseConnection(
            host=self.address, database=settings.database, authentication="iam", tls=True
        )
        self.register_outputs({"address": self.address})


def _new(settings: DatabaseSettings, key_arn: Input[str]) -> dict[str, Any]:
    """What only an instance is given that begins empty."""
    return {
        "allocated_storage": settings.storage_gib,
        "kms_key_id": key_arn,
        "db_name": settings.database,
        "username": MASTER_USER,
    }


def _parameter_group(name: str, settings: DatabaseSettings, child: ResourceOptions) -> aws.rds.ParameterGroup:
    return aws.rds.ParameterGroup(
        f"{name}-parameters",
        family=f"postgres{versions.POSTGRESQL}",
        parameters=group_parameters(settings.parameters, settings.max_connections, settings.slow_query_milliseconds),
        opts=child,
    )


def _closed(key_arn: Input[str]) -> dict[str, Any]:
    """What no settings open: encryption, how one logs in, and from where."""
    return {
        "storage_encrypted": True,
        "manage_master_user_password": True,
        "master_user_secret_kms_key_id": key_arn,
        "iam_database_authentication_enabled": True,
        "publicly_accessible": False,
        "ca_cert_identifier": "rds-ca-rsa2048-g1",
    }


def _kept(settings: DatabaseSettings, identifier: Output[str]) -> dict[str, Any]:
    """What is kept of an instance: while it is there, and when it goes."""
    keep = settings.keep_after_deletion
    return {
        "backup_retention_period": settings.backup_days,
        "backup_window": settings.backup_window,
        "copy_tags_to_snapshot": True,
        "delete_automated_backups": not keep,
        "skip_final_snapshot": not keep,
        "final_snapshot_identifier": Output.concat(identifier, "-final") if keep else None,
    }


def _observed(
    name: str, settings: DatabaseSettings, identifier: Output[str], key_arn: Input[str], child: ResourceOptions
) -> tuple[dict[str, Any], list[pulumi.Resource]]:
    """What an instance tells of itself; and its log groups and the role of Enhanced Monitoring, which must be there before."""
    before: list[pulumi.Resource] = [
        aws.cloudwatch.LogGroup(
            f"{name}-{log}",
            name=Output.concat("/aws/rds/instance/", identifier, "/", log),
            retention_in_days=settings.log_retention_days,
            kms_key_id=key_arn,
            opts=child,
        )
        for log in LOGS
    ]
    observed: dict[str, Any] = {
        "enabled_cloudwatch_logs_exports": list(LOGS),
        "database_insights_mode": settings.insights,
        "performance_insights_enabled": True,
        "performance_insights_kms_key_id": key_arn,
        "performance_insights_retention_period": INSIGHTS_DAYS[settings.insights],
        "monitoring_interval": settings.monitoring_seconds,
    }
    if settings.monitoring_seconds:
        logical = f"{name}-monitoring"
        managed = {logical: "service-role/AmazonRDSEnhancedMonitoringRole"}
        role = service_role(logical, "monitoring.rds.amazonaws.com", child, managed=managed)
        observed["monitoring_role_arn"] = role.arn
        before += role.granted
    return observed, before


def _secret_arn(secrets: Sequence[aws.rds.outputs.InstanceMasterUserSecret]) -> str:
    arn = secrets[0].secret_arn if secrets else None
    if arn is None:
        raise ValueError("RDS answered without a managed master secret; manage_master_user_password was on")
    return arn
