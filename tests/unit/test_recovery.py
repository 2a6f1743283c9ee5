"""The second region: what is refused, and what changes when a stack comes up there."""

from functools import cache
from typing import Any

import pytest

from benchmarks.recovery_times import COPIES, recovery_chain, recovery_point_minutes
from rehearsal.critical_path import Resource, critical_path
from stacks.recovery import settings_in_effect
from stacks.settings import AwsSettings, SettingsError
from tests.unit.plan import PROJECT, Plan, plan_of, planned, planned_with, settings_of, settings_with, stack_file
from tests.unit.test_critical_path import resources_of

BACKUP = "arn:aws:rds:eu-central-1:111122223333:auto-backup:ab-0123456789abcdef"


def recovery_file(**changes: Any) -> dict[str, Any]:
    """Pulumi.prod.yaml plus one setting."""
    config = stack_file("prod")
    config[f"{PROJECT}:recovery"] |= {"restore_database_from": BACKUP, **changes}
    return config


def recovering() -> AwsSettings:
    settings = settings_of("prod-recovery", recovery_file())
    assert isinstance(settings, AwsSettings)
    return settings


def test_prods_file_plus_one_setting_means_the_second_region() -> None:
    settings = recovering()
    assert settings.account.region == "eu-central-1"
    assert settings.network.cidr == "10.43.0.0/16"
    assert settings.app.image == "111122223333.dkr.ecr.eu-central-1.amazonaws.com/marlinspike/app:0.1.0"


def test_without_that_setting_nothing_moves() -> None:
    settings = settings_of("prod")
    assert isinstance(settings, AwsSettings)
    assert settings_in_effect(settings) is settings


