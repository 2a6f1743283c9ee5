"""What the simulated RDS and ElastiCache refuse, replace and hinder, as AWS does; one sentence a test."""

import grpc
import pytest

from tests.engine.aws_plugin.resources import DATABASE, GROUP, INSTANCE, ROLE, TRUST, USER, network
from tests.engine.plugin_client import Made, Plugin, refusal

REPLICATION = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"
SERVERLESS = "aws:elasticache/serverlessCache:ServerlessCache"
USER_GROUP = "aws:elasticache/userGroup:UserGroup"
MONITORING = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
THERE = "eu-central-1"


def a_source(aws: Plugin) -> Made:
    return aws.create(INSTANCE, "source", **DATABASE, dbName="app", backupRetentionPeriod=7, kmsKeyId="arn:here")


def copies(aws: Plugin, source: Made, name: str = "copies", region: str = THERE) -> Made:
    arn = source.outputs["arn"]
    return aws.create(REPLICATION, name, sourceDbInstanceArn=arn, region=region, kmsKeyId="arn:there")


def test_enhanced_monitoring_needs_a_role_that_may_write(aws: Plugin) -> None:
    role = aws.create(ROLE, "monitoring", assumeRolePolicy=TRUST)
    watched = {**DATABASE, "monitoringInterval": 60}
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(INSTANCE, "db", **watched)
    assert "required together" in refusal(refused)
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(INSTANCE, "db", **watched, monitoringRoleArn=role.outputs["arn"])
    assert "ENHANCED_MONITORING" in refusal(refused)
    aws.create(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "attached", role=role.outputs["name"], policyArn=MONITORING
    )
    aws.create(INSTANCE, "db", **watched, monitoringRoleArn=role.outputs["arn"])


def test_advanced_insights_ask_for_fifteen_months(aws: Plugin) -> None:
    advanced = {**DATABASE, "databaseInsightsMode": "advanced", "performanceInsightsEnabled": True}
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(INSTANCE, "db", **advanced, performanceInsightsRetentionPeriod=7)
    assert "at least 465 days" in refusal(refused)
    made = aws.create(INSTANCE, "db", **DATABASE)
    assert aws.update(made, databaseInsightsMode="advanced", performanceInsightsRetentionPeriod=465)


def test_backups_are_copied_once_and_to_another_region_only(aws: Plugin) -> None:
    source = a_source(aws)
    made = copies(aws, source)
    assert made.id.startswith(f"arn:aws:rds:{THERE}:111122223333:auto-backup:ab-")
    with pytest.raises(grpc.RpcError) as refused:
        copies(aws, source, "again")
    assert "already replicating" in refusal(refused)
    with pytest.raises(grpc.RpcError) as refused:
        copies(aws, source, "here", "eu-west-3")
    assert "must be different" in refusal(refused)
    unsaved = aws.create(INSTANCE, "unsaved", **DATABASE)
    with pytest.raises(grpc.RpcError) as refused:
        copies(aws, unsaved, "unsaved-copies")
    assert "backups are not enabled" in refusal(refused)


@pytest.mark.parametrize("changed", [{"retentionPeriod": 14}, {"kmsKeyId": "arn:other"}, {"region": "eu-west-1"}])
def test_a_change_of_the_copies_starts_them_anew(aws: Plugin, changed: dict[str, object]) -> None:
    source = a_source(aws)
    assert list(aws.diff(copies(aws, source), **changed).replaces) == list(changed)


def test_an_instance_is_made_from_copies_in_their_region_and_keeps_what_they_decide(aws: Plugin) -> None:
    source = a_source(aws)
    arn = copies(aws, source).id
    restored = {
        "engine": "postgres",
        "instanceClass": "db.t4g.medium",
        "skipFinalSnapshot": True,
        "restoreToPointInTime": {"sourceDbInstanceAutomatedBackupsArn": arn, "useLatestRestorableTime": True},
    }
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(INSTANCE, "restored", **restored)
    assert "not found in eu-west-3" in refusal(refused)
    made = aws.create(INSTANCE, "restored", **restored, region=THERE)
    assert {name: made.outputs[name] for name in ("dbName", "username", "allocatedStorage", "kmsKeyId")} == {
        "dbName": "app",
        "username": "master",
        "allocatedStorage": 20,
        "kmsKeyId": "arn:there",
    }
    # Said again later, the same is no change and another key would be a replacement.
    assert list(aws.diff(made, username="master", dbName="app", allocatedStorage=20).replaces) == []
    assert list(aws.diff(made, kmsKeyId="arn:here").replaces) == ["kmsKeyId"]


def some_users(aws: Plugin) -> Made:
    user = aws.create(USER, "user", userId="app", userName="app", engine="valkey", accessString="on ~* +@all")
    return aws.create(USER_GROUP, "users", userGroupId="users", engine="valkey", userIds=[user.id])


def serverless(aws: Plugin, users: Made, **more: object) -> Made:
    return aws.create(SERVERLESS, "cache", name="Quotes", engine="valkey", userGroupId=users.id, **more)


def test_a_serverless_cache_has_one_address_with_a_port_for_readers(aws: Plugin) -> None:
    users = some_users(aws)
    made = serverless(aws, users, cacheUsageLimits={"dataStorage": {"maximum": 5, "unit": "GB"}})
    assert made.outputs["arn"] == "arn:aws:elasticache:eu-west-3:111122223333:serverlesscache:quotes"
    [endpoint], [reader] = made.outputs["endpoints"], made.outputs["readerEndpoints"]
    assert (endpoint["port"], reader["port"]) == (6379, 6380)
    assert endpoint["address"].startswith("quotes-")
    assert ".serverless.euw3.cache.amazonaws.com" in endpoint["address"]
    assert not aws.diff(made, cacheUsageLimits={"dataStorage": {"maximum": 9, "unit": "GB"}}).replaces
    assert list(aws.diff(made, kmsKeyId="arn:key").replaces) == ["kmsKeyId"]


def test_a_serverless_cache_without_its_users_is_refused_and_they_stay_as_long_as_it_does(aws: Plugin) -> None:
    users = some_users(aws)
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(SERVERLESS, "cache", name="quotes", engine="valkey", userGroupId="nobody")
    assert "UserGroupNotFound" in refusal(refused)
    vpc, subnets = network(aws)
    group = aws.create(GROUP, "fence", vpcId=vpc.id, description="fence")
    made = serverless(aws, users, subnetIds=[each.id for each in subnets], securityGroupIds=[group.id])
    for needed in (users, group, subnets[0]):
        with pytest.raises(grpc.RpcError):
            aws.delete(needed)
    aws.delete(made)
    aws.delete(group)


def test_limits_that_contradict_each_other_are_refused(aws: Plugin) -> None:
    users = some_users(aws)
    with pytest.raises(grpc.RpcError) as refused:
        serverless(aws, users, cacheUsageLimits={"ecpuPerSeconds": [{"minimum": 5000, "maximum": 1000}]})
    assert "above its maximum" in refusal(refused)
