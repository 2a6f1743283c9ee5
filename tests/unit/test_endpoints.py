"""Interface endpoints and what their policies let through; who in the cluster may reach them."""

import json
from typing import Any

import pytest

from infra.endpoints import SERVICES
from tests.unit.plan import AWS_STACKS, Plan, planned, planned_with

ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
OWN = {"StringEquals": {"aws:PrincipalAccount": "111122223333"}}


def interfaces(plan: Plan) -> dict[str, Any]:
    """The inputs of the interface endpoints by service."""
    return {
        endpoint.inputs["serviceName"].removeprefix("com.amazonaws.eu-west-3."): endpoint.inputs
        for endpoint in plan.of(ENDPOINT)
        if endpoint.inputs["vpcEndpointType"] == "Interface"
    }


def statements(policy: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(policy)["Statement"]
    return found


@pytest.mark.parametrize(("stack", "services"), [("dev", ()), ("staging", ()), ("prod", SERVICES)])
def test_prod_alone_pays_for_interface_endpoints(stack: str, services: tuple[str, ...]) -> None:
    assert interfaces(planned(stack)).keys() == set(services)


def test_an_endpoint_answers_in_every_zone_under_the_services_usual_name() -> None:
    for inputs in interfaces(planned("prod")).values():
        assert inputs["subnetIds"] == [f"marlinspike-prod-control-plane-{zone}-id" for zone in "abc"]
        assert inputs["privateDnsEnabled"] is True


def test_endpoints_let_only_this_accounts_principals_through() -> None:
    for inputs in interfaces(planned("prod")).values():
        [statement] = statements(inputs["policy"])
        assert (statement["Effect"], statement["Condition"]) == ("Allow", OWN)


def test_endpoints_are_open_to_the_vpc_by_tls_and_have_no_way_out() -> None:
    plan = planned("prod")
    [group] = {group for inputs in interfaces(plan).values() for group in inputs["securityGroupIds"]}
    rules = [rule.inputs for rule in plan.of(INGRESS_RULE) if rule.inputs["securityGroupId"] == group]
    assert [(rule["cidrIpv4"], rule["fromPort"], rule["toPort"]) for rule in rules] == [("10.42.0.0/16", 443, 443)]
    assert not any(
        rule.inputs["securityGroupId"] == group for rule in plan.of(INGRESS_RULE.replace("Ingress", "Egress"))
    )
    assert "egress" not in plan.only("aws:ec2/securityGroup:SecurityGroup", "marlinspike-prod-endpoints-group").inputs


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_s3_is_written_by_this_accounts_principals_only(stack: str) -> None:
    endpoint = planned(stack).only(ENDPOINT, f"marlinspike-{stack}-s3").inputs
    assert endpoint["routeTableIds"] == [f"marlinspike-{stack}-private-{zone}-id" for zone in "abc"]
    for statement in statements(endpoint["policy"]):
        assert statement["Action"] == "s3:GetObject" or statement["Condition"] == OWN


@pytest.mark.parametrize(
    "bucket",
    ["prod-eu-west-3-starport-layer-bucket", "prod-registry-k8s-io-eu-west-3", "al2023-repos-eu-west-3-de612dc2"],
)
def test_nodes_get_images_and_packages_through_the_s3_endpoint(bucket: str) -> None:
    policy = planned("dev").only(ENDPOINT, "marlinspike-dev-s3").inputs["policy"]
    [readable] = [statement for statement in statements(policy) if "Condition" not in statement]
    assert f"arn:aws:s3:::{bucket}/*" in readable["Resource"]
    assert all(resource.count("*") == 1 for resource in readable["Resource"])


def https(plan: Plan, workload: str) -> list[dict[str, Any]]:
    """Where a workload's network policy lets it go on 443."""
    [policy] = [p.inputs for p in plan.of(NETWORK_POLICY) if p.inputs["metadata"]["name"] == workload]
    rules = [rule for rule in policy["spec"]["egress"] if {"port": 443, "protocol": "TCP"} in rule["ports"]]
    return [peer["ipBlock"] for rule in rules for peer in rule["to"]]


def test_a_pod_that_calls_aws_reaches_the_endpoints_and_no_internet_where_its_names_lead_there() -> None:
    endpoints = https(planned("prod"), "database-bootstrap")
    assert [block["cidr"] for block in endpoints] == ["10.42.192.0/26", "10.42.192.64/26", "10.42.192.128/26"]


@pytest.mark.parametrize(("stack", "changes"), [("dev", {}), ("prod", {"network.interface_endpoints": None})])
def test_without_endpoints_a_pod_that_calls_aws_reaches_nothing_private(stack: str, changes: dict[str, Any]) -> None:
    [internet] = https(planned_with(stack, changes), "database-bootstrap")
    assert internet["cidr"] == "0.0.0.0/0"
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} <= set(internet["except"])


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_application_itself_calls_no_service_of_aws(stack: str) -> None:
    assert https(planned(stack), "app") == []
