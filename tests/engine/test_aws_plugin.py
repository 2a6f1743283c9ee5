"""What the simulated AWS promises, one sentence a test; the plugin runs as a process, the tests speak the engine's protocol."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from rehearsal.plugins.aws import deletion, replacement
from rehearsal.plugins.aws.types import resource_type, type_tokens
from rehearsal.plugins.wire import UNKNOWN, Secret, plain
from tests.engine.plugin_client import Made, Plugin, Refused, cloud_files, refusal

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
INSTANCE = "aws:rds/instance:Instance"
SUBNET_GROUP = "aws:rds/subnetGroup:SubnetGroup"
ROLE = "aws:iam/role:Role"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
CACHE = "aws:elasticache/replicationGroup:ReplicationGroup"
USER = "aws:elasticache/user:User"
CLUSTER = "aws:eks/cluster:Cluster"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
RESERVATION = "aws:ec2/subnetCidrReservation:SubnetCidrReservation"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
ACCESS = "aws:eks/accessEntry:AccessEntry"
ACCESS_POLICY = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"

DATABASE: dict[str, Any] = {
    "engine": "postgres",
    "engineVersion": "18",
    "instanceClass": "db.t4g.medium",
    "allocatedStorage": 20,
    "username": "master",
    "skipFinalSnapshot": True,
}
CONFIGURATION = {"region": "eu-west-3", "defaultTags": '{"tags":{"project":"marlinspike","owner":"default"}}'}
TRUST = '{"Version":"2012-10-17","Statement":[]}'


@pytest.fixture
def rehearsal(running_aws: tuple[Plugin, Path]) -> Path:
    """The folder of a rehearsal whose account is empty."""
    shutil.rmtree(running_aws[1] / "cloud", ignore_errors=True)
    return running_aws[1]


@pytest.fixture
def aws(running_aws: tuple[Plugin, Path], rehearsal: Path) -> Plugin:
    """A configured plugin on an empty account; one process serves all tests, for it keeps nothing but its configuration."""
    assert not cloud_files(rehearsal)
    running_aws[0].configure(**CONFIGURATION)
    return running_aws[0]


def configured(rehearsal: Path, **environment: str) -> Plugin:
    plugin = Plugin("aws", {"MARLINSPIKE_REHEARSAL": str(rehearsal), **environment})
    plugin.configure(**CONFIGURATION)
    return plugin


def faulty(tmp_path: Path, **fault: Any) -> dict[str, str]:
    file = tmp_path / "faults.json"
    file.write_text(json.dumps([{"type": "*", "name": "*", "operation": "create", **fault}]))
    return {"MARLINSPIKE_FAULTS": str(file)}


def network(aws: Plugin, zones: str = "ab") -> tuple[Made, list[Made]]:
    vpc = aws.create(VPC, "vpc", cidrBlock="10.0.0.0/16")
    subnets = [
        aws.create(SUBNET, f"subnet-{z}", vpcId=vpc.id, cidrBlock=f"10.0.{i}.0/24", availabilityZone=f"eu-west-3{z}")
        for i, z in enumerate(zones)
    ]
    return vpc, subnets


def cluster(aws: Plugin, subnets: list[Made], **more: Any) -> Made:
    role = aws.create(ROLE, "cluster-role", assumeRolePolicy=TRUST)
    return aws.create(
        CLUSTER,
        "cluster",
        name="test",
        roleArn=role.outputs["arn"],
        vpcConfig={"subnetIds": [each.id for each in subnets]},
        accessConfig={"authenticationMode": "API"},
        **more,
    )


# ---- strictness


def test_a_property_that_the_real_type_does_not_have_is_refused_with_what_is_allowed(aws: Plugin) -> None:
    with pytest.raises(Refused) as refused:
        aws.check(SUBNET, "subnet", {"vpcId": "vpc-1", "cidrBlok": "10.0.0.0/24"})
    assert list(refused.value.failures) == ["cidrBlok"]
    assert "did you mean 'cidrBlock'?" in refused.value.failures["cidrBlok"]
    assert "availabilityZone" in refused.value.failures["cidrBlok"]


def test_an_unknown_property_deep_inside_an_object_is_refused_with_its_path(aws: Plugin) -> None:
    with pytest.raises(Refused) as refused:
        aws.check(TEMPLATE, "t", {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"volumeTyp": "gp3"}}]})
    assert list(refused.value.failures) == ["blockDeviceMappings[0].ebs.volumeTyp"]


def test_a_missing_required_property_is_refused(aws: Plugin) -> None:
    with pytest.raises(Refused, match="missing required property 'vpcId'"):
        aws.check(SUBNET, "subnet", {"cidrBlock": "10.0.0.0/24"})


@pytest.mark.parametrize(
    ("token", "inputs", "path", "says"),
    [
        (VPC, {"cidrBlock": 10}, "cidrBlock", "must be a string, but is the number 10"),
        (VPC, {"enableDnsSupport": "yes"}, "enableDnsSupport", "must be true or false, but is the string 'yes'"),
        (INSTANCE, {**DATABASE, "allocatedStorage": 20.5}, "allocatedStorage", "must be a whole number"),
        (INSTANCE, {**DATABASE, "vpcSecurityGroupIds": "sg-1"}, "vpcSecurityGroupIds", "must be a list"),
        (CLUSTER, {"roleArn": "r", "vpcConfig": {"subnetIds": ["s", 3]}}, "vpcConfig.subnetIds[1]", "must be a string"),
        (VPC, {"tags": {"a": {"b": "c"}}}, "tags.a", "must be a string, but is an object"),
    ],
)
def test_a_wrong_type_is_refused_where_it_stands(
    aws: Plugin, token: str, inputs: dict[str, Any], path: str, says: str
) -> None:
    with pytest.raises(Refused) as refused:
        aws.check(token, "x", inputs)
    assert list(refused.value.failures) == [path]
    assert says in refused.value.failures[path]


def test_a_refusal_never_shows_a_secret(aws: Plugin) -> None:
    with pytest.raises(Refused) as refused:
        aws.check(INSTANCE, "db", {**DATABASE, "port": Secret("hunter2")})
    assert "port" in refused.value.failures
    assert "hunter2" not in str(refused.value)


def test_an_unknown_resource_type_is_refused(aws: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        aws.check("aws:ec2/vpd:Vpd", "x", {})
    assert "pulumi-aws has no resource type aws:ec2/vpd:Vpd" in refusal(refused)


def test_a_function_that_the_sdk_does_not_have_and_one_that_is_not_simulated_are_told_apart(aws: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as unknown:
        aws.invoke("aws:index/getCallerIdentitee:getCallerIdentitee")
    assert "pulumi-aws has no function" in refusal(unknown)
    with pytest.raises(grpc.RpcError) as missing:
        aws.invoke("aws:ec2/getAmi:getAmi", owners=["amazon"])
    assert "add it to rehearsal/plugins/aws/functions.py" in refusal(missing)


def test_a_wrong_argument_of_a_function_is_refused(aws: Plugin) -> None:
    with pytest.raises(Refused, match="has no property 'stat'"):
        aws.invoke("aws:index/getAvailabilityZones:getAvailabilityZones", stat="available")


def test_a_wrong_provider_configuration_is_refused(rehearsal: Path) -> None:
    with Plugin("aws", {"MARLINSPIKE_REHEARSAL": str(rehearsal)}) as plugin:
        with pytest.raises(Refused, match="did you mean 'region'"):
            plugin.configure(regoin="eu-west-3")
        with pytest.raises(Refused, match="has no property 'tag'"):
            plugin.configure(region="eu-west-3", defaultTags='{"tag":{}}')


def test_every_type_of_the_sdk_can_be_checked(aws: Plugin) -> None:
    """Nothing in the SDK's generated code surprises the checker: a sample of every fortieth type."""
    for token in type_tokens()[::40]:
        with pytest.raises(Refused) as refused:
            aws.check(token, "x", {"noSuchProperty": 1})
        assert "noSuchProperty" in refused.value.failures, token


