"""The database: reached by its clients only, encrypted, entered without a password, and never lost by a changed setting."""

import json
from typing import Any

import pytest
from pulumi import Output
from pydantic import ValidationError

from infra.database import Database, DatabaseSettings
from infra.fence import DataNetwork
from infra.parameters import DECIDED
from infra.recovery import SecondRegion
from infra.windows import overlap
from stacks.settings import SettingsError
from tests.unit.plan import (
    AWS_STACKS,
    Plan,
    Registered,
    plan_of_program,
    planned,
    planned_with,
    settings_with,
)

INSTANCE = "aws:rds/instance:Instance"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
PARAMETER_GROUP = "aws:rds/parameterGroup:ParameterGroup"
REPLICATION = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"
COPIES = "arn:aws:rds:eu-central-1:111122223333:auto-backup:ab-l2ijcexjp7xq7hoj4siexample"


def parameters(plan: Plan) -> dict[str, dict[str, str]]:
    """By name: value and apply method."""
    return {p["name"]: p for p in plan.only(PARAMETER_GROUP).inputs["parameters"]}


def alone(**arguments: Any) -> Plan:
    """The component by itself, with arguments that no stack gives it yet."""

    def register() -> dict[str, Any]:
        network = DataNetwork("vpc-1", [Output.from_input("subnet-1")], {"cluster": "sg-cluster"})
        database = Database("data", DatabaseSettings(), network, "arn:key", protect=True, **arguments)
        return {"copies": database.copies_arn}

    return plan_of_program("prod", register)


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_its_disk_its_insights_its_secret_and_its_logs_are_encrypted_with_the_platforms_key(stack: str) -> None:
    plan = planned(stack)
    found = plan.only(INSTANCE).inputs
    assert found["storageEncrypted"] is True
    keys = [found[key] for key in ("kmsKeyId", "performanceInsightsKmsKeyId", "masterUserSecretKmsKeyId")]
    groups = [group for group in plan.of("aws:cloudwatch/logGroup:LogGroup") if "-database-" in group.name]
    keys += [group.inputs["kmsKeyId"] for group in groups]
    assert keys == [plan.key_arn] * 5


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_nobody_connects_without_tls_and_every_login_is_logged(stack: str) -> None:
    found = parameters(planned(stack))
    assert found["rds.force_ssl"]["value"] == "1"
    # PostgreSQL 18 on RDS takes words here, and no longer 1.
    assert found["log_connections"]["value"] == "authorization"
    assert found["log_statement"]["value"] == "ddl"


def test_parameters_that_need_a_restart_wait_for_one() -> None:
    own = {"shared_buffers": "{DBInstanceClassMemory/32768}", "work_mem": "8192", "rds.logical_replication": "1"}
    found = parameters(planned_with("prod", {"database.parameters": own}))
    assert {name for name, each in found.items() if each["applyMethod"] == "pending-reboot"} == {
        "rds.force_ssl",
        "shared_preload_libraries",
        "max_connections",
        "shared_buffers",
        "rds.logical_replication",
    }
    assert found["work_mem"] == {"name": "work_mem", "value": "8192", "applyMethod": "immediate"}
    assert found["shared_buffers"]["value"] == own["shared_buffers"]


def test_what_the_platform_sets_is_what_a_stack_cannot() -> None:
    assert parameters(planned("prod")).keys() == DECIDED.keys()


def test_extensions_are_the_bootstrap_jobs_business() -> None:
    def told(plan: Plan) -> dict[str, str]:
        [job] = [job for job in plan.of("kubernetes:batch/v1:Job") if job.name == "database-bootstrap"]
        return {e["name"]: e["value"] for e in job.inputs["spec"]["template"]["spec"]["containers"][0]["env"]}

    asked = planned_with("prod", {"database.extensions": ["pg_trgm", "unaccent"]})
    assert told(asked)["DATABASE_EXTENSIONS"] == "pg_trgm,unaccent"
    assert "DATABASE_EXTENSIONS" not in told(planned("prod"))


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_log_groups_are_there_before_the_service_that_would_make_its_own(stack: str) -> None:
    plan = planned(stack)
    instance = plan.only(INSTANCE)
    for log in ("postgresql", "upgrade"):
        group = plan.only("aws:cloudwatch/logGroup:LogGroup", f"marlinspike-{stack}-database-{log}")
        assert group.inputs["name"] == f"/aws/rds/instance/{instance.inputs['identifier']}/{log}"
        assert plan.comes_before(group.key, instance.key)


