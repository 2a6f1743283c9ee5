"""The simulated account: its region, its tags, what its previews know, and the forms of its ids."""

import os
import re
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from rehearsal.plugins.wire import UNKNOWN
from tests.engine.aws_plugin.resources import (
    CLUSTER,
    DATABASE,
    INSTANCE,
    ROLE,
    SUBNET_GROUP,
    TRUST,
    VPC,
    cluster,
    configured,
    network,
)
from tests.engine.plugin_client import Plugin, cloud_files, refusal

CACHE = "aws:elasticache/replicationGroup:ReplicationGroup"


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
