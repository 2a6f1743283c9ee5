"""AWS Backup: what is kept, for how long, behind which lock, and whether it can be restored."""

import json
from typing import Any

import pulumi
import pytest
from pydantic import ValidationError

from infra.backup import BackedUp, Backup, BackupSettings, RestoreTarget, VaultLockSettings
from infra.recovery import SecondRegion
from stacks.settings import SettingsError
from tests.unit.plan import PROJECT, Cloud, Plan, RecordingMonitor, planned, settings_with

VAULT = "aws:backup/vault:Vault"
LOCK = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"
PLAN = "aws:backup/plan:Plan"
SELECTION = "aws:backup/selection:Selection"
TEST_PLAN = "aws:backup/restoreTestingPlan:RestoreTestingPlan"
TEST_SELECTION = "aws:backup/restoreTestingSelection:RestoreTestingSelection"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"

BACKED_UP = ("staging", "prod")


def rules(plan: Plan) -> dict[str, Any]:
    return {rule["ruleName"]: rule for rule in plan.only(PLAN).inputs["rules"]}


def alone(**arguments: Any) -> Plan:
    """What the component registers by itself."""
    plan = Plan()
    pulumi.runtime.set_mocks(Cloud(), project=PROJECT, stack="test", monitor=RecordingMonitor(plan))
    given: dict[str, Any] = {
        "settings": BackupSettings(),
        "backed_up": BackedUp(databases=["arn:database"]),
        "target": RestoreTarget("subnets", "sg-1"),
        "key_arn": "arn:key",
        "protect": True,
        **arguments,
    }

    @pulumi.runtime.test
    def program() -> pulumi.Output[str]:
        return Backup("kept", **given).vault_arn

    program()
    return plan


def test_nothing_is_backed_up_where_the_section_is_missing() -> None:
    assert not any(resource.type.startswith("aws:backup/") for resource in planned("dev").resources)


@pytest.mark.parametrize("stack", BACKED_UP)
def test_the_vault_is_encrypted_with_the_platforms_key(stack: str) -> None:
    plan = planned(stack)
    assert plan.only(VAULT, f"marlinspike-{stack}-backup-vault").inputs["kmsKeyArn"] == plan.key_arn


@pytest.mark.parametrize(("stack", "protected", "goes"), [("staging", False, True), ("prod", True, False)])
def test_prods_recovery_points_resist_a_deletion_and_stagings_go_with_it(
    stack: str, protected: bool, goes: bool
) -> None:
    vault = planned(stack).only(VAULT, f"marlinspike-{stack}-backup-vault")
    assert (vault.protect, vault.inputs["forceDestroy"]) == (protected, goes)


def test_only_what_holds_data_is_protected_so_that_the_lock_and_the_plan_can_change() -> None:
    assert {resource.type for resource in alone(protect=True).resources if resource.protect} == {VAULT}


def test_a_changed_lock_is_not_taken_away_by_the_one_that_it_replaces() -> None:
    assert alone().only(LOCK).delete_before_replace


def test_what_outlives_a_deletion_does_not_hang_on_the_protection_against_it() -> None:
    vault = alone(protect=False).only(VAULT)
    assert (vault.protect, vault.inputs["forceDestroy"]) == (False, False)


@pytest.mark.parametrize("stack", BACKED_UP)
def test_the_vault_is_locked_in_governance_mode(stack: str) -> None:
    lock = planned(stack).only(LOCK, f"marlinspike-{stack}-backup-vault").inputs
    assert (lock["minRetentionDays"], lock["maxRetentionDays"]) == (7, 366)
    assert "changeableForDays" not in lock


def test_compliance_mode_must_be_asked_for() -> None:
    lock = alone(settings=BackupSettings(lock=VaultLockSettings(changeable_for_days=5))).only(LOCK).inputs
    assert lock["changeableForDays"] == 5


@pytest.mark.parametrize(("stack", "kept"), [("staging", {"daily": 7}), ("prod", {"daily": 35, "monthly": 365})])
def test_recovery_points_are_kept_as_long_as_promised(stack: str, kept: dict[str, int]) -> None:
    assert {name: rule["lifecycle"]["deleteAfter"] for name, rule in rules(planned(stack)).items()} == kept


def test_backups_begin_at_the_hour_that_was_chosen() -> None:
    schedules = {name: rule["schedule"] for name, rule in rules(planned("prod")).items()}
    assert schedules == {"daily": "cron(0 5 * * ? *)", "monthly": "cron(0 5 1 * ? *)"}
    assert {rule["startWindow"] for rule in rules(planned("prod")).values()} == {60}


@pytest.mark.parametrize("stack", BACKED_UP)
def test_aws_backup_never_takes_the_databases_own_backups_over(stack: str) -> None:
    assert not any(rule.get("enableContinuousBackup") for rule in rules(planned(stack)).values())


@pytest.mark.parametrize("stack", BACKED_UP)
def test_exactly_the_database_is_selected(stack: str) -> None:
    plan = planned(stack)
    database = plan.only("aws:rds/instance:Instance").name
    assert plan.only(SELECTION).inputs["resources"] == [f"arn:aws:test:eu-west-3:111122223333:{database}"]


