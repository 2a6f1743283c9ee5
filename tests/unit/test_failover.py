"""The edge in one region or one of two: which of them the domain leads to, and who may ask about its health."""

from functools import cache
from typing import Any

import pytest

from infra.edge import Backend, Edge, EdgeSettings, Failover, PublicNetwork
from infra.public_name import PublicName
from tests.unit.plan import Plan, plan_of_program, planned

RULE = "aws:lb/listenerRule:ListenerRule"
RECORD = "aws:route53/record:Record"
HEALTH_CHECK = "aws:route53/healthCheck:HealthCheck"


@cache
def made(failover: Failover) -> Plan:
    """An edge and its name, one of two regions or the only one."""

    def make() -> dict[str, Any]:
        settings = EdgeSettings(domain="app.example.com", hosted_zone_id="Z1")
        network = PublicNetwork("vpc-1", ["subnet-1", "subnet-2"], "sg-pods", ready=[])
        backend = Backend(5000, "/readyz", 30)
        edge = Edge("edge", settings, network, backend, "key", "111122223333", "eu-central-1", False, failover)
        served = Edge("other", settings, network, backend, "key", "111122223333", "eu-central-1", False)
        return {"name": PublicName("edge", edge, depends_on=[served]).fqdn}

    return plan_of_program("test", make)


def test_a_single_region_has_a_plain_record() -> None:
    plan = planned("staging")
    record = plan.only(RECORD, "marlinspike-staging-edge-record").inputs
    assert record.keys().isdisjoint({"failoverRoutingPolicies", "setIdentifier", "healthCheckId"})
    assert not plan.of(HEALTH_CHECK)


def test_prod_is_the_first_choice_since_it_has_a_second_region() -> None:
    record = planned("prod").only(RECORD, "marlinspike-prod-edge-record").inputs
    assert record["failoverRoutingPolicies"] == [{"type": "PRIMARY"}]


@pytest.mark.parametrize("failover", ["primary", "secondary"])
def test_one_of_two_regions_is_chosen_by_its_health(failover: Failover) -> None:
    plan = made(failover)
    record = plan.only(RECORD, "edge-record").inputs
    assert record["failoverRoutingPolicies"] == [{"type": failover.upper()}]
    assert (record["setIdentifier"], record["healthCheckId"]) == (failover, "edge-health-id")
    assert record["aliases"][0]["evaluateTargetHealth"] is True


@pytest.mark.parametrize("failover", ["primary", "secondary"])
def test_the_health_check_asks_this_region_and_not_whichever_has_the_name(failover: Failover) -> None:
    plan = made(failover)
    check = plan.only(HEALTH_CHECK).inputs
    assert (check["type"], check["fqdn"], check["resourcePath"]) == ("HTTPS", "balancer.example", "/readyz")
    # The listener lets that one question through, and no more, by this name.
    conditions = plan.only(RULE, "edge-health").inputs["conditions"]
    assert conditions == [
        {"hostHeader": {"values": ["balancer.example"]}},
        {"pathPattern": {"values": ["/readyz"]}},
    ]


def test_the_second_choice_waits_for_what_serves_there() -> None:
    assert made("secondary").comes_before("LoadBalancer/other-balancer", "Record/edge-record")


@pytest.mark.parametrize(("failover", "lent"), [("none", False), ("primary", False), ("secondary", True)])
def test_the_second_region_borrows_the_record_that_proves_the_domain(failover: Failover, lent: bool) -> None:
    proof = made(failover).only(RECORD, "edge-proof")
    assert proof.inputs.get("allowOverwrite", False) is lent
    assert proof.retain_on_delete is lent