def test_what_outlives_a_deletion_does_not_hang_on_the_protection_against_it() -> None:
    found = planned_with("prod", {"protection.enabled": False}).only(INSTANCE)
    assert (found.protect, found.inputs["deletionProtection"]) == (False, False)
    assert (found.inputs["skipFinalSnapshot"], found.inputs["deleteAutomatedBackups"]) == (False, False)


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_master_password_is_rds_own_business(stack: str) -> None:
    database = planned(stack).only(INSTANCE).inputs
    assert database["manageMasterUserPassword"] is True
    assert database["iamDatabaseAuthenticationEnabled"] is True
    assert "password" not in database


@pytest.mark.parametrize(
    ("stack", "multi_az", "days", "protected"),
    [("dev", False, 3, False), ("staging", True, 7, False), ("prod", True, 35, True)],
)
def test_the_database_of_each_environment_is_as_available_and_protected_as_promised(
    stack: str, multi_az: bool, days: int, protected: bool
) -> None:
    found = planned(stack).only(INSTANCE)
    assert (found.inputs["multiAz"], found.inputs["backupRetentionPeriod"]) == (multi_az, days)
    assert (found.protect, found.inputs["deletionProtection"]) == (protected, protected)
    assert found.inputs["skipFinalSnapshot"] is not protected
    assert ("finalSnapshotIdentifier" in found.inputs) is protected


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_disk_grows_by_itself_up_to_a_bound(stack: str) -> None:
    found = planned(stack).only(INSTANCE).inputs
    assert found["maxAllocatedStorage"] >= 2 * found["allocatedStorage"]


@pytest.mark.parametrize(("stack", "seconds"), [("dev", 0), ("staging", 60), ("prod", 60)])
def test_the_operating_systems_figures_come_with_a_role_that_may_write_them(stack: str, seconds: int) -> None:
    plan = planned(stack)
    instance = plan.only(INSTANCE)
    assert instance.inputs["monitoringInterval"] == seconds
    assert ("monitoringRoleArn" in instance.inputs) is (seconds > 0)
    if seconds:
        name = f"marlinspike-{stack}-database-monitoring"
        role = plan.only("aws:iam/role:Role", name)
        assert "monitoring.rds.amazonaws.com" in role.inputs["assumeRolePolicy"]
        # RDS asks for the role's rights when it makes the instance.
        assert plan.comes_before(f"RolePolicyAttachment/{name}", instance.key)


@pytest.mark.parametrize(("mode", "days"), [("standard", 7), ("advanced", 465)])
def test_insights_are_kept_as_long_as_their_mode_asks_for(mode: str, days: int) -> None:
    found = planned_with("prod", {"database.insights": mode}).only(INSTANCE).inputs
    assert (found["databaseInsightsMode"], found["performanceInsightsRetentionPeriod"]) == (mode, days)


def test_only_the_bootstrap_and_a_restore_may_read_the_master_secret() -> None:
    secrets = {
        policy.name: [
            secret
            for statement in json.loads(policy.inputs["policy"])["Statement"]
            if "secretsmanager:GetSecretValue" in statement["Action"]
            for secret in statement["Resource"]
        ]
        for policy in planned("prod").of("aws:iam/rolePolicy:RolePolicy")
    }
    master = ["arn:aws:secretsmanager:eu-west-3:111122223333:secret:rds-TEST"]
    assert {name: found for name, found in secrets.items() if found} == {
        "marlinspike-prod-database-bootstrap-policy": master,
        "marlinspike-prod-database-restore-policy": master,
        # What stands under the stack's own name; RDS' begin with `rds!`.
        "marlinspike-prod-external-secrets-policy": [
            "arn:aws:secretsmanager:eu-west-3:111122223333:secret:marlinspike-prod/*"
        ],
    }


def test_the_application_may_log_in_and_nothing_else() -> None:
    policy = json.loads(
        planned("prod").only("aws:iam/rolePolicy:RolePolicy", "marlinspike-prod-app-policy").inputs["policy"]
    )
    assert {action for s in policy["Statement"] for action in s["Action"]} == {"rds-db:connect", "elasticache:Connect"}
    assert not any("*" in resource for s in policy["Statement"] for resource in s["Resource"])


# ---- another region


