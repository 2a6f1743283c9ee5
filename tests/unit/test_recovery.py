"""The second region: what is refused, and what changes when a stack comes up there."""

from typing import Any

import pytest

from stacks.recovery import settings_in_effect
from stacks.settings import AwsSettings, SettingsError
from tests.unit.plan import PROJECT, plan_of, planned, planned_with, settings_of, settings_with, stack_file

BACKUP = "arn:aws:rds:eu-central-1:111122223333:auto-backup:ab-0123456789abcdef"


def recovery_file(**changes: Any) -> dict[str, Any]:
    """Pulumi.prod.yaml plus one setting."""
    config = stack_file("prod")
    config[f"{PROJECT}:recovery"] |= {"restore_database_from": BACKUP, **changes}
    return config


def recovering() -> AwsSettings:
    settings = settings_of("prod-recovery", recovery_file())
    assert isinstance(settings, AwsSettings)
    return settings_in_effect(settings)


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
    secret = plan.only("aws:secretsmanager/secret:Secret").inputs
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
    secret = planned_with(stack, SECRET).only("aws:secretsmanager/secret:Secret")
    assert (secret.inputs["recoveryWindowInDays"], secret.protect) == (days, days > 0)


@pytest.mark.parametrize("stack", ["dev", "staging"])
def test_without_a_second_region_nothing_is_registered_there(stack: str) -> None:
    assert {resource.inputs.get("region") for resource in planned(stack).resources} <= {None, "eu-west-3"}


def test_the_name_leads_to_the_second_region_once_the_application_runs_there() -> None:
    plan = plan_of("prod-recovery", settings_of("prod-recovery", recovery_file()))
    record = plan.only("aws:route53/record:Record")  # and no second one that proves the domain
    assert record.inputs["failoverRoutingPolicies"] == [{"type": "SECONDARY"}]
    assert plan.comes_before("Deployment/app-deployment", record.key)
