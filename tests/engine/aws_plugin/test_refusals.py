"""What AWS itself would refuse of networks, roles and data stores."""

import grpc
import pytest

from tests.engine.aws_plugin.resources import (
    DATABASE,
    GROUP,
    INSTANCE,
    ROLE,
    SUBNET,
    SUBNET_GROUP,
    TRUST,
    USER,
    cluster,
    network,
)
from tests.engine.plugin_client import Made, Plugin, refusal

RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
RESERVATION = "aws:ec2/subnetCidrReservation:SubnetCidrReservation"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"


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


def test_an_iam_user_of_the_cache_has_one_name(aws: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(
            USER, "u", userId="a", userName="b", engine="valkey", accessString="on", authenticationMode={"type": "iam"}
        )
    assert "must be identical" in refusal(refused)