def faults_of(stack: str, config: dict[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        settings_of(stack, config)
    return refused.value.faults


def test_a_stack_never_moves_away_from_what_it_has() -> None:
    [fault] = faults_of("prod", recovery_file())
    assert "copy Pulumi.prod.yaml to Pulumi.prod-recovery.yaml" in fault


def test_a_copied_file_without_the_setting_is_refused() -> None:
    faults = faults_of("prod-recovery", stack_file("prod"))
    assert any(fault.startswith("recovery.restore_database_from: is missing") for fault in faults)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"region": "eu-west-3"}, "a second region must be another one"),
        ({"network_cidr": "10.42.0.0/17"}, "overlaps network.cidr 10.42.0.0/16"),
        ({"network_cidr": "10.40.0.0/16"}, "overlaps 10.40.0.0/16 of stack dev"),
    ],
)
def test_a_second_region_that_is_none_is_refused(changes: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        settings_with("prod", {f"recovery.{key}": value for key, value in changes.items()})


def test_a_backup_of_another_region_is_refused() -> None:
    config = recovery_file(restore_database_from=BACKUP.replace("eu-central-1", "eu-west-1"))
    assert "is not in region eu-central-1" in faults_of("prod-recovery", config)[0]


SECRET = {"secrets.payment-api": {"description": "Token of the payment provider"}}


def test_secrets_are_copied_to_the_second_region_with_a_key_that_lives_there() -> None:
    plan = planned_with("prod", SECRET)
    secret = plan.only("aws:secretsmanager/secret:Secret", "marlinspike-prod-payment-api").inputs
    assert secret["name"] == "marlinspike-prod/payment-api"
    assert secret["kmsKeyId"] == plan.key_arn
    [replica] = secret["replicas"]
    assert replica["region"] == "eu-central-1"
    assert replica["kmsKeyId"].endswith("marlinspike-prod-copies-key")
    key = plan.only("aws:kms/key:Key", "marlinspike-prod-copies-key")
    assert key.inputs["region"] == "eu-central-1"
    assert "logs.eu-central-1.amazonaws.com" in key.inputs["policy"]


def test_a_secret_has_no_value_in_the_plan() -> None:
    assert not planned_with("prod", SECRET).of("aws:secretsmanager/secretVersion:SecretVersion")


@pytest.mark.parametrize(("stack", "days"), [("dev", 0), ("prod", 30)])
def test_a_deleted_secret_comes_back_only_where_data_is_protected(stack: str, days: int) -> None:
    plan = planned_with(stack, SECRET)
    secret = plan.only("aws:secretsmanager/secret:Secret", f"marlinspike-{stack}-payment-api")
    assert (secret.inputs["recoveryWindowInDays"], secret.protect) == (days, days > 0)


@pytest.mark.parametrize("stack", ["dev", "staging"])
def test_without_a_second_region_nothing_is_registered_there(stack: str) -> None:
    assert {resource.inputs.get("region") for resource in planned(stack).resources} <= {None, "eu-west-3"}


# ---- the platform in the second region

DATABASE = "aws:rds/instance:Instance"


@cache
def recovered() -> Plan:
    return plan_of("prod-recovery", settings_of("prod-recovery", recovery_file()))


def test_the_database_is_made_from_the_copied_backup_and_stays_when_the_setting_goes() -> None:
    database = recovered().only(DATABASE)
    assert database.inputs["restoreToPointInTime"] == {
        "sourceDbInstanceAutomatedBackupsArn": BACKUP,
        "useLatestRestorableTime": True,
    }
    assert "restoreToPointInTime" in database.ignore_changes


def test_everything_is_made_in_the_second_region_and_nothing_is_copied_on() -> None:
    [provider] = [r for r in recovered().resources if r.type == "pulumi:providers:aws"]
    assert provider.inputs["region"] == "eu-central-1"
    zones = {subnet.inputs["availabilityZone"] for subnet in recovered().of("aws:ec2/subnet:Subnet")}
    assert zones == {f"eu-central-1{letter}" for letter in "abc"}
    copying = {copy.by for copy in COPIES.values()}
    assert {resource.type for resource in recovered().resources}.isdisjoint(copying)


def test_files_and_secrets_of_the_first_region_are_used_and_not_made_again() -> None:
    plan = plan_of("prod-recovery", settings_of("prod-recovery", recovery_file_with_access()))
    files = "marlinspike-prod-files-111122223333-eu-central-1"
    assert not [bucket.name for bucket in plan.of("aws:s3/bucket:Bucket") if "files" in bucket.name]
    policy = plan.only("aws:iam/rolePolicy:RolePolicy", "marlinspike-prod-recovery-app-policy").inputs["policy"]
    assert f"arn:aws:s3:::{files}/app/*" in policy
    assert "alias/marlinspike-prod-copies" in policy
    # The very bucket and key that prod makes there.
    assert files in {b.inputs.get("bucket") for b in planned("prod").of("aws:s3/bucket:Bucket")}
    assert "alias/marlinspike-prod-copies" in {a.inputs["name"] for a in planned("prod").of("aws:kms/alias:Alias")}
    assert not plan.of("aws:secretsmanager/secret:Secret")


def recovery_file_with_access() -> dict[str, Any]:
    config = recovery_file()
    config[f"{PROJECT}:storage"] = {**config.get(f"{PROJECT}:storage", {}), "application_access": True}
    config[f"{PROJECT}:secrets"] |= {"payment-api": {"description": "Token of the payment provider"}}
    return config


def test_the_name_fails_over_and_only_to_a_region_that_serves() -> None:
    first, second = planned("prod"), recovered()
    record = first.only("aws:route53/record:Record", "marlinspike-prod-edge-record").inputs
    assert record["failoverRoutingPolicies"] == [{"type": "PRIMARY"}]
    other = second.only("aws:route53/record:Record", "marlinspike-prod-recovery-edge-record")
    assert other.inputs["failoverRoutingPolicies"] == [{"type": "SECONDARY"}]
    serves = "kubernetes:apps/v1:Deployment"
    assert second.comes_before(second.only(serves).key, other.key)
    assert not first.comes_before(first.only(serves).key, "Record/marlinspike-prod-edge-record")


# ---- how long, and how much is lost


def test_what_is_lost_with_a_region_is_an_hour_at_most() -> None:
    types = {resource.type for stack in ("prod", "account") for resource in planned(stack).resources}
    lost = recovery_point_minutes(types)
    assert lost.keys() == COPIES.keys()
    assert max(lost.values()) <= 60


def test_a_kind_of_data_that_nothing_copies_is_lost_altogether() -> None:
    assert recovery_point_minutes([DATABASE]) == {DATABASE: float("inf")}


def test_the_whole_platform_is_back_within_four_hours_even_with_the_largest_database() -> None:
    settings = settings_of("prod")
    assert isinstance(settings, AwsSettings)
    chain = recovery_chain(resources_of(recovered()), settings.database.max_storage_gib)
    assert chain[-1].ready <= 4 * 3600, [f"{link.ready} s {link.key}" for link in chain]
    assert any(link.type == DATABASE for link in chain)  # what decides


def test_the_application_alone_is_back_within_an_hour_inside_its_region() -> None:
    assert critical_path(resources_without_data())[-1].ready <= 3600


def resources_without_data() -> list[Resource]:
    """What is made again when the cluster is lost and its data is not: everything of prod but what holds data."""
    there = ("aws:rds/", "aws:elasticache/", "aws:s3/", "aws:kms/", "aws:ec2/")
    return [each for each in resources_of(planned("prod")) if not each.type.startswith(there)]