def test_backups_are_copied_to_another_region_with_a_key_of_that_region() -> None:
    plan = alone(copies=SecondRegion("eu-central-1", "arn:key-there"))
    instance, copies = plan.only(INSTANCE), plan.only(REPLICATION)
    assert copies.inputs == {
        "sourceDbInstanceArn": "arn:aws:test:eu-west-3:111122223333:data-instance",
        "region": "eu-central-1",
        "kmsKeyId": "arn:key-there",
        "retentionPeriod": 7,
    }
    assert plan.comes_before(instance.key, copies.key)
    assert copies.delete_before_replace  # RDS refuses a second replication to the same region
    assert alone().of(REPLICATION) == []


def test_an_instance_made_from_copies_is_given_nothing_that_the_copies_decide() -> None:
    restored: Registered = alone(restore_from=COPIES).only(INSTANCE)
    assert restored.inputs["restoreToPointInTime"] == {
        "sourceDbInstanceAutomatedBackupsArn": COPIES,
        "useLatestRestorableTime": True,
    }
    made = alone().only(INSTANCE)
    assert made.inputs.keys() - restored.inputs.keys() == {"allocatedStorage", "kmsKeyId", "dbName", "username"}
    # RDS turns the copied password into a managed one.
    assert restored.inputs["manageMasterUserPassword"] is True


def test_where_an_instance_came_from_never_replaces_it_afterwards() -> None:
    for found in (alone(restore_from=COPIES), alone()):
        assert set(found.only(INSTANCE).ignore_changes) == {"restoreToPointInTime", "kmsKeyId"}


# ---- refusals


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"instance_class": "db.m3.huge"}, "is not known; choose one of db.t4g.micro"),
        ({"instance_class": "db.t4g.micro", "max_connections": 400}, "at most 101"),
        ({"storage_gib": 100, "max_storage_gib": 105}, "at least 10 % more"),
        ({"backup_days": 0}, "greater than or equal to 1"),
        ({"backup_days": 36}, "less than or equal to 35"),
        ({"databse": "app"}, "Extra inputs are not permitted"),
        ({"monitoring_seconds": 20}, "Input should be 0, 1, 5, 10, 15, 30 or 60"),
        ({"insights": "basic"}, "'standard' or 'advanced'"),
        ({"backup_window": "1:30-2:30"}, "should match pattern"),
        ({"maintenance_window": "sunday:03:00-sunday:04:00"}, "should match pattern"),
        ({"backup_window": "01:30-01:45"}, "backup_window is 15 minutes long; AWS asks for at least 30"),
        ({"maintenance_window": "sun:03:00-sun:03:10"}, "maintenance_window is 10 minutes long"),
        ({"backup_window": "03:30-04:30"}, "overlaps backup_window 03:30-04:30, which RDS refuses; move one"),
        ({"parameters": {"Work Mem": "1"}}, "should match pattern"),
        ({"parameters": {"work_mem": 8192}}, "should be a valid string"),
        ({"parameters": {"max_connections": "9"}}, r"decides max_connections \(set database.max_connections\); remove"),
        ({"parameters": {"shared_preload_libraries": "pg_cron"}}, "it loads pg_stat_statements and nothing else"),
        ({"extensions": ["pg_cron"]}, "Input should be 'amcheck'"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_reason(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        DatabaseSettings(**wrong)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("blue_green_updates", True, "follow docs/procedures/major-database-upgrade.md"),
        ("read_replicas", 1, "let the cache answer what is read often"),
        ("multi_az_cluster", True, "multi_az gives the instance a standby"),
    ],
)
def test_what_rds_does_not_combine_is_refused_with_the_reason_and_a_way_out(key: str, value: object, says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings_with("prod", {f"database.{key}": value, "database.backup_days": 90})
    [reason] = [fault for fault in refused.value.faults if fault.startswith(f"database.{key}: ")]
    assert says in reason
    assert len(refused.value.faults) == 2


@pytest.mark.parametrize(
    ("each_day", "each_week", "touches"),
    [
        ("01:30-02:30", "sun:03:00-sun:04:00", False),
        ("02:00-03:00", "sun:03:00-sun:04:00", False),
        ("02:00-03:01", "sun:03:00-sun:04:00", True),
        ("03:10-03:40", "sun:03:00-sun:04:00", True),
        ("23:30-00:30", "mon:00:00-mon:01:00", True),
        ("23:30-00:30", "sun:23:00-mon:00:00", True),
        ("00:30-01:00", "sun:23:30-mon:00:30", False),
        ("12:00-12:30", "sun:23:30-sat:00:30", True),
    ],
)
def test_windows_overlap_over_midnight_and_over_the_weeks_end_too(each_day: str, each_week: str, touches: bool) -> None:
    assert overlap(each_day, each_week) is touches
