"""The network of each environment: who has a way out, and which ways there are."""

import ipaddress
import re
from itertools import combinations

import pytest
from pydantic import ValidationError

from infra.endpoints import SERVICES
from infra.layout import ZoneLayout, lay_out
from infra.network import NetworkSettings
from tests.unit.plan import AWS_STACKS, Plan, planned, planned_with

CIDRS = ("10.40.0.0/16", "10.41.128.0/17", "172.16.64.0/18", "192.168.192.0/18")

SUBNET = "aws:ec2/subnet:Subnet"
NAT_GATEWAY = "aws:ec2/natGateway:NatGateway"
ROUTE = "aws:ec2/route:Route"
ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
RESERVATION = "aws:ec2/subnetCidrReservation:SubnetCidrReservation"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


def compared(before: Plan, after: Plan) -> tuple[set[str], dict[str, set[str]]]:
    """The resources that a second plan adds, and those that it changes with the names of the changed inputs; none goes."""
    old, new = ({r.key: r.inputs for r in plan.resources} for plan in (before, after))
    assert old.keys() <= new.keys()
    changed = {
        key: {name for name in inputs.keys() | new[key].keys() if inputs.get(name) != new[key].get(name)}
        for key, inputs in old.items()
        if inputs != new[key]
    }
    return new.keys() - old.keys(), changed


@pytest.mark.parametrize("cidr", CIDRS)
def test_subnets_of_all_four_zones_lie_in_the_vpc_and_never_overlap(cidr: str) -> None:
    vpc = ipaddress.IPv4Network(cidr)
    blocks = [
        ipaddress.IPv4Network(block)
        for zone in lay_out(cidr)
        for block in (zone.public, zone.private, zone.data, zone.control_plane)
    ]
    assert len(blocks) == 16
    assert all(block.subnet_of(vpc) for block in blocks)
    assert not any(one.overlaps(other) for one, other in combinations(blocks, 2))


def test_the_addresses_of_a_vpc_never_change() -> None:
    # Another address would replace the subnet, and everything in it.
    assert lay_out("10.40.0.0/16")[0] == ZoneLayout(
        "10.40.128.0/22", "10.40.0.0/19", "10.40.160.0/24", "10.40.192.0/26"
    )
    assert lay_out("10.40.0.0/16")[3] == ZoneLayout(
        "10.40.140.0/22", "10.40.96.0/19", "10.40.163.0/24", "10.40.192.192/26"
    )


def test_a_private_subnet_has_room_for_eight_thousand_pods() -> None:
    assert {ipaddress.IPv4Network(zone.private).prefixlen for zone in lay_out("10.40.0.0/16")} == {19}


def test_a_smaller_vpc_is_divided_in_the_same_proportions() -> None:
    assert {ipaddress.IPv4Network(zone.private).prefixlen for zone in lay_out("172.16.0.0/18")} == {21}


@pytest.mark.parametrize("cidr", CIDRS)
def test_control_plane_subnets_hold_every_endpoint_and_what_eks_asks_for(cidr: str) -> None:
    kept_by_aws, wanted_by_eks = 5, 16
    for zone in lay_out(cidr):
        room = ipaddress.IPv4Network(zone.control_plane).num_addresses
        assert room >= kept_by_aws + wanted_by_eks + len(SERVICES)


@pytest.mark.parametrize("cidr", CIDRS)
def test_half_of_a_private_subnet_is_kept_for_whole_prefixes(cidr: str) -> None:
    for zone in lay_out(cidr):
        private, prefixes = ipaddress.IPv4Network(zone.private), ipaddress.IPv4Network(zone.prefixes)
        assert prefixes.subnet_of(private)
        assert prefixes.num_addresses * 2 == private.num_addresses


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_each_of_three_zones_has_a_subnet_of_every_kind(stack: str) -> None:
    subnets = planned(stack).of(SUBNET)
    assert {(subnet.name, subnet.inputs["availabilityZone"]) for subnet in subnets} == {
        (f"marlinspike-{stack}-{kind}-{zone}", f"eu-west-3{zone}")
        for kind in ("public", "private", "data", "control-plane")
        for zone in "abc"
    }
    assert not any(subnet.inputs["mapPublicIpOnLaunch"] for subnet in subnets)


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_pods_find_whole_prefixes_in_every_private_subnet(stack: str) -> None:
    blocks = {subnet.name: subnet.inputs["cidrBlock"] for subnet in planned(stack).of(SUBNET)}
    kept = {each.inputs["subnetId"]: each.inputs for each in planned(stack).of(RESERVATION)}
    assert kept.keys() == {f"marlinspike-{stack}-private-{zone}-id" for zone in "abc"}
    for subnet_id, inputs in kept.items():
        assert inputs["reservationType"] == "prefix"
        upper_half = list(ipaddress.IPv4Network(blocks[subnet_id.removesuffix("-id")]).subnets())[1]
        assert inputs["cidrBlock"] == str(upper_half)


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_control_plane_lies_in_its_own_subnets_and_the_nodes_in_the_private_ones(stack: str) -> None:
    plan = planned(stack)
    cluster = plan.only("eks:index:Cluster").inputs["privateSubnetIds"]
    assert cluster == [f"marlinspike-{stack}-control-plane-{zone}-id" for zone in "abc"]
    for group in plan.of("aws:eks/nodeGroup:NodeGroup"):
        assert group.inputs["subnetIds"] == [f"marlinspike-{stack}-private-{zone}-id" for zone in "abc"]