# ---- the account


def test_another_account_than_the_simulated_one_is_refused(rehearsal: Path) -> None:
    with Plugin("aws", {"MARLINSPIKE_REHEARSAL": str(rehearsal)}) as plugin:
        with pytest.raises(grpc.RpcError) as refused:
            plugin.configure(region="eu-west-3", allowedAccountIds='["999999999999"]')
        assert "AWS account ID not allowed: 111122223333" in refusal(refused)
        plugin.configure(region="eu-west-3", allowedAccountIds='["111122223333"]')


def test_a_missing_region_is_named(rehearsal: Path) -> None:
    environment = {"MARLINSPIKE_REHEARSAL": str(rehearsal), "AWS_REGION": "", "AWS_DEFAULT_REGION": ""}
    with Plugin("aws", environment) as plugin, pytest.raises(grpc.RpcError) as refused:
        plugin.configure()
    assert "Missing region" in refusal(refused)


def test_without_a_rehearsal_the_plugin_says_what_to_do() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MARLINSPIKE_REHEARSAL"}
    run = subprocess.run(
        [sys.executable, "-m", "rehearsal.plugins.aws"], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "make rehearse" in run.stderr


def test_default_tags_are_under_the_resources_own(aws: Plugin) -> None:
    vpc = aws.create(VPC, "vpc", cidrBlock="10.0.0.0/16", tags={"Name": "net", "owner": "me"})
    assert vpc.outputs["tagsAll"] == {"project": "marlinspike", "owner": "me", "Name": "net"}
    assert vpc.outputs["tags"] == {"Name": "net", "owner": "me"}
    assert vpc.outputs["region"] == "eu-west-3"


def test_changed_default_tags_are_a_difference_of_every_resource(aws: Plugin) -> None:
    vpc = aws.create(VPC, "vpc", cidrBlock="10.0.0.0/16")
    aws.configure(region="eu-west-3", defaultTags='{"tags":{"project":"other"}}')
    assert dict(aws.diff(vpc).detailedDiff).keys() == {"tagsAll"}
    assert aws.update(vpc).outputs["tagsAll"] == {"project": "other"}


def test_a_preview_leaves_unknown_what_aws_decides_and_knows_the_rest(aws: Plugin) -> None:
    planned = aws.preview(VPC, "vpc", cidrBlock="10.0.0.0/16")
    assert planned["cidrBlock"] == "10.0.0.0/16"
    assert planned["tagsAll"] == {"project": "marlinspike", "owner": "default"}
    assert planned["enableDnsSupport"] is True, "a documented default is known"
    assert {planned["arn"], planned["mainRouteTableId"], planned["defaultSecurityGroupId"]} == {UNKNOWN}


def test_a_preview_leaves_unknown_what_aws_adds_inside_an_object(aws: Plugin) -> None:
    planned = aws.preview(CLUSTER, "c", roleArn=UNKNOWN, vpcConfig={"subnetIds": [UNKNOWN]})
    assert planned["vpcConfig"]["clusterSecurityGroupId"] is UNKNOWN
    assert planned["roleArn"] is UNKNOWN


def test_nothing_is_made_by_a_preview(aws: Plugin, rehearsal: Path) -> None:
    aws.preview(VPC, "vpc", cidrBlock="10.0.0.0/16")
    assert cloud_files(rehearsal) == []


def test_computed_outputs_are_the_same_in_every_new_account(tmp_path: Path) -> None:
    found = []
    for each in ("one", "two"):
        with configured(tmp_path / each) as plugin:
            found.append(plugin.create(VPC, "vpc", cidrBlock="10.0.0.0/16"))
    assert found[0] == found[1]


def test_an_id_is_never_given_twice(aws: Plugin) -> None:
    first = aws.create(VPC, "vpc", cidrBlock="10.0.0.0/16")
    aws.delete(first)
    assert aws.create(VPC, "vpc", cidrBlock="10.0.0.0/16").id != first.id


def test_ids_arns_and_addresses_have_aws_own_forms(aws: Plugin) -> None:
    vpc, subnets = network(aws)
    group = aws.create(SUBNET_GROUP, "db", subnetIds=[each.id for each in subnets])
    database = aws.create(INSTANCE, "db", **DATABASE, dbSubnetGroupName=group.id, manageMasterUserPassword=True).outputs
    role = aws.create(ROLE, "role", assumeRolePolicy=TRUST).outputs
    key = aws.create("aws:kms/key:Key", "key")
    control_plane = cluster(aws, subnets).outputs
    forms = {
        vpc.id: r"vpc-[0-9a-f]{17}",
        vpc.outputs["arn"]: r"arn:aws:ec2:eu-west-3:111122223333:vpc/vpc-[0-9a-f]{17}",
        subnets[0].id: r"subnet-[0-9a-f]{17}",
        subnets[0].outputs["availabilityZoneId"]: "euw3-az1",
        database["arn"]: r"arn:aws:rds:eu-west-3:111122223333:db:db-[0-9a-f]{7}",
        database["endpoint"]: r"db-[0-9a-f]{7}\.c[0-9a-f]{11}\.eu-west-3\.rds\.amazonaws\.com:5432",
        database["resourceId"]: r"db-[A-Z2-7]{26}",
        database["masterUserSecrets"][0][
            "secretArn"
        ]: r"arn:aws:secretsmanager:eu-west-3:111122223333:secret:rds!db-[0-9a-f-]{36}-\w{6}",
        role["arn"]: r"arn:aws:iam::111122223333:role/role-[0-9a-f]{7}",
        key.id: r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}",
        key.outputs["arn"]: r"arn:aws:kms:eu-west-3:111122223333:key/[0-9a-f-]{36}",
        control_plane["endpoint"]: r"https://[0-9A-F]{32}\.gr7\.eu-west-3\.eks\.amazonaws\.com",
        control_plane["identities"][0]["oidcs"][0][
            "issuer"
        ]: r"https://oidc\.eks\.eu-west-3\.amazonaws\.com/id/[0-9A-F]{32}",
        control_plane["vpcConfig"]["clusterSecurityGroupId"]: r"sg-[0-9a-f]{17}",
    }
    assert [(value, form) for value, form in forms.items() if not re.fullmatch(form, value)] == []
    assert database["port"] == 5432
    assert control_plane["vpcConfig"]["vpcId"] == vpc.id
    assert control_plane["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": True,
    }


