"""The database: RDS for PostgreSQL, encrypted, TLS only, entered by IAM."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions
from pydantic import Field, model_validator

from infra import versions
from infra.connections import DatabaseConnection
from infra.fence import fence, tail
from infra.settings import Section

POSTGRESQL_PORT = 5432

APPLICATION_USER = "app"
"""PostgreSQL role of the application. It has no password: it logs in with IAM tokens."""

LOGS = ("postgresql", "upgrade")
"""What RDS writes to CloudWatch, each to a group of its own."""

MASTER_USER = "platform"
"""Owner of the server; RDS manages its password in Secrets Manager, and only the bootstrap job reads it."""

INSTANCE_MEMORY_GIB: Mapping[str, int] = {
    "db.t4g.micro": 1,
    "db.t4g.small": 2,
    "db.t4g.medium": 4,
    "db.t4g.large": 8,
    "db.m7g.large": 8,
    "db.m7g.xlarge": 16,
    "db.m7g.2xlarge": 32,
    "db.r7g.large": 16,
    "db.r7g.xlarge": 32,
    "db.r7g.2xlarge": 64,
}
"""Memory in GiB of the instance classes that can be chosen (AWS, "Hardware specifications for DB instance classes")."""

USABLE_MEMORY = 0.9
"""Part of an instance's memory that RDS counts on: the operating system and its own agents take the rest (an estimate)."""

BACKUP_WINDOW = "01:30-02:30"
MAINTENANCE_WINDOW = "sun:03:00-sun:04:00"
"""In UTC. AWS Backup starts nothing within them, nor in the hour before (stacks/invariants.py)."""

BYTES_PER_CONNECTION = 9_531_392
"""RDS's own default is `DBInstanceClassMemory / 9531392` connections (RDS user guide, "Maximum number of connections")."""


class DatabaseSettings(Section):
    """Section `database` of an AWS stack file."""

    instance_class: str = "db.t4g.small"

    multi_az: bool = False
    """A standby in another zone takes over within one to two minutes."""

    keep_after_deletion: bool = True
    """Whether a deletion takes a final snapshot and leaves the automated backups; apart from `protection`, which prevents it."""

    storage_gib: int = Field(20, ge=20, le=16384)
    """Disk at the start, in GiB (gp3)."""

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

    log_retention_days: Literal[7, 14, 30, 60, 90, 180, 365] = 30

    @model_validator(mode="after")
    def _fits_the_instance(self) -> "DatabaseSettings":
        if self.instance_class not in INSTANCE_MEMORY_GIB:
            raise ValueError(
                f"instance_class {self.instance_class} is not known; choose one of {', '.join(INSTANCE_MEMORY_GIB)}, "
                "or add it with its memory to infra/database.py"
            )
        if self.max_storage_gib * 10 < self.storage_gib * 11:
            raise ValueError(
                f"max_storage_gib {self.max_storage_gib} leaves storage_gib {self.storage_gib} no room to grow; "
                "RDS asks for at least 10 % more"
            )
        bearable = int(INSTANCE_MEMORY_GIB[self.instance_class] * 2**30 * USABLE_MEMORY / BYTES_PER_CONNECTION)
        if self.max_connections > bearable:
            raise ValueError(
                f"max_connections {self.max_connections} are more than {self.instance_class} has memory for; "
                f"at most {bearable}, or choose a larger instance_class"
            )
        return self


@dataclass(frozen=True)
class DataNetwork:
    """Where a data store lives and who may connect: security groups by name."""

    vpc_id: Input[str]
    subnet_ids: list[Output[str]]
    clients: Mapping[str, Input[str]]


