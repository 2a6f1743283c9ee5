"""Database and cache: reached by their clients only, encrypted, and entered without a password."""

import json

import pytest
from pydantic import ValidationError

from infra.cache import CacheSettings
from infra.database import DatabaseSettings
from tests.unit.plan import AWS_STACKS, plan_of, planned, settings_of, stack_file

INSTANCE = "aws:rds/instance:Instance"
REPLICATION_GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
PARAMETER_GROUP = "aws:rds/parameterGroup:ParameterGroup"


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_disks_of_both_are_encrypted_with_the_platforms_key(stack: str) -> None:
    plan = planned(stack)
    database, cache = plan.only(INSTANCE).inputs, plan.only(REPLICATION_GROUP).inputs
    assert (database["storageEncrypted"], cache["atRestEncryptionEnabled"]) == (True, True)
    assert (database["kmsKeyId"], cache["kmsKeyId"]) == (plan.key_arn, plan.key_arn)


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_nobody_connects_to_either_without_tls(stack: str) -> None:
    plan = planned(stack)
    parameters = {p["name"]: p["value"] for p in plan.only(PARAMETER_GROUP).inputs["parameters"]}
    assert parameters["rds.force_ssl"] == "1"
    assert plan.only(REPLICATION_GROUP).inputs["transitEncryptionMode"] == "required"


def test_parameters_that_need_a_restart_wait_for_one() -> None:
    methods = {p["name"]: p["applyMethod"] for p in planned("prod").only(PARAMETER_GROUP).inputs["parameters"]}
    assert methods["shared_preload_libraries"] == "pending-reboot"
    assert methods["max_connections"] == "pending-reboot"
    assert methods["log_min_duration_statement"] == "immediate"


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_log_groups_are_there_before_the_services_that_would_make_their_own(stack: str) -> None:
    plan = planned(stack)
    instance = plan.only(INSTANCE)
    for log in ("postgresql", "upgrade"):
        group = plan.only("aws:cloudwatch/logGroup:LogGroup", f"marlinspike-{stack}-database-{log}")
        assert group.inputs["name"] == f"/aws/rds/instance/{instance.inputs['identifier']}/{log}"
        assert plan.comes_before(group.key, instance.key)


def test_what_outlives_a_deletion_does_not_hang_on_the_protection_against_it() -> None:
    config = stack_file("prod")
    config["marlinspike:protection"] = {"enabled": False}
    opened = plan_of("prod", settings_of("prod", config))
    found = opened.only(INSTANCE)
    assert (found.protect, found.inputs["deletionProtection"]) == (False, False)
    assert (found.inputs["skipFinalSnapshot"], found.inputs["deleteAutomatedBackups"]) == (False, False)
    assert "finalSnapshotIdentifier" in opened.only(REPLICATION_GROUP).inputs


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_master_password_is_rds_own_business(stack: str) -> None:
    database = planned(stack).only(INSTANCE).inputs
    assert database["manageMasterUserPassword"] is True
    assert database["iamDatabaseAuthenticationEnabled"] is True
    assert "password" not in database


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_cache_is_entered_with_iam_tokens(stack: str) -> None:
    user = planned(stack).only("aws:elasticache/user:User").inputs
    assert user["authenticationMode"] == {"type": "iam"}
    assert user["userId"] == user["userName"]
    assert "-@dangerous" in user["accessString"]


def test_only_the_clusters_security_group_is_let_in() -> None:
    rules = planned("prod").of(INGRESS_RULE)
    assert {(rule.inputs["fromPort"], rule.inputs["toPort"]) for rule in rules} == {(5432, 5432), (6379, 6379)}
    assert {rule.inputs["referencedSecurityGroupId"] for rule in rules} == {"sg-cluster"}
    assert not any("cidrIpv4" in rule.inputs for rule in rules)


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


@pytest.mark.parametrize(("stack", "nodes", "fails_over"), [("dev", 1, False), ("staging", 2, True), ("prod", 3, True)])
def test_the_cache_fails_over_where_it_has_somebody_to_fail_over_to(stack: str, nodes: int, fails_over: bool) -> None:
    cache = planned(stack).only(REPLICATION_GROUP).inputs
    assert cache["numCacheClusters"] == nodes
    assert (cache["automaticFailoverEnabled"], cache["multiAzEnabled"]) == (fails_over, fails_over)


def test_prod_keeps_seven_days_of_cache_snapshots() -> None:
    assert planned("prod").only(REPLICATION_GROUP).inputs["snapshotRetentionLimit"] == 7


def test_the_application_may_log_in_and_nothing_else() -> None:
    policy = json.loads(
        planned("prod").only("aws:iam/rolePolicy:RolePolicy", "marlinspike-prod-app-policy").inputs["policy"]
    )
    assert {action for s in policy["Statement"] for action in s["Action"]} == {"rds-db:connect", "elasticache:Connect"}
    assert not any("*" in resource for s in policy["Statement"] for resource in s["Resource"])


def test_only_the_bootstrap_job_may_read_the_master_secret() -> None:
    readers = [
        policy.name
        for policy in planned("prod").of("aws:iam/rolePolicy:RolePolicy")
        if "secretsmanager:GetSecretValue" in policy.inputs["policy"]
    ]
    assert readers == ["marlinspike-prod-database-bootstrap-policy"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"instance_class": "db.m3.huge"}, "is not known; choose one of db.t4g.micro"),
        ({"instance_class": "db.t4g.micro", "max_connections": 400}, "at most 101"),
        ({"storage_gib": 100, "max_storage_gib": 105}, "at least 10 % more"),
        ({"backup_days": 0}, "greater than or equal to 1"),
        ({"backup_days": 36}, "less than or equal to 35"),
        ({"databse": "app"}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_database_setting_is_refused_with_its_reason(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        DatabaseSettings(**wrong)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"nodes": 0}, "greater than or equal to 1"),
        ({"node_type": "cache.m3.large"}, "Input should be"),
        ({"snapshot_days": 36}, "less than or equal"),
    ],
)
def test_a_wrong_cache_setting_is_refused_with_its_reason(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        CacheSettings(**wrong)