def test_a_cache_with_tls_has_the_endpoints_of_tls(aws: Plugin) -> None:
    cache = aws.create(
        CACHE, "cache", description="c", engine="valkey", engineVersion="8.2", nodeType="cache.t4g.micro",
        numCacheClusters=2, transitEncryptionEnabled=True,
    ).outputs  # fmt: skip
    assert re.fullmatch(r"master\.cache-\w{7}\.\w{6}\.euw3\.cache\.amazonaws\.com", cache["primaryEndpointAddress"])
    assert [name[-4:] for name in cache["memberClusters"]] == ["-001", "-002"]
    assert cache["port"] == 6379


# ---- names


def test_a_missing_name_is_made_from_the_logical_one_and_kept_in_updates(aws: Plugin) -> None:
    checked = aws.check(ROLE, "reader", {"assumeRolePolicy": TRUST})
    assert re.fullmatch(r"reader-[0-9a-f]{7}", checked["name"])
    assert checked["__defaults"] == ["name"]
    again = aws.check(ROLE, "reader", {"assumeRolePolicy": TRUST}, checked, seed=b"another")
    assert again["name"] == checked["name"]


def test_the_engines_seed_decides_the_name_so_that_a_plan_holds(aws: Plugin) -> None:
    names = {aws.check(ROLE, "r", {"assumeRolePolicy": TRUST}, seed=seed)["name"] for seed in (b"1", b"1", b"2")}
    assert len(names) == 2


def test_a_given_name_or_prefix_is_left_alone(aws: Plugin) -> None:
    assert aws.check(ROLE, "r", {"assumeRolePolicy": TRUST, "name": "mine"})["name"] == "mine"
    assert "name" not in aws.check(ROLE, "r", {"assumeRolePolicy": TRUST, "namePrefix": "mine"})


