"""What the simulated AWS promises of alarms, budgets and AWS Backup, one sentence a test."""

from typing import Any

import grpc
import pytest

from tests.engine.plugin_client import Plugin, refusal

TOPIC = "aws:sns/topic:Topic"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
EVENTS = "aws:rds/eventSubscription:EventSubscription"
BUDGET = "aws:budgets/budget:Budget"
VAULT = "aws:backup/vault:Vault"
LOCK = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"
PLAN = "aws:backup/plan:Plan"
SELECTION = "aws:backup/selection:Selection"
TEST_PLAN = "aws:backup/restoreTestingPlan:RestoreTestingPlan"
TEST_SELECTION = "aws:backup/restoreTestingSelection:RestoreTestingSelection"

ROLE_ARN = "arn:aws:iam::111122223333:role/backup"
POINTS = {"algorithm": "LATEST_WITHIN_WINDOW", "includeVaults": ["*"], "recoveryPointTypes": ["SNAPSHOT"]}
METRIC: dict[str, Any] = {
    "comparisonOperator": "GreaterThanThreshold",
    "threshold": 1,
    "evaluationPeriods": 3,
    "namespace": "AWS/RDS",
    "metricName": "CPUUtilization",
    "statistic": "Average",
    "period": 300,
}


def plan_rule(vault: str, **more: Any) -> dict[str, Any]:
    return {"ruleName": "daily", "targetVaultName": vault, "schedule": "cron(0 5 * * ? *)", **more}


def test_a_topic_that_does_not_exist_has_no_subscriber(aws: Plugin) -> None:
    arn = aws.create(TOPIC, "alarms").outputs["arn"]
    made = aws.create(SUBSCRIPTION, "people", topic=arn, protocol="email", endpoint="a@example.com")
    assert (made.id.startswith(f"{arn}:"), made.outputs["pendingConfirmation"]) == (True, True)
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(SUBSCRIPTION, "nobody", topic=f"{arn}x", protocol="email", endpoint="a@example.com")
    assert "Topic does not exist" in refusal(refused)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"metricName": None, "metricQueries": []}, "Exactly one of MetricName and Metrics"),
        ({"period": 300, "evaluationPeriods": 289}, "more than a day"),
        (
            {"metricQueries": [{"id": "a", "expression": "b", "returnData": True}]},
            "Exactly one of MetricName and Metrics",
        ),
        ({"metricName": None, "metricQueries": [{"id": "a", "expression": "b"}]}, "should return data"),
    ],
)
def test_an_alarm_that_cloudwatch_does_not_take_is_refused(aws: Plugin, change: dict[str, Any], says: str) -> None:
    given = {name: value for name, value in {**METRIC, **change}.items() if value is not None}
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(ALARM, "cpu", **given)
    assert says in refusal(refused)


def test_an_alarm_changes_in_place(aws: Plugin) -> None:
    made = aws.create(ALARM, "cpu", **METRIC)
    assert made.outputs["arn"].startswith("arn:aws:cloudwatch:eu-west-3:111122223333:alarm:cpu-")
    assert list(aws.diff(made, threshold=2).replaces) == []


def test_events_come_from_databases_that_exist(aws: Plugin) -> None:
    arn = aws.create(TOPIC, "alarms").outputs["arn"]
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(EVENTS, "events", snsTopic=arn, sourceType="db-instance", sourceIds=["none"])
    assert "Could not find source none" in refusal(refused)


def test_a_budgets_notification_has_a_reader(aws: Plugin) -> None:
    notification = {
        "comparisonOperator": "GREATER_THAN",
        "notificationType": "ACTUAL",
        "threshold": 80,
        "thresholdType": "PERCENTAGE",
    }
    given = {"budgetType": "COST", "timeUnit": "MONTHLY", "limitAmount": "100", "limitUnit": "USD"}
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(BUDGET, "month", **given, notifications=[notification])
    assert "at least one subscriber" in refusal(refused)
    told = {**notification, "subscriberEmailAddresses": ["a@example.com"]}
    made = aws.create(BUDGET, "month", **given, notifications=[told])
    assert made.id == f"111122223333:{made.outputs['name']}"


def test_a_vaults_key_is_of_its_region(aws: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(VAULT, "copy", region="eu-central-1", kmsKeyArn="arn:aws:kms:eu-west-3:111122223333:key/1")
    assert "not in the region eu-central-1" in refusal(refused)
    made = aws.create(VAULT, "copy", region="eu-central-1", kmsKeyArn="arn:aws:kms:eu-central-1:111122223333:key/1")
    assert made.outputs["arn"].startswith("arn:aws:backup:eu-central-1:111122223333:backup-vault:copy-")


def test_a_vault_has_one_lock_which_every_change_replaces(aws: Plugin) -> None:
    vault = aws.create(VAULT, "v")
    lock = aws.create(LOCK, "l", backupVaultName=vault.id, minRetentionDays=7, maxRetentionDays=366)
    assert list(aws.diff(lock, maxRetentionDays=400).replaces) == ["maxRetentionDays"]
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(LOCK, "again", backupVaultName=vault.id, minRetentionDays=7)
    assert "already exists" in refusal(refused)


def test_a_lock_that_lets_nothing_pass_is_refused(aws: Plugin) -> None:
    vault = aws.create(VAULT, "v")
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(LOCK, "l", backupVaultName=vault.id, minRetentionDays=8, maxRetentionDays=7)
    assert "greater than min retention" in refusal(refused)


def test_a_plan_needs_its_vault_and_time_to_complete(aws: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(PLAN, "p", rules=[plan_rule("nowhere")])
    assert "Backup Vault with name nowhere does not exist" in refusal(refused)
    vault = aws.create(VAULT, "v")
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(PLAN, "p", rules=[plan_rule(vault.id, startWindow=60, completionWindow=90)])
    assert "at least 60 minutes" in refusal(refused)


def test_a_plan_goes_only_after_its_selections(aws: Plugin) -> None:
    vault = aws.create(VAULT, "v")
    made = aws.create(PLAN, "p", rules=[plan_rule(vault.id)])
    selected = aws.create(SELECTION, "s", planId=made.id, iamRoleArn=ROLE_ARN, resources=["arn:aws:rds:::db:a"])
    with pytest.raises(grpc.RpcError) as refused:
        aws.delete(made)
    assert "selections must be deleted prior" in refusal(refused)
    aws.delete(selected)
    aws.delete(made)


def test_a_restore_test_has_a_name_without_hyphens_and_goes_after_its_selections(aws: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(TEST_PLAN, "monthly", recoveryPointSelection=POINTS, scheduleExpression="cron(0 8 2 * ? *)")
    assert "only alphanumeric characters, and underscores" in refusal(refused)
    made = aws.create(
        TEST_PLAN, "monthly", name="monthly", recoveryPointSelection=POINTS, scheduleExpression="cron(0 8 2 * ? *)"
    )
    given = {"protectedResourceType": "RDS", "protectedResourceArns": ["*"], "iamRoleArn": ROLE_ARN}
    selected = aws.create(TEST_SELECTION, "s", name="s", restoreTestingPlanName="monthly", **given)
    with pytest.raises(grpc.RpcError) as refused:
        aws.delete(made)
    assert "must be deleted first" in refusal(refused)
    aws.delete(selected)
    aws.delete(made)
