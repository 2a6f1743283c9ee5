"""The network of each environment: who has a way out, and which ways there are."""

import ipaddress
from itertools import combinations

import pytest
from pydantic import ValidationError

from infra.network import NetworkSettings, lay_out
from tests.unit.plan import AWS_STACKS, planned

SUBNET = "aws:ec2/subnet:Subnet"
NAT_GATEWAY = "aws:ec2/natGateway:NatGateway"
ROUTE = "aws:ec2/route:Route"


def test_subnets_of_all_four_zones_lie_in_the_vpc_and_never_overlap() -> None:
    vpc = ipaddress.IPv4Network("10.40.0.0/16")
    blocks = [
        ipaddress.IPv4Network(cidr) for zone in lay_out(str(vpc)) for cidr in (zone.public, zone.private, zone.data)
    ]
    assert len(blocks) == 12
    assert all(block.subnet_of(vpc) for block in blocks)
    assert not any(one.overlaps(other) for one, other in combinations(blocks, 2))


def test_a_private_subnet_has_room_for_eight_thousand_pods() -> None:
    assert {ipaddress.IPv4Network(zone.private).prefixlen for zone in lay_out("10.40.0.0/16")} == {19}


def test_a_smaller_vpc_is_divided_in_the_same_proportions() -> None:
    assert {ipaddress.IPv4Network(zone.private).prefixlen for zone in lay_out("172.16.0.0/18")} == {21}


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_each_of_three_zones_has_a_public_a_private_and_a_data_subnet(stack: str) -> None:
    subnets = planned(stack).of(SUBNET)
    zones = {subnet.inputs["availabilityZone"] for subnet in subnets}
    assert zones == {"eu-west-3a", "eu-west-3b", "eu-west-3c"}
    assert {subnet.name.rsplit("-", 2)[1] for subnet in subnets} == {"public", "private", "data"}
    assert len(subnets) == 9


@pytest.mark.parametrize(("stack", "gateways"), [("dev", 1), ("staging", 1), ("prod", 3)])
def test_prod_alone_pays_for_a_nat_gateway_in_every_zone(stack: str, gateways: int) -> None:
    assert len(planned(stack).of(NAT_GATEWAY)) == gateways


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_data_subnets_have_no_way_out(stack: str) -> None:
    routed = {route.inputs["routeTableId"] for route in planned(stack).of(ROUTE)}
    assert f"marlinspike-{stack}-public-id" in routed
    assert f"marlinspike-{stack}-private-a-id" in routed
    assert f"marlinspike-{stack}-data-id" not in routed


def test_load_balancers_find_their_subnets_by_tag() -> None:
    subnets = {subnet.name: subnet.inputs["tags"] for subnet in planned("prod").of(SUBNET)}
    assert subnets["marlinspike-prod-public-b"]["kubernetes.io/role/elb"] == "1"
    assert subnets["marlinspike-prod-private-b"]["kubernetes.io/role/internal-elb"] == "1"


def test_the_default_security_group_lets_nothing_through() -> None:
    group = planned("dev").only("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    assert (group.inputs["ingress"], group.inputs["egress"]) == ([], [])


def test_every_connection_is_recorded_and_the_record_ends() -> None:
    plan = planned("prod")
    assert plan.only("aws:ec2/flowLog:FlowLog").inputs["trafficType"] == "ALL"
    logs = plan.only("aws:cloudwatch/logGroup:LogGroup", "marlinspike-prod-flow-logs")
    assert logs.inputs["retentionInDays"] == 90


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"cidr": "8.8.0.0/16"}, "RFC 1918"),
        ({"cidr": "10.0.0.0/8"}, "must be a /16 to /18"),
        ({"cidr": "10.0.0.1/16"}, "has host bits set"),
        ({"cidr": "10.0.0.0/16", "zones": ("a",)}, "at least 2"),
        ({"cidr": "10.0.0.0/16", "zones": ("a", "a")}, "names a zone twice"),
        ({"cidr": "10.0.0.0/16", "nat_gateways": "two"}, "'single' or 'zone'"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_reason(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        NetworkSettings(**wrong)