class Database(pulumi.ComponentResource):
    """An RDS instance for PostgreSQL with its subnet, parameter and security groups and its log groups.

    Type token: `marlinspike:database:Database`. TLS is forced, IAM log-in enabled, the master password managed by RDS and
    encrypted with the platform's key. With `protect`, nothing deletes it, neither Pulumi nor AWS; a deletion that was first
    allowed takes a final snapshot where the settings say so. The log groups come first: RDS would make its own, without an end.
    """

    connection: DatabaseConnection
    """For the application's user."""
    arn: Output[str]
    address: Output[str]
    identifier: Output[str]
    subnet_group_name: Output[str]
    security_group_id: Output[str]
    resource_id: Output[str]
    """What IAM policies call the instance (`db-...`)."""
    master_secret_arn: Output[str]
    """Of the master user's secret; the secret itself never passes through Pulumi."""

    def __init__(
        self,
        name: str,
        settings: DatabaseSettings,
        network: DataNetwork,
        key_arn: Input[str],
        protect: bool,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:database:Database", name, {}, opts)
        child = ResourceOptions(parent=self)
        subnets = aws.rds.SubnetGroup(f"{name}-subnets", subnet_ids=network.subnet_ids, opts=child)
        group_id = fence(
            name, "PostgreSQL, for its clients only", network.vpc_id, POSTGRESQL_PORT, network.clients, child
        )
        parameters = aws.rds.ParameterGroup(
            f"{name}-parameters",
            family=f"postgres{versions.POSTGRESQL}",
            parameters=_parameters(settings),
            opts=child,
        )
        # The fence's id is new each time the stack is made, so neither log groups nor final snapshots ever share a name.
        identifier = Output.concat(name, "-", tail(group_id))
        logs = [
            aws.cloudwatch.LogGroup(
                f"{name}-{log}",
                name=Output.concat("/aws/rds/instance/", identifier, "/", log),
                retention_in_days=settings.log_retention_days,
                kms_key_id=key_arn,
                opts=child,
            )
            for log in LOGS
        ]
        instance = aws.rds.Instance(
            f"{name}-instance",
            identifier=identifier,
            engine="postgres",
            engine_version=versions.POSTGRESQL,
            auto_minor_version_upgrade=True,
            instance_class=settings.instance_class,
            allocated_storage=settings.storage_gib,
            max_allocated_storage=settings.max_storage_gib,
            storage_type="gp3",
            storage_encrypted=True,
            kms_key_id=key_arn,
            db_name=settings.database,
            username=MASTER_USER,
            manage_master_user_password=True,
            master_user_secret_kms_key_id=key_arn,
            iam_database_authentication_enabled=True,
            multi_az=settings.multi_az,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[group_id],
            publicly_accessible=False,
            parameter_group_name=parameters.name,
            ca_cert_identifier="rds-ca-rsa2048-g1",
            backup_retention_period=settings.backup_days,
            backup_window=BACKUP_WINDOW,
            maintenance_window=MAINTENANCE_WINDOW,
            copy_tags_to_snapshot=True,
            delete_automated_backups=not settings.keep_after_deletion,
            performance_insights_enabled=True,
            performance_insights_kms_key_id=key_arn,
            performance_insights_retention_period=7,  # days; the free tier
            enabled_cloudwatch_logs_exports=list(LOGS),
            deletion_protection=protect,
            skip_final_snapshot=not settings.keep_after_deletion,
            final_snapshot_identifier=Output.concat(identifier, "-final") if settings.keep_after_deletion else None,
            apply_immediately=False,
            opts=ResourceOptions(
                parent=self,
                protect=protect,
                depends_on=logs,
                # Multi-AZ changes and restores of large disks take longer than the provider's 80 and 60 minutes.
                custom_timeouts=pulumi.CustomTimeouts(create="90m", update="120m", delete="90m"),
            ),
        )
        self.arn = instance.arn
        self.address = instance.address
        self.identifier = instance.identifier
        self.subnet_group_name = subnets.name
        self.security_group_id = group_id
        self.resource_id = instance.resource_id
        self.master_secret_arn = instance.master_user_secrets.apply(_secret_arn)
        self.connection = DatabaseConnection(
            host=self.address,
            database=settings.database,
            user=APPLICATION_USER,
            authentication="iam",
            tls=True,
            port=POSTGRESQL_PORT,
        )
        self.register_outputs({"address": self.address})


def _parameters(settings: DatabaseSettings) -> list[aws.rds.ParameterGroupParameterArgs]:
    at_once = {
        "log_min_duration_statement": str(settings.slow_query_milliseconds),
        "idle_in_transaction_session_timeout": "60000",  # milliseconds; a forgotten transaction stops vacuum
        "log_lock_waits": "1",
    }
    at_restart = {
        # RDS's own default since PostgreSQL 15: with `immediate` every preview would show a change
        # (terraform-provider-aws#39252).
        "rds.force_ssl": "1",
        "shared_preload_libraries": "pg_stat_statements",
        "max_connections": str(settings.max_connections),
    }
    return [
        aws.rds.ParameterGroupParameterArgs(name=name, value=value, apply_method=method)
        for values, method in ((at_once, "immediate"), (at_restart, "pending-reboot"))
        for name, value in values.items()
    ]


def _secret_arn(secrets: Sequence[aws.rds.outputs.InstanceMasterUserSecret]) -> str:
    arn = secrets[0].secret_arn if secrets else None
    if arn is None:
        raise ValueError("RDS answered without a managed master secret; manage_master_user_password was on")
    return arn
