"""Backups that outlive the database and its mistakes: AWS Backup with a locked vault, copies and a monthly restore test."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions
from pydantic import Field, model_validator

from infra.recovery import SecondRegion
from infra.service_role import ServiceRole, service_role
from infra.settings import Section

START_MINUTES = 60
"""Within which AWS Backup begins a job: its least (AWS Backup, "Backup plan options and configuration")."""

COMPLETION_MINUTES = 360
"""After which a job that is not done counts as failed; the first snapshot of a large disk takes hours."""

RESTORE_TEST = "cron(0 8 2 * ? *)"
"""On the second of each month at 8:00 UTC, when people are there to look; the first is the monthly backup's."""

RESTORE_TEST_DAYS = 7
"""How old a recovery point may be to be tested. The latest is taken."""


class VaultLockSettings(Section):
    """Section `backup.lock`: how long AWS Backup makes sure that a recovery point is kept.

    In governance mode, the default, somebody with the permission can still take the lock away.
    """

    minimum_days: int = Field(7, ge=1)
    """A job that asks for less fails; nobody deletes a recovery point earlier."""

    maximum_days: int = Field(366, ge=1)
    """A job that asks for more fails."""

    changeable_for_days: int | None = Field(None, ge=3)
    """Turns the lock into compliance mode for good after that many days (AWS asks for three at least).

    From then on nobody can change the lock or delete a recovery point early, neither the account's root user nor AWS, and a
    `pulumi destroy` ends at the vault until the last recovery point has expired. Leave it out to stay in governance mode.
    """