def test_an_automatic_name_that_aws_would_not_take_is_refused(aws: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        aws.check("aws:lb/targetGroup:TargetGroup", "a-name-of-more-than-25-letters", {})
    assert "longer than the 32 characters" in refusal(refused)


@pytest.mark.parametrize(
    ("token", "inputs", "code"),
    [
        (ROLE, {"name": "taken", "assumeRolePolicy": TRUST}, "EntityAlreadyExists"),
        (LOG_GROUP, {"name": "/taken"}, "ResourceAlreadyExistsException"),
        (INSTANCE, {**DATABASE, "identifier": "taken"}, "DBInstanceAlreadyExists"),
        ("aws:kms/alias:Alias", {"name": "alias/taken", "targetKeyId": "k"}, "AlreadyExistsException"),
    ],
)
def test_a_name_that_is_taken_is_refused_as_aws_does(
    aws: Plugin, token: str, inputs: dict[str, Any], code: str
) -> None:
    aws.create(token, "first", **inputs)
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(token, "second", **inputs)
    assert f"api error {code}" in refusal(refused)


def test_a_log_group_comes_before_the_service_that_would_make_its_own(aws: Plugin) -> None:
    before = aws.create(LOG_GROUP, "before", name="/aws/rds/instance/first/postgresql")
    aws.create(INSTANCE, "first", **DATABASE, identifier="first", enabledCloudwatchLogsExports=["postgresql"])
    assert before.id == "/aws/rds/instance/first/postgresql"
    aws.create(INSTANCE, "second", **DATABASE, identifier="second", enabledCloudwatchLogsExports=["postgresql"])
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(LOG_GROUP, "after", name="/aws/rds/instance/second/postgresql")
    assert "ResourceAlreadyExistsException" in refusal(refused)


# ---- differences and replacement


def test_the_same_inputs_are_no_difference_whatever_aws_added(aws: Plugin) -> None:
    _, subnets = network(aws)
    for made in (cluster(aws, subnets), aws.create(TEMPLATE, "t", metadataOptions={"httpTokens": "required"})):
        answer = aws.diff(made)
        assert answer.changes == answer.DIFF_NONE, dict(answer.detailedDiff)


def test_a_changed_order_is_a_difference_only_where_aws_keeps_the_order(aws: Plugin) -> None:
    first, second = (aws.create(GROUP, name, description="d") for name in ("a", "b"))
    database = aws.create(INSTANCE, "db", **DATABASE, vpcSecurityGroupIds=[first.id, second.id])
    answer = aws.diff(database, vpcSecurityGroupIds=[second.id, first.id])
    assert answer.changes == answer.DIFF_NONE


@pytest.mark.parametrize(
    ("token", "inputs", "change", "path", "replaces"),
    [
        (VPC, {"cidrBlock": "10.0.0.0/16"}, {"cidrBlock": "10.1.0.0/16"}, "cidrBlock", True),
        (VPC, {"cidrBlock": "10.0.0.0/16"}, {"enableDnsHostnames": True}, "enableDnsHostnames", False),
        (VPC, {"cidrBlock": "10.0.0.0/16"}, {"tags": {"a.b": "c"}}, "tags", False),
        (VPC, {"cidrBlock": "10.0.0.0/16", "tags": {"a.b": "c"}}, {"tags": {"a.b": "d"}}, 'tags["a.b"]', False),
        (INSTANCE, DATABASE, {"storageEncrypted": True}, "storageEncrypted", True),
        (INSTANCE, DATABASE, {"instanceClass": "db.m7g.large"}, "instanceClass", False),
        (INSTANCE, DATABASE, {"dbSubnetGroupName": "other"}, "dbSubnetGroupName", False),
        (GROUP, {"description": "a"}, {"description": "b"}, "description", True),
        (LOG_GROUP, {"retentionInDays": 7}, {"retentionInDays": 30}, "retentionInDays", False),
        (LOG_GROUP, {"name": "/a"}, {"name": "/b"}, "name", True),
        (VPC, {"cidrBlock": "10.0.0.0/16"}, {"region": "eu-central-1"}, "region", True),
    ],
)
def test_a_change_replaces_only_where_aws_cannot_change_in_place(
    aws: Plugin, token: str, inputs: dict[str, Any], change: dict[str, Any], path: str, replaces: bool
) -> None:
    answer = aws.diff(aws.create(token, "x", **inputs), **change)
    assert path in answer.detailedDiff, dict(answer.detailedDiff)
    assert bool(answer.replaces) is replaces


def test_a_provider_that_moves_to_another_region_takes_its_resources_along(aws: Plugin) -> None:
    vpc = aws.create(VPC, "vpc", cidrBlock="10.0.0.0/16")
    aws.configure(**{**CONFIGURATION, "region": "eu-central-1"})
    assert list(aws.diff(vpc).replaces) == ["region"]


def test_the_tables_of_the_simulation_name_only_what_the_sdk_has() -> None:
    for token, properties in replacement.TABLE.items():
        known = resource_type(token).inputs.types
        assert not [path for path in properties if path.split(".")[0] not in known], token
    for token, hindrances in deletion.HINDRANCES.items():
        assert resource_type(token)
        for each in hindrances:
            assert each.path.split(".")[0] in resource_type(each.by).inputs.types, each


def test_of_a_node_groups_launch_template_only_the_version_changes_in_place(aws: Plugin) -> None:
    made = node_group(aws)
    template = made.inputs["launchTemplate"]
    assert not aws.diff(made, launchTemplate={**template, "version": "2"}).replaces
    assert list(aws.diff(made, launchTemplate={**template, "id": "lt-other"}).replaces) == ["launchTemplate.id"]
    assert not aws.diff(made, scalingConfig={"minSize": 1, "desiredSize": 4, "maxSize": 6}).replaces


def test_an_unknown_value_of_a_replacing_property_plans_a_replacement(aws: Plugin) -> None:
    _, [subnet, *_] = network(aws)
    assert list(aws.diff(subnet, vpcId=UNKNOWN).replaces) == ["vpcId"]


def test_a_replaced_resource_with_a_chosen_name_goes_before_its_successor_comes(aws: Plugin) -> None:
    chosen = aws.create(GROUP, "chosen", name="fence", description="a")
    automatic = aws.create(GROUP, "automatic", description="a")
    assert aws.diff(chosen, description="b").deleteBeforeReplace
    assert not aws.diff(automatic, description="b").deleteBeforeReplace


def test_an_update_changes_the_account_and_keeps_what_aws_decided(aws: Plugin, rehearsal: Path) -> None:
    database = aws.create(INSTANCE, "db", **DATABASE)
    changed = aws.update(database, instanceClass="db.m7g.large")
    assert changed.outputs["instanceClass"] == "db.m7g.large"
    assert changed.outputs["endpoint"] == database.outputs["endpoint"]
    [file] = cloud_files(rehearsal)
    assert json.loads(file.read_text())["inputs"]["instanceClass"] == "db.m7g.large"


def test_each_change_of_a_launch_template_is_a_new_version(aws: Plugin) -> None:
    template = aws.create(TEMPLATE, "t", instanceType="m7g.large")
    assert template.outputs["latestVersion"] == 1
    assert aws.update(template, preview=True, instanceType="m7g.xlarge").outputs["latestVersion"] is UNKNOWN
    second = aws.update(template, instanceType="m7g.xlarge")
    assert second.outputs["latestVersion"] == 2
    assert aws.update(second, tags={"a": "b"}).outputs["latestVersion"] == 2


# ---- secrets


def test_a_secret_input_is_a_secret_output_and_never_in_the_account(aws: Plugin, rehearsal: Path) -> None:
    made = aws.create(INSTANCE, "db", **DATABASE, password=Secret("hunter2hunter2"))
    assert made.outputs["password"] == Secret("hunter2hunter2")
    role = aws.create(ROLE, "r", assumeRolePolicy=TRUST, tags={"key": Secret("hunter2hunter2")})
    assert isinstance(role.outputs["tagsAll"], Secret)
    assert all("hunter2" not in file.read_text() for file in (rehearsal / "cloud").rglob("*") if file.is_file())


def test_an_output_that_the_sdk_knows_as_secret_is_secret_though_the_input_was_not(aws: Plugin) -> None:
    made = aws.create(INSTANCE, "db", **DATABASE, password="hunter2hunter2")  # noqa: S106 - what is tested
    assert made.outputs["password"] == Secret("hunter2hunter2")


def test_a_write_only_password_shows_in_no_output(aws: Plugin) -> None:
    made = aws.create(INSTANCE, "db", **DATABASE, passwordWo=Secret("hunter2hunter2"), passwordWoVersion=1)
    assert plain(made.outputs.get("passwordWo")) is None
    assert aws.diff(made).changes == aws.diff(made).DIFF_NONE


def test_a_refresh_keeps_secrets(aws: Plugin) -> None:
    made = aws.create(INSTANCE, "db", **DATABASE, password=Secret("hunter2hunter2"))
    assert aws.read(made) == made


# ---- reading


def test_a_refresh_finds_what_somebody_changed_by_hand(aws: Plugin, rehearsal: Path) -> None:
    group = aws.create(LOG_GROUP, "logs", retentionInDays=30)
    [file] = cloud_files(rehearsal)
    content = json.loads(file.read_text())
    content["outputs"]["retentionInDays"] = 1
    file.write_text(json.dumps(content))
    found = aws.read(group)
    assert found is not None
    assert (found.outputs["retentionInDays"], found.inputs["retentionInDays"]) == (1, 1)
    drifted = replace(group, outputs=found.outputs)
    assert "retentionInDays" in aws.diff(drifted).detailedDiff


def test_what_is_gone_is_read_as_gone_and_deleted_without_complaint(aws: Plugin) -> None:
    group = aws.create(LOG_GROUP, "logs")
    aws.delete(group)
    assert aws.read(group) is None
    aws.delete(group)


def test_an_import_finds_a_resource_by_id_and_a_database_by_its_name(aws: Plugin) -> None:
    made = aws.create(INSTANCE, "db", **DATABASE, identifier="orders")
    found = aws.read(replace(made, id="orders", inputs={}, outputs={}))
    assert found is not None
    assert found.id == made.id
    assert found.inputs["instanceClass"] == DATABASE["instanceClass"]


def test_two_providers_share_the_account(aws: Plugin, rehearsal: Path) -> None:
    vpc = aws.create(VPC, "vpc", cidrBlock="10.0.0.0/16")
    with configured(rehearsal) as other:
        assert other.read(vpc) == vpc


# ---- what AWS itself would refuse


def test_what_others_depend_on_cannot_be_deleted(aws: Plugin) -> None:
    vpc, subnets = network(aws)
    group, client = (aws.create(GROUP, name, vpcId=vpc.id, description="d") for name in ("db", "client"))
    rule = aws.create(
        RULE, "r", securityGroupId=group.id, referencedSecurityGroupId=client.id, ipProtocol="tcp", fromPort=1, toPort=1
    )
    places = aws.create(SUBNET_GROUP, "db", subnetIds=[each.id for each in subnets])
    database = aws.create(INSTANCE, "db", **DATABASE, dbSubnetGroupName=places.id, vpcSecurityGroupIds=[group.id])
    for victim, code in (
        (vpc, "DependencyViolation"),
        (subnets[0], "DependencyViolation"),
        (group, "DependencyViolation"),
        (client, "DependencyViolation"),
        (places, "InvalidDBSubnetGroupStateFault"),
    ):
        with pytest.raises(grpc.RpcError) as refused:
            aws.delete(victim)
        assert f"api error {code}" in refusal(refused)
    for victim in (database, places, rule, client, group, *subnets, vpc):
        aws.delete(victim)


def test_a_role_goes_only_after_its_policies(aws: Plugin) -> None:
    role = aws.create(ROLE, "r", assumeRolePolicy=TRUST)
    attached = aws.create(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "a", role=role.id, policyArn="arn:aws:iam::aws:policy/X"
    )
    with pytest.raises(grpc.RpcError) as refused:
        aws.delete(role)
    assert "must detach all policies first" in refusal(refused)
    aws.delete(attached)
    aws.delete(role)


def test_deletion_protection_holds_until_it_is_switched_off(aws: Plugin) -> None:
    _, subnets = network(aws)
    protected = [
        aws.create(INSTANCE, "db", **DATABASE, deletionProtection=True),
        cluster(aws, subnets, deletionProtection=True),
    ]
    for made in protected:
        with pytest.raises(grpc.RpcError) as refused:
            aws.delete(made)
        assert "deletion protection" in refusal(refused)
        aws.delete(aws.update(made, deletionProtection=False))


def test_a_database_without_a_final_snapshot_must_say_so(aws: Plugin) -> None:
    database = aws.create(INSTANCE, "db", **{**DATABASE, "skipFinalSnapshot": False})
    with pytest.raises(grpc.RpcError) as refused:
        aws.delete(database)
    assert "final_snapshot_identifier is required" in refusal(refused)


def test_a_network_resource_that_does_not_exist_cannot_be_named(aws: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(SUBNET, "s", vpcId="vpc-0123456789abcdef0", cidrBlock="10.0.0.0/24")
    assert "api error InvalidVpcID.NotFound" in refusal(refused)


@pytest.mark.parametrize(
    ("block", "code"), [("10.0.0.0/25", "InvalidSubnet.Conflict"), ("10.1.0.0/24", "InvalidSubnet.Range")]
)
def test_a_subnet_must_fit_into_its_vpc(aws: Plugin, block: str, code: str) -> None:
    vpc, _ = network(aws)
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(SUBNET, "other", vpcId=vpc.id, cidrBlock=block)
    assert f"api error {code}" in refusal(refused)


@pytest.mark.parametrize(
    ("block", "code"), [("10.0.0.192/27", "InvalidCidr.Conflict"), ("10.0.1.0/25", "InvalidParameterValue")]
)
def test_a_reservation_must_fit_into_its_subnet(aws: Plugin, block: str, code: str) -> None:
    _, [subnet, _] = network(aws)
    reserved = aws.create(RESERVATION, "half", subnetId=subnet.id, cidrBlock="10.0.0.128/25", reservationType="prefix")
    assert reserved.id.startswith("scr-")
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(RESERVATION, "other", subnetId=subnet.id, cidrBlock=block, reservationType="prefix")
    assert f"api error {code}" in refusal(refused)


def interface(aws: Plugin, name: str, vpc: Made, subnets: list[Made], service: str = "ecr.api") -> Made:
    return aws.create(
        ENDPOINT,
        name,
        vpcId=vpc.id,
        serviceName=f"com.amazonaws.eu-west-3.{service}",
        vpcEndpointType="Interface",
        subnetIds=[each.id for each in subnets],
        privateDnsEnabled=True,
    )


def test_an_interface_endpoint_has_an_interface_in_every_subnet_and_holds_it(aws: Plugin) -> None:
    vpc, subnets = network(aws)
    endpoint = interface(aws, "ecr", vpc, subnets)
    assert len(set(endpoint.outputs["networkInterfaceIds"])) == 2
    assert endpoint.outputs["dnsEntries"][0]["dnsName"].endswith(".vpce.amazonaws.com")
    with pytest.raises(grpc.RpcError, match="has dependencies"):
        aws.delete(subnets[0])
    aws.delete(endpoint)
    aws.delete(subnets[0])


def test_a_services_name_leads_to_one_interface_endpoint_of_a_vpc(aws: Plugin) -> None:
    vpc, subnets = network(aws)
    interface(aws, "first", vpc, subnets)
    interface(aws, "another-service", vpc, subnets, "ecr.dkr")
    with pytest.raises(grpc.RpcError, match=r"conflicting DNS domain for ecr\.api\.eu-west-3\.amazonaws\.com"):
        interface(aws, "second", vpc, subnets)


def test_an_interface_endpoint_takes_one_subnet_of_a_zone(aws: Plugin) -> None:
    vpc, subnets = network(aws, "aa")
    with pytest.raises(grpc.RpcError, match="DuplicateSubnetsInSameZone"):
        interface(aws, "ecr", vpc, subnets)


def test_a_cluster_moves_to_other_subnets_but_never_to_other_zones(aws: Plugin) -> None:
    vpc, subnets = network(aws, "abc")
    made = cluster(aws, subnets[:2])
    other = aws.create(SUBNET, "o", vpcId=vpc.id, cidrBlock="10.0.9.0/24", availabilityZone="eu-west-3b")
    made = aws.update(made, vpcConfig={"subnetIds": [subnets[0].id, other.id]})
    with pytest.raises(grpc.RpcError, match="exact set of AZs 'eu-west-3a,eu-west-3b'"):
        aws.update(made, vpcConfig={"subnetIds": [each.id for each in subnets]})


def test_an_iam_user_of_the_cache_has_one_name(aws: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(
            USER, "u", userId="a", userName="b", engine="valkey", accessString="on", authenticationMode={"type": "iam"}
        )
    assert "must be identical" in refusal(refused)


def node_group(aws: Plugin) -> Made:
    _, subnets = network(aws)
    cluster(aws, subnets)
    template = aws.create(TEMPLATE, "nodes", instanceType="m7g.large")
    return aws.create(
        NODE_GROUP,
        "app",
        clusterName="test",
        nodeRoleArn="arn:aws:iam::111122223333:role/nodes",
        subnetIds=[each.id for each in subnets],
        scalingConfig={"minSize": 1, "desiredSize": 3, "maxSize": 6},
        launchTemplate={"id": template.id, "version": "1"},
    )


def test_a_cluster_goes_only_after_its_node_groups(aws: Plugin) -> None:
    made = node_group(aws)
    control_plane = Made(CLUSTER, made.name, {}, "test")
    with pytest.raises(grpc.RpcError) as refused:
        aws.delete(control_plane)
    assert "Cluster has nodegroups attached" in refusal(refused)
    aws.delete(made)
    aws.delete(control_plane)


def test_a_minimum_above_the_nodes_that_run_is_refused(aws: Plugin) -> None:
    made = node_group(aws)
    with pytest.raises(grpc.RpcError) as refused:
        aws.update(made, scalingConfig={"minSize": 4, "desiredSize": 3, "maxSize": 6})
    assert "Minimum capacity 4 can't be greater than desired size 3" in refusal(refused)


@pytest.mark.parametrize(
    ("policy", "scope", "says"),
    [
        ("AmazonEKSReadPolicy", {"type": "cluster"}, "policyArn could not be found"),
        ("AmazonEKSEditPolicy", {"type": "namespace"}, "namespaces belong to an access scope of type namespace"),
        ("AmazonEKSViewPolicy", {"type": "cluster", "namespaces": ["shop"]}, "and to no other"),
    ],
)
def test_an_access_policy_that_eks_does_not_have_or_that_has_no_place_is_refused(
    aws: Plugin, policy: str, scope: dict[str, Any], says: str
) -> None:
    cluster(aws, network(aws)[1])
    principal = {"clusterName": "test", "principalArn": "arn:aws:iam::111122223333:role/a"}
    aws.create(ACCESS, "a", **principal)
    arn = "arn:aws:eks::aws:cluster-access-policy/"
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(ACCESS_POLICY, "b", **principal, policyArn=f"{arn}{policy}", accessScope=scope)
    assert says in refusal(refused)
    aws.create(ACCESS_POLICY, "c", **principal, policyArn=f"{arn}AmazonEKSViewPolicy", accessScope={"type": "cluster"})


def test_a_node_group_whose_nodes_do_not_come_up_is_kept_as_half_made(rehearsal: Path, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text('{"kind": "Config", "clusters": []}')
    with configured(rehearsal, MARLINSPIKE_REHEARSAL_KUBECONFIG=str(kubeconfig)) as plugin:
        with pytest.raises(grpc.RpcError) as refused:
            node_group(plugin)
        assert "NodeCreationFailure" in refusal(refused)
        details = dict(refused.value.trailing_metadata())["grpc-status-details-bin"]
        assert b"ErrorResourceInitFailed" in details, "the engine keeps what has an id in its state"


# ---- functions


def test_the_functions_answer_for_the_simulated_account_and_region(aws: Plugin) -> None:
    assert aws.invoke("aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == "111122223333"
    zones = aws.invoke("aws:index/getAvailabilityZones:getAvailabilityZones", state="available")
    assert zones["names"] == ["eu-west-3a", "eu-west-3b", "eu-west-3c"]
    elsewhere = aws.invoke("aws:index/getAvailabilityZones:getAvailabilityZones", region="eu-central-1")
    assert elsewhere["names"][0] == "eu-central-1a"
    assert aws.invoke("aws:index/getRegion:getRegion")["region"] == "eu-west-3"
    assert aws.invoke("aws:index/getPartition:getPartition")["dnsSuffix"] == "amazonaws.com"


def test_a_policy_document_reads_as_the_real_provider_writes_it(aws: Plugin) -> None:
    answer = aws.invoke(
        "aws:iam/getPolicyDocument:getPolicyDocument",
        statements=[
            {
                "sid": "Read",
                "actions": ["s3:GetObject", "s3:ListBucket"],
                "resources": ["arn:aws:s3:::b/&{aws:username}"],
                "principals": [{"type": "Service", "identifiers": ["ec2.amazonaws.com"]}],
                "conditions": [{"test": "StringEquals", "variable": "aws:PrincipalTag/a", "values": ["x"]}],
            },
            {
                "effect": "Deny",
                "notActions": ["iam:*"],
                "resources": ["*"],
                "principals": [{"type": "*", "identifiers": ["*"]}],
            },
        ],
    )
    assert json.loads(answer["json"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Read",
                "Effect": "Allow",
                "Action": ["s3:ListBucket", "s3:GetObject"],
                "Resource": "arn:aws:s3:::b/${aws:username}",
                "Principal": {"Service": "ec2.amazonaws.com"},
                "Condition": {"StringEquals": {"aws:PrincipalTag/a": "x"}},
            },
            {"Effect": "Deny", "NotAction": "iam:*", "Resource": "*", "Principal": "*"},
        ],
    }
    assert answer["json"].startswith('{\n  "Version": "2012-10-17",\n  "Statement": [')
    assert " " not in answer["minifiedJson"]


# ---- faults


def test_an_injected_failure_makes_nothing_and_passes_after_its_times(rehearsal: Path, tmp_path: Path) -> None:
    with configured(rehearsal, **faulty(tmp_path, type=VPC, effect="fail", message="Throttling", times=1)) as aws:
        with pytest.raises(grpc.RpcError) as failed:
            aws.create(VPC, "vpc", cidrBlock="10.0.0.0/16")
        assert refusal(failed) == "creating aws:ec2/vpc:Vpc (vpc): Throttling"
        assert cloud_files(rehearsal) == []
        aws.create(LOG_GROUP, "logs")
        aws.create(VPC, "vpc", cidrBlock="10.0.0.0/16")


def test_a_lost_answer_leaves_the_work_done(rehearsal: Path, tmp_path: Path) -> None:
    with configured(rehearsal, **faulty(tmp_path, effect="lose-answer", times=1)) as aws:
        with pytest.raises(grpc.RpcError):
            aws.create(ROLE, "r", name="reader", assumeRolePolicy=TRUST)
        assert len(cloud_files(rehearsal)) == 1
        with pytest.raises(grpc.RpcError) as taken:
            aws.create(ROLE, "r", name="reader", assumeRolePolicy=TRUST)
        assert "EntityAlreadyExists" in refusal(taken)
        found = aws.read(Made("aws:iam/role:Role", "r", {}, "reader"))
        assert found is not None
        assert found.outputs["name"] == "reader"


def test_times_count_over_processes(rehearsal: Path, tmp_path: Path) -> None:
    environment = faulty(tmp_path, effect="fail", times=1)
    with configured(rehearsal, **environment) as first, pytest.raises(grpc.RpcError):
        first.create(LOG_GROUP, "logs")
    with configured(rehearsal, **environment) as second:
        second.create(LOG_GROUP, "logs")


def test_a_slow_operation_waits_and_is_ended_by_a_cancellation(rehearsal: Path, tmp_path: Path) -> None:
    with configured(rehearsal, **faulty(tmp_path, effect="slow", seconds=60)) as aws:
        began = time.monotonic()
        threading.Timer(0.5, aws.cancel).start()
        with pytest.raises(grpc.RpcError) as cancelled:
            aws.create(LOG_GROUP, "logs")
        assert "cancelled" in refusal(cancelled)
        assert 0.4 < time.monotonic() - began < 20
        assert cloud_files(rehearsal) == []


@pytest.mark.parametrize(
    ("name", "wrong", "says"),
    [
        ("coredns", {"addonVersion": "1.14.7"}, "Addon version specified is not supported: coredns 1.14.7"),
        ("kube-proxy", {"addonVersion": "v1.37.0-eksbuild.1"}, "Addon version specified is not supported: kube-proxy"),
        ("coredns", {"configurationValues": "{"}, "ConfigurationValue is not in valid JSON"),
        ("coredns", {"configurationValues": "[]"}, "ConfigurationValue is not in valid JSON"),
        ("coredns", {"configurationValues": '{"replicas": 2}'}, r"\$.replicas: is not defined in the schema"),
        ("eks-node-monitoring-agent", {"configurationValues": '{"nodeSelector": {}}'}, r"\$.nodeSelector: is not"),
    ],
)
def test_an_add_on_is_refused_as_eks_refuses_it(aws: Plugin, name: str, wrong: dict[str, str], says: str) -> None:
    vpc = aws.create(VPC, "vpc", cidrBlock="10.0.0.0/16")
    subnets = [
        aws.create(SUBNET, zone, vpcId=vpc.id, cidrBlock=f"10.0.{n}.0/24", availabilityZone=f"eu-west-3{zone}")
        for n, zone in enumerate("ab")
    ]
    cluster(aws, subnets, version="1.36")
    right = {"clusterName": "test", "addonName": name, "configurationValues": "{}"}
    with pytest.raises(grpc.RpcError) as caught:
        aws.create("aws:eks/addon:Addon", "add-on", **{**right, **wrong})
    assert re.search(says, refusal(caught))
    aws.create("aws:eks/addon:Addon", "add-on", **right)


def test_a_malformed_faults_file_is_named(rehearsal: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "MARLINSPIKE_REHEARSAL": str(rehearsal),
        **faulty(tmp_path, operation="creat", effect="fail"),
    }
    run = subprocess.run(
        [sys.executable, "-m", "rehearsal.plugins.aws"], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "operation must be one of check, create, delete, diff, read, update" in run.stderr