@pytest.mark.parametrize(("stack", "gateways"), [("dev", 1), ("staging", 1), ("prod", 3)])
def test_prod_alone_pays_for_a_nat_gateway_in_every_zone(stack: str, gateways: int) -> None:
    assert len(planned(stack).of(NAT_GATEWAY)) == gateways


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_data_and_control_plane_subnets_have_no_way_out(stack: str) -> None:
    plan = planned(stack)
    routed = {route.inputs["routeTableId"] for route in plan.of(ROUTE)}
    with_a_way_out = {
        association.name for association in plan.of(ASSOCIATION) if association.inputs["routeTableId"] in routed
    }
    assert with_a_way_out == {f"marlinspike-{stack}-{kind}-{zone}" for kind in ("public", "private") for zone in "abc"}
    assert len(plan.of(ASSOCIATION)) == 12


@pytest.mark.parametrize(
    ("nat_gateways", "ways"),
    [
        ("single", {"a": "a", "b": "a", "c": "a"}),
        ("zone", {"a": "a", "b": "b", "c": "c"}),
    ],
)
def test_private_subnets_go_out_through_the_gateways_that_are_there(nat_gateways: str, ways: dict[str, str]) -> None:
    plan = planned_with("dev", {"network.nat_gateways": nat_gateways})
    for zone, through in ways.items():
        route = plan.only(ROUTE, f"marlinspike-dev-private-{zone}-default").inputs
        assert route["natGatewayId"] == f"marlinspike-dev-nat-{through}-id"


def test_without_nat_gateways_no_private_subnet_has_a_way_out() -> None:
    plan = planned_with("dev", {"network.nat_gateways": "none", "network.interface_endpoints": True})
    assert plan.of(NAT_GATEWAY) == plan.of("aws:ec2/eip:Eip") == []
    assert [route.name for route in plan.of(ROUTE)] == ["marlinspike-dev-public-default"]


def test_more_nat_gateways_replace_nothing() -> None:
    before, after = planned("staging"), planned_with("staging", {"network.nat_gateways": "zone"})
    added, changed = compared(before, after)
    watched = {name for name in added if name.startswith("MetricAlarm/")}
    assert added - watched == {
        f"{kind}/marlinspike-staging-nat-{zone}" for kind in ("Eip", "NatGateway") for zone in "bc"
    }
    assert len(watched) == 4
    # A route takes another gateway in place; a table or destination it does not.
    assert changed == {f"Route/marlinspike-staging-private-{zone}-default": {"natGatewayId"} for zone in "bc"}


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_a_fourth_zone_adds_what_it_needs_and_changes_only_what_spans_all_zones(stack: str) -> None:
    added, changed = compared(planned(stack), planned_with(stack, {"network.zones": ["a", "b", "c", "d"]}))
    assert added
    assert {name for name in added if not re.search(r"-d(-default)?$", name)} == set()
    assert {(name.partition("/")[0], *properties) for name, properties in changed.items()} <= {
        ("VpcEndpoint", "routeTableIds"),
        ("VpcEndpoint", "subnetIds"),
        ("SubnetGroup", "subnetIds"),
        ("LoadBalancer", "subnets"),
        ("NodeGroup", "subnetIds"),  # replaces them: see the setting
        ("NetworkPolicy", "spec"),  # the new subnets' addresses
    }


def test_load_balancers_find_their_subnets_by_tag() -> None:
    subnets = {subnet.name: subnet.inputs["tags"] for subnet in planned("prod").of(SUBNET)}
    assert subnets["marlinspike-prod-public-b"]["kubernetes.io/role/elb"] == "1"
    assert subnets["marlinspike-prod-private-b"]["kubernetes.io/role/internal-elb"] == "1"


def test_the_default_security_group_lets_nothing_through() -> None:
    group = planned("dev").only("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    assert (group.inputs["ingress"], group.inputs["egress"]) == ([], [])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"cidr": "8.8.0.0/16"}, "RFC 1918"),
        ({"cidr": "10.0.0.0/8"}, "must be a /16 to /18"),
        ({"cidr": "10.0.0.1/16"}, "has host bits set"),
        ({"cidr": "10.0.0.0/16", "zones": ("a", "b")}, "at least 3"),
        ({"cidr": "10.0.0.0/16", "zones": ("a", "b", "a")}, "names a zone twice"),
        ({"cidr": "10.0.0.0/16", "nat_gateways": "two"}, "'none', 'single' or 'zone'"),
        ({"cidr": "10.0.0.0/16", "flow_logs": {"retention_days": 31}}, "retention_days"),
        ({"cidr": "10.0.0.0/16", "flow_logs": {"destination": "firehose"}}, "'cloudwatch' or 's3'"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_reason(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        NetworkSettings(**wrong)