class BackupSettings(Section):
    """Section `backup` of an AWS stack file; without it, there are the database's own automated backups only."""

    start_hour: int = Field(5, ge=0, le=23)
    """In UTC; the job begins in the hour after it. RDS's own windows must lie elsewhere."""

    daily_days: int = Field(35, ge=1)
    """How long a daily recovery point is kept."""

    monthly_days: int | None = Field(None, ge=1)
    """How long that of the month's first day is kept, which takes the daily one's place; there are daily ones only without."""

    keep_after_deletion: bool = True
    """Whether a deletion stops at a vault that holds recovery points; otherwise it takes them along. Apart from `protection`,
    which prevents deletions."""

    lock: VaultLockSettings = VaultLockSettings()

    restore_test: bool = True
    """Whether the latest recovery point is restored once a month, on an instance that costs until it is deleted again."""

    restore_test_hours: int = Field(4, ge=1, le=168)
    """How long people or scripts may look at what was restored, before AWS Backup deletes it."""

    @model_validator(mode="after")
    def _what_cannot_be_deleted_is_kept(self) -> "BackupSettings":
        if self.lock.changeable_for_days is not None and not self.keep_after_deletion:
            raise ValueError(
                "lock.changeable_for_days keeps recovery points from every deletion, and keep_after_deletion false asks for one; "
                "leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _the_lock_lets_every_rule_pass(self) -> "BackupSettings":
        for key, days in (("daily_days", self.daily_days), ("monthly_days", self.monthly_days)):
            if days is not None and not self.lock.minimum_days <= days <= self.lock.maximum_days:
                raise ValueError(
                    f"{key} {days} lies outside the vault's lock ({self.lock.minimum_days} to {self.lock.maximum_days} days), "
                    "which fails every such job; change it, lock.minimum_days or lock.maximum_days"
                )
        if self.monthly_days is not None and self.monthly_days <= self.daily_days:
            raise ValueError(
                f"monthly_days {self.monthly_days} are no more than daily_days {self.daily_days}; leave monthly_days out"
            )
        return self


@dataclass(frozen=True)
class RestoreTarget:
    """Where a database that is restored for the test lives. Without it AWS Backup takes the default VPC, which may not exist."""

    subnet_group_name: Input[str]
    security_group_id: Input[str]


@dataclass(frozen=True)
class BackedUp:
    """What is backed up, by ARN. AWS Backup takes what is named so even where its service was not opted in for the account."""

    databases: Sequence[Input[str]]
    buckets: Sequence[Input[str]] = ()
    """Versioned ones."""


class Backup(pulumi.ComponentResource):
    """A locked vault, one more in another region where asked for, a plan of snapshots into both, and a monthly restore test.

    Type token: `marlinspike:backup:Backup`. Snapshots, never continuous backups: those would take the database's own
    automated backups over (docs/decisions/0014). Two roles: one may back up, the other one restores, for the test and for
    people. With `protect`, Pulumi deletes no vault.
    """

    vault_name: Output[str]
    vault_arn: Output[str]
    copy_vault_arn: Output[str] | None

    def __init__(
        self,
        name: str,
        settings: BackupSettings,
        backed_up: BackedUp,
        target: RestoreTarget,
        key_arn: Input[str],
        protect: bool,
        copy: SecondRegion | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:backup:Backup", name, {}, opts)
        # Not `_name` and `_protect`: Pulumi's own, and children inherit the latter.
        self._prefix, self._settings, self._protected = name, settings, protect
        self._child = ResourceOptions(parent=self)
        vault = self._vault("vault", key_arn, None)
        self.copy_vault_arn = None if copy is None else self._vault("copy", copy.key_arn, copy.region).arn
        suffix = ["S3"] if backed_up.buckets else []
        writer = self._role("writer", ["Backup", *(f"{each}Backup" for each in suffix)])
        restorer = self._role("restorer", ["Restores", *(f"{each}Restore" for each in suffix)])
        plan = aws.backup.Plan(f"{name}-plan", rules=self._rules(vault.name), opts=self._child)
        aws.backup.Selection(
            f"{name}-data",
            plan_id=plan.id,
            iam_role_arn=writer.arn,
            resources=[*backed_up.databases, *backed_up.buckets],
            opts=ResourceOptions(parent=self, depends_on=writer.granted),
        )
        if settings.restore_test:
            self._restore_test(vault.arn, restorer, backed_up.databases, target)
        self.vault_name, self.vault_arn = vault.name, vault.arn
        self.register_outputs({"vaultArn": self.vault_arn})

    def _vault(self, kind: str, key_arn: Input[str], region: str | None) -> aws.backup.Vault:
        vault = aws.backup.Vault(
            f"{self._prefix}-{kind}",
            kms_key_arn=key_arn,
            force_destroy=not self._settings.keep_after_deletion,
            region=region,
            opts=ResourceOptions(parent=self, protect=self._protected),
        )
        lock = self._settings.lock
        aws.backup.VaultLockConfiguration(
            f"{self._prefix}-{kind}",
            backup_vault_name=vault.name,
            min_retention_days=lock.minimum_days,
            max_retention_days=lock.maximum_days,
            changeable_for_days=lock.changeable_for_days,
            region=region,
            # The provider replaces it for every change. Made first, the new lock would go with the old one: a vault has one.
            opts=ResourceOptions(parent=self, delete_before_replace=True),
        )
        return vault

    def _role(self, kind: str, policies: list[str]) -> ServiceRole:
        """A role with AWS's own policies: they follow what AWS Backup does, and are bound to tags and services inside."""
        name = f"{self._prefix}-{kind}"
        managed = {
            f"{name}-{each}": f"{'' if each.startswith('S3') else 'service-role/'}AWSBackupServiceRolePolicyFor{each}"
            for each in policies
        }
        return service_role(name, "backup.amazonaws.com", self._child, managed=managed)

    def _rules(self, vault_name: Output[str]) -> list[aws.backup.PlanRuleArgs]:
        """Daily and, on the first of the month, monthly: of two at the same time AWS Backup does the one that is kept longer."""
        hour, monthly = self._settings.start_hour, self._settings.monthly_days
        rules = {"daily": (f"cron(0 {hour} * * ? *)", self._settings.daily_days)}
        if monthly is not None:
            rules["monthly"] = (f"cron(0 {hour} 1 * ? *)", monthly)
        return [
            aws.backup.PlanRuleArgs(
                rule_name=rule,
                target_vault_name=vault_name,
                schedule=schedule,
                start_window=START_MINUTES,
                completion_window=COMPLETION_MINUTES,
                lifecycle=aws.backup.PlanRuleLifecycleArgs(delete_after=days),
                copy_actions=self._copies(days),
            )
            for rule, (schedule, days) in rules.items()
        ]

    def _copies(self, days: int) -> list[aws.backup.PlanRuleCopyActionArgs]:
        if self.copy_vault_arn is None:
            return []
        return [
            aws.backup.PlanRuleCopyActionArgs(
                destination_vault_arn=self.copy_vault_arn,
                lifecycle=aws.backup.PlanRuleCopyActionLifecycleArgs(delete_after=days),
            )
        ]

    def _restore_test(
        self, vault_arn: Output[str], restorer: ServiceRole, databases: Sequence[Input[str]], target: RestoreTarget
    ) -> None:
        name = self._prefix.replace("-", "_")  # AWS Backup takes no hyphens here, and automatic names have them
        plan = aws.backup.RestoreTestingPlan(
            f"{self._prefix}-restore-test",
            name=name,
            schedule_expression=RESTORE_TEST,
            recovery_point_selection={
                "algorithm": "LATEST_WITHIN_WINDOW",
                "include_vaults": [vault_arn],
                "recovery_point_types": ["SNAPSHOT"],
                "selection_window_days": RESTORE_TEST_DAYS,
            },
            opts=self._child,
        )
        aws.backup.RestoreTestingSelection(
            f"{self._prefix}-restore-test",
            name=f"{name}_database",
            restore_testing_plan_name=plan.name,
            protected_resource_type="RDS",
            protected_resource_arns=list(databases),
            iam_role_arn=restorer.arn,
            validation_window_hours=self._settings.restore_test_hours,
            restore_metadata_overrides={
                "dbSubnetGroupName": target.subnet_group_name,
                "vpcSecurityGroupIds": Output.json_dumps([target.security_group_id]),
            },
            opts=ResourceOptions(parent=self, depends_on=restorer.granted),
        )
