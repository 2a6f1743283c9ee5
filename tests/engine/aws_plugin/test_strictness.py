"""What the simulated AWS refuses before it does anything, with the SDK's own types for a measure."""

from pathlib import Path
from typing import Any

import grpc
import pytest

from rehearsal.plugins.aws.types import type_tokens
from rehearsal.plugins.wire import Secret
from tests.engine.aws_plugin.resources import CLUSTER, DATABASE, INSTANCE, SUBNET, TEMPLATE, VPC
from tests.engine.plugin_client import Plugin, Refused, refusal


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
