"""The firewall of each environment: what it keeps out, and what it writes down."""

from collections.abc import Mapping
from typing import Any

import pytest

from infra.firewall import MANAGED_GROUPS, FirewallSettings
from tests.unit.plan import (
    Plan,
    planned,
    planned_with,
)

FIREWALL = "aws:wafv2/webAcl:WebAcl"


def firewall_rules(plan: Plan) -> dict[str, Mapping[str, Any]]:
    return {rule["name"]: rule for rule in plan.only(FIREWALL).inputs["rules"]}


def test_dev_has_no_firewall() -> None:
    assert not planned("dev").of(FIREWALL)


@pytest.mark.parametrize(("stack", "counts"), [("staging", True), ("prod", False)])
def test_the_firewall_counts_in_staging_and_blocks_in_prod(stack: str, counts: bool) -> None:
    rules = firewall_rules(planned(stack))
    assert set(MANAGED_GROUPS) < set(rules)
    for name, rule in rules.items():
        action = rule["overrideAction"] if name in MANAGED_GROUPS else rule["action"]
        assert set(action) == ({"count"} if counts else {"none"} if name in MANAGED_GROUPS else {"block"}), name
    assert len({rule["priority"] for rule in rules.values()}) == len(rules)


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_the_firewall_stands_before_the_load_balancer(stack: str) -> None:
    association = planned(stack).only("aws:wafv2/webAclAssociation:WebAclAssociation").inputs
    assert association["resourceArn"].endswith(f":marlinspike-{stack}-edge-balancer")
    assert association["webAclArn"].endswith(f":marlinspike-{stack}-edge-firewall")


def test_a_client_has_two_thousand_requests_in_five_minutes_and_fewer_log_ins() -> None:
    rules = firewall_rules(planned("prod"))
    every, log_ins = (rules[name]["statement"]["rateBasedStatement"] for name in ("requests", "log-ins"))
    assert (every["limit"], every["evaluationWindowSec"], every["aggregateKeyType"]) == (2000, 300, "IP")
    assert (log_ins["limit"], log_ins["evaluationWindowSec"]) == (100, 300)
    assert log_ins["scopeDownStatement"]["byteMatchStatement"]["searchString"] == "/users/login"
    assert "scopeDownStatement" not in every
    assert rules["log-ins"]["priority"] < rules["requests"]["priority"]
    assert rules["requests"]["action"]["block"]["customResponse"]["responseCode"] == 429


def test_several_log_in_paths_share_one_limit_and_none_has_none() -> None:
    paths = ["/users/login", "/token"]
    both = firewall_rules(planned_with("staging", {"edge.firewall": {"mode": "count", "login_paths": paths}}))
    statements = both["log-ins"]["statement"]["rateBasedStatement"]["scopeDownStatement"]["orStatement"]["statements"]
    assert [each["byteMatchStatement"]["searchString"] for each in statements] == paths
    none = firewall_rules(planned_with("staging", {"edge.firewall": {"mode": "count", "login_paths": []}}))
    assert "log-ins" not in none
    assert "requests" in none


def test_a_log_in_path_in_another_spelling_is_the_same_path() -> None:
    [statement] = firewall_rules(planned("prod"))["log-ins"]["statement"]["rateBasedStatement"][
        "scopeDownStatement"
    ].values()
    transformations = sorted(statement["textTransformations"], key=lambda each: each["priority"])
    assert [each["type"] for each in transformations] == ["URL_DECODE", "NORMALIZE_PATH"]


def test_a_body_that_the_application_accepts_is_not_too_large_for_the_firewall() -> None:
    group = firewall_rules(planned("prod"))["AWSManagedRulesCommonRuleSet"]["statement"]["managedRuleGroupStatement"]
    assert group["ruleActionOverrides"] == [{"name": "SizeRestrictions_BODY", "actionToUse": {"count": {}}}]


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_the_firewalls_log_is_encrypted_ends_and_shows_nobodys_log_in(stack: str) -> None:
    plan = planned(stack)
    logs = plan.only("aws:cloudwatch/logGroup:LogGroup", f"aws-waf-logs-marlinspike-{stack}-edge")
    assert "name" not in logs.inputs  # made of the logical one, whose beginning AWS demands
    assert logs.inputs["kmsKeyId"] == plan.key_arn
    assert logs.inputs["retentionInDays"] == {"staging": 30, "prod": 90}[stack]
    logging = plan.only("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration")
    hidden = [field["singleHeader"]["name"] for field in logging.inputs["redactedFields"]]
    assert hidden == ["authorization", "cookie"]
    samples = [rule["visibilityConfig"] for rule in firewall_rules(plan).values()]
    samples.append(plan.only(FIREWALL).inputs["visibilityConfig"])
    assert not any(each["sampledRequestsEnabled"] for each in samples)
    assert plan.comes_before(f"LogResourcePolicy/marlinspike-{stack}-edge-log-delivery", logging.key)


def test_the_firewall_blocks_unless_told_otherwise() -> None:
    assert FirewallSettings().mode == "block"