def test_prod_restores_the_latest_recovery_point_every_month_where_the_database_lives() -> None:
    plan = planned("prod")
    test, selection = plan.only(TEST_PLAN).inputs, plan.only(TEST_SELECTION).inputs
    assert test["scheduleExpression"] == "cron(0 8 2 * ? *)"
    assert test["recoveryPointSelection"]["algorithm"] == "LATEST_WITHIN_WINDOW"
    assert test["recoveryPointSelection"]["recoveryPointTypes"] == ["SNAPSHOT"]
    assert test["recoveryPointSelection"]["includeVaults"][0].endswith(":marlinspike-prod-backup-vault")
    assert selection["protectedResourceArns"] == plan.only(SELECTION).inputs["resources"]
    where = selection["restoreMetadataOverrides"]
    instance = plan.only("aws:rds/instance:Instance").inputs
    assert where["dbSubnetGroupName"] == instance["dbSubnetGroupName"]
    assert json.loads(where["vpcSecurityGroupIds"]) == instance["vpcSecurityGroupIds"]
    assert selection["validationWindowHours"] == 4


def test_names_of_the_restore_test_are_of_the_letters_that_aws_backup_takes() -> None:
    plan = planned("prod")
    assert plan.only(TEST_PLAN).inputs["name"] == "marlinspike_prod_backup"
    assert plan.only(TEST_SELECTION).inputs["name"] == "marlinspike_prod_backup_database"


def test_without_a_restore_test_nothing_is_restored() -> None:
    assert not planned("staging").of(TEST_PLAN)
    assert not planned("staging").of(TEST_SELECTION)


def test_who_backs_up_may_not_restore_and_both_wait_until_they_may() -> None:
    plan = planned("prod")
    policies = {
        a.name.rsplit("-", 2)[-2]: a.inputs["policyArn"].rsplit("/", 1)[1]
        for a in plan.of(ATTACHMENT)
        if "backup" in a.name
    }
    assert policies == {
        "writer": "AWSBackupServiceRolePolicyForBackup",
        "restorer": "AWSBackupServiceRolePolicyForRestores",
    }
    prefix = "RolePolicyAttachment/marlinspike-prod-backup"
    assert plan.comes_before(f"{prefix}-writer-Backup", plan.only(SELECTION).key)
    assert plan.comes_before(f"{prefix}-restorer-Restores", plan.only(TEST_SELECTION).key)
    roles = [role for role in plan.of("aws:iam/role:Role") if "backup" in role.name]
    trusted = {json.loads(role.inputs["assumeRolePolicy"])["Statement"][0]["Principal"]["Service"] for role in roles}
    assert (len(roles), trusted) == (2, {"backup.amazonaws.com"})


def test_copies_go_to_a_locked_vault_of_the_other_region() -> None:
    plan = alone(copy=SecondRegion("eu-central-1", "arn:key-there"), settings=BackupSettings(monthly_days=365))
    copy, lock = plan.only(VAULT, "kept-copy"), plan.only(LOCK, "kept-copy")
    assert (copy.inputs["region"], copy.inputs["kmsKeyArn"], copy.protect) == ("eu-central-1", "arn:key-there", True)
    assert (lock.inputs["region"], lock.inputs["minRetentionDays"]) == ("eu-central-1", 7)
    assert "region" not in plan.only(VAULT, "kept-vault").inputs
    for rule in rules(plan).values():
        [action] = rule["copyActions"]
        assert action["destinationVaultArn"].endswith("kept-copy")
        assert action["lifecycle"] == rule["lifecycle"]


def test_nothing_is_copied_without_a_place_to_copy_to() -> None:
    assert all(not rule.get("copyActions") for rule in rules(alone()).values())


def test_buckets_bring_the_roles_what_s3_needs() -> None:
    plan = alone(backed_up=BackedUp(databases=["arn:database"], buckets=["arn:aws:s3:::files"]))
    assert plan.only(SELECTION).inputs["resources"] == ["arn:database", "arn:aws:s3:::files"]
    # Those two have no path.
    assert {a.inputs["policyArn"].removeprefix("arn:aws:iam::aws:policy/") for a in plan.of(ATTACHMENT)} == {
        "service-role/AWSBackupServiceRolePolicyForBackup",
        "service-role/AWSBackupServiceRolePolicyForRestores",
        "AWSBackupServiceRolePolicyForS3Backup",
        "AWSBackupServiceRolePolicyForS3Restore",
    }
    assert plan.only(TEST_SELECTION).inputs["protectedResourceArns"] == ["arn:database"]


@pytest.mark.parametrize("hour", [0, 1, 2, 3])
def test_an_hour_that_meets_the_databases_windows_is_refused(hour: int) -> None:
    with pytest.raises(SettingsError) as refused:
        settings_with("prod", {"backup.start_hour": hour})
    assert all(fault.startswith(f"backup.start_hour: {hour} begins in the ") for fault in refused.value.faults)


@pytest.mark.parametrize("hour", [4, 5, 23])
def test_an_hour_beside_the_databases_windows_is_accepted(hour: int) -> None:
    settings_with("prod", {"backup.start_hour": hour})


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"daily_days": 5}, "daily_days 5 lies outside the vault's lock"),
        ({"monthly_days": 400}, "monthly_days 400 lies outside the vault's lock"),
        ({"monthly_days": 30}, "leave monthly_days out"),
        ({"lock": {"changeable_for_days": 3}, "keep_after_deletion": False}, "leave one of them out"),
        ({"lock": {"changeable_for_days": 2}}, "greater than or equal to 3"),
        ({"restore_test_hours": 169}, "less than or equal to 168"),
        ({"start_hour": 24}, "less than or equal to 23"),
    ],
)
def test_a_wrong_backup_setting_is_refused_with_its_reason(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        BackupSettings(**wrong)


def test_the_time_to_look_at_what_was_restored_can_be_set() -> None:
    plan = alone(settings=BackupSettings(restore_test_hours=24))
    assert plan.only(TEST_SELECTION).inputs["validationWindowHours"] == 24
