"""The edge of each environment: the one way in, and what is written down of it."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from infra.application import KEEP_ALIVE_SECONDS
from infra.edge import EdgeSettings
from stacks.composition import compose
from stacks.settings import SettingsError
from tests.unit.plan import AWS_STACKS, PROJECT_FOLDER, plan_of_program, planned, planned_with, settings_with

BALANCER = "aws:lb/loadBalancer:LoadBalancer"
LISTENER = "aws:lb/listener:Listener"
RULE = "aws:lb/listenerRule:ListenerRule"
TARGET_GROUP = "aws:lb/targetGroup:TargetGroup"
CERTIFICATE = "aws:acm/certificate:Certificate"
RECORD = "aws:route53/record:Record"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS_RULE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
EVERYBODY = ("0.0.0.0/0", "::/0")
DOMAINS = {"dev": "dev.example.com", "staging": "staging.example.com", "prod": "app.example.com"}
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
PUBLIC_ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_world_reaches_the_load_balancer_and_nothing_else(stack: str) -> None:
    plan = planned(stack)
    open_doors = {
        (rule.inputs["securityGroupId"], int(rule.inputs["fromPort"]), int(rule.inputs["toPort"]))
        for rule in plan.of(INGRESS_RULE)
        if {rule.inputs.get("cidrIpv4"), rule.inputs.get("cidrIpv6")} & set(EVERYBODY)
    }
    assert open_doors == {
        (f"marlinspike-{stack}-edge-group-id", 80, 80),
        (f"marlinspike-{stack}-edge-group-id", 443, 443),
    }
    assert plan.only(BALANCER).inputs["securityGroups"] == [f"marlinspike-{stack}-edge-group-id"]
    # Rules may also stand within a group, or in the older kind of resource.
    for group in (r for r in plan.resources if r.type.startswith("aws:ec2/") and "SecurityGroup" in r.type):
        assert not any(cidr in json.dumps(group.inputs) for cidr in EVERYBODY), group.key


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_load_balancer_reaches_the_pods_port_and_nothing_else(stack: str) -> None:
    plan = planned(stack)
    [out] = [
        rule.inputs
        for rule in plan.of(EGRESS_RULE)
        if rule.inputs["securityGroupId"] == f"marlinspike-{stack}-edge-group-id"
    ]
    [into] = [rule.inputs for rule in plan.of(INGRESS_RULE) if rule.inputs["securityGroupId"] == "sg-cluster"]
    assert (out["referencedSecurityGroupId"], out["fromPort"], out["toPort"]) == ("sg-cluster", 5000, 5000)
    assert (into["referencedSecurityGroupId"], into["fromPort"], into["toPort"]) == (
        f"marlinspike-{stack}-edge-group-id",
        5000,
        5000,
    )


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_it_stands_in_the_public_subnets_once_they_lead_somewhere(stack: str) -> None:
    plan = planned(stack)
    balancer = plan.only(BALANCER)
    assert {subnet.rsplit("-", 2)[0] for subnet in balancer.inputs["subnets"]} == {f"marlinspike-{stack}-public"}
    assert plan.comes_before(f"InternetGateway/marlinspike-{stack}-internet", balancer.key)
    assert plan.comes_before(f"Route/marlinspike-{stack}-public-default", balancer.key)


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_https_with_todays_policy_is_the_only_way_to_the_application(stack: str) -> None:
    plan = planned(stack)
    http, https = (plan.only(LISTENER, f"marlinspike-{stack}-edge-{scheme}").inputs for scheme in ("http", "https"))
    [redirect] = http["defaultActions"]
    assert redirect["type"] == "redirect"
    assert redirect["redirect"] == {"protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"}
    assert https["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
    assert {rule.inputs["listenerArn"] for rule in plan.of(RULE)} == {
        f"arn:aws:test:eu-west-3:111122223333:marlinspike-{stack}-edge-https"
    }


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_only_the_domain_leads_to_the_pods(stack: str) -> None:
    plan = planned(stack)
    [otherwise] = plan.only(LISTENER, f"marlinspike-{stack}-edge-https").inputs["defaultActions"]
    assert (otherwise["type"], otherwise["fixedResponse"]["statusCode"]) == ("fixed-response", "404")
    rule = plan.only(RULE, f"marlinspike-{stack}-edge-domain").inputs
    assert rule["conditions"] == [{"hostHeader": {"values": [DOMAINS[stack]]}}]
    assert plan.only(CERTIFICATE).inputs["domainName"] == DOMAINS[stack]
    record = plan.only(RECORD, f"marlinspike-{stack}-edge-record").inputs
    assert (record["name"], record["type"]) == (DOMAINS[stack], "A")
    assert record["aliases"][0]["name"] == "balancer.example"


def test_every_answer_tells_browsers_to_be_careful_and_not_what_answers() -> None:
    headers = {
        name.removeprefix("routingHttpResponse"): value
        for name, value in planned("prod").only(LISTENER, "marlinspike-prod-edge-https").inputs.items()
        if name.startswith("routingHttpResponse")
    }
    assert headers["ServerEnabled"] is False
    assert headers["StrictTransportSecurityHeaderValue"].startswith("max-age=31536000")
    assert headers["XContentTypeOptionsHeaderValue"] == "nosniff"
    assert headers["XFrameOptionsHeaderValue"] == "DENY"
    assert "frame-ancestors 'none'" in headers["ContentSecurityPolicyHeaderValue"]


def test_a_listener_waits_for_the_certificate_to_be_issued_and_that_for_its_proof() -> None:
    plan = planned("dev")
    assert plan.comes_before(
        "CertificateValidation/marlinspike-dev-edge-validation", "Listener/marlinspike-dev-edge-https"
    )
    assert plan.comes_before(
        "Record/marlinspike-dev-edge-proof", "CertificateValidation/marlinspike-dev-edge-validation"
    )
    proof = plan.only(RECORD, "marlinspike-dev-edge-proof").inputs
    assert (proof["name"], proof["type"]) == ("_proof.dev.example.com.", "CNAME")


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_targets_are_pods_that_are_ready(stack: str) -> None:
    targets = planned(stack).only(TARGET_GROUP).inputs
    assert (targets["targetType"], targets["protocol"], targets["port"]) == ("ip", "HTTP", 5000)
    assert targets["healthCheck"]["path"] == "/readyz"
    assert targets["deregistrationDelay"] == 30


def test_a_target_leaves_as_the_application_says() -> None:
    plan = planned_with("dev", {"app.shutdown": {"deregistration_delay_seconds": 25}})
    assert plan.only(TARGET_GROUP).inputs["deregistrationDelay"] == 25


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_applications_pods_are_those_targets(stack: str) -> None:
    plan = planned(stack)
    binding = plan.only("kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding")
    [group] = plan.of(TARGET_GROUP)
    assert binding.inputs["spec"]["targetGroupARN"].endswith(f":{group.name}")
    # Of targets to which no rule leads, nobody asks their health.
    rules = [rule for rule in plan.of(RULE) if plan.comes_before(rule.key, binding.key)]
    assert [rule.inputs["actions"][0]["targetGroupArn"] for rule in rules] == [binding.inputs["spec"]["targetGroupARN"]]
    assert plan.comes_before("Release/aws-load-balancer-controller-release", binding.key)
    assert plan.comes_before(binding.key, plan.only("kubernetes:apps/v1:Deployment").key)


def test_a_load_balancer_without_anybody_who_binds_pods_to_it_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"add_ons\.load_balancer_controller: is off, and section edge needs it"):
        settings_with("prod", {"add_ons.load_balancer_controller": False})


@pytest.mark.parametrize(("stack", "protected"), [("dev", False), ("staging", False), ("prod", True)])
def test_protection_keeps_the_load_balancer_and_its_logs(stack: str, protected: bool) -> None:
    plan = planned(stack)
    balancer = plan.only(BALANCER)
    assert (balancer.protect, balancer.inputs["enableDeletionProtection"]) == (protected, protected)
    assert (
        plan.only("aws:s3/bucket:Bucket", f"marlinspike-{stack}-edge-logs-bucket").inputs["forceDestroy"]
        is not protected
    )


def test_without_the_section_there_is_no_way_in() -> None:
    plan = planned_with("prod", {"edge": None})
    services = {resource.type.split("/")[0] for resource in plan.resources}
    assert services.isdisjoint({"aws:lb", "aws:acm", "aws:route53", "aws:wafv2"})
    assert not any(rule.inputs.get("cidrIpv4") == "0.0.0.0/0" for rule in plan.of(INGRESS_RULE))


def test_the_stack_says_where_it_is_found() -> None:
    found: dict[str, Any] = {}

    def make() -> Mapping[str, Any]:
        found.update(compose("prod", settings_with("prod", {})))
        return found

    plan_of_program("prod", make)
    assert found["url"] == "https://app.example.com"
    assert "load_balancer_dns_name" in found


@pytest.mark.parametrize(("stack", "days"), [("dev", 30), ("staging", 30), ("prod", 90)])
def test_requests_and_connections_are_recorded_and_the_record_ends(stack: str, days: int) -> None:
    plan = planned(stack)
    balancer = plan.only(BALANCER)
    for logs in ("accessLogs", "connectionLogs"):
        assert balancer.inputs[logs]["enabled"] is True
        assert balancer.inputs[logs]["bucket"] == f"marlinspike-{stack}-edge-logs-bucket"
    prefixes = {balancer.inputs[logs]["prefix"] for logs in ("accessLogs", "connectionLogs")}
    assert len(prefixes) == 2
    lifecycle = plan.only(LIFECYCLE, f"marlinspike-{stack}-edge-logs-lifecycle")
    assert lifecycle.inputs["rules"][0]["expiration"] == {"days": days}


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_only_this_accounts_load_balancers_write_to_the_log_bucket(stack: str) -> None:
    plan = planned(stack)
    policy = json.loads(
        plan.only("aws:s3/bucketPolicy:BucketPolicy", f"marlinspike-{stack}-edge-logs-policy").inputs["policy"]
    )
    [allowed] = [statement for statement in policy["Statement"] if statement["Effect"] == "Allow"]
    [denied] = [statement for statement in policy["Statement"] if statement["Effect"] == "Deny"]
    assert allowed["Principal"] == {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    assert allowed["Action"] == "s3:PutObject"
    assert allowed["Resource"].endswith("/AWSLogs/111122223333/*")
    source = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:loadbalancer/*"
    assert allowed["Condition"] == {"ArnLike": {"aws:SourceArn": source}}
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    # AWS tries whether it may write when logs are switched on.
    assert plan.comes_before(
        f"BucketPolicy/marlinspike-{stack}-edge-logs-policy", f"LoadBalancer/marlinspike-{stack}-edge-balancer"
    )


def test_the_log_bucket_is_closed_and_encrypted_as_log_delivery_demands() -> None:
    plan = planned("prod")
    closed = plan.only(PUBLIC_ACCESS, "marlinspike-prod-edge-logs-public-access").inputs
    assert {value for key, value in closed.items() if key != "bucket"} == {True}
    encryption = plan.only(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "marlinspike-prod-edge-logs-encryption",
    ).inputs
    assert encryption["rules"][0]["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}


def test_the_application_keeps_connections_for_as_long_as_the_program_thinks() -> None:
    source = (PROJECT_FOLDER / "app" / "__main__.py").read_text()
    found = re.search(r"^KEEP_ALIVE_SECONDS = \(?\s*([0-9]+)", source, flags=re.MULTILINE)
    assert found
    assert int(found[1]) == KEEP_ALIVE_SECONDS


def test_a_load_balancer_that_keeps_connections_longer_than_the_application_is_refused() -> None:
    with pytest.raises(SettingsError) as refused:
        settings_with("prod", {"edge.idle_timeout_seconds": 75})
    [fault] = refused.value.faults
    assert fault.startswith("edge.idle_timeout_seconds: 75 is not below the 75 s")
    settings_with("prod", {"edge.idle_timeout_seconds": 74})


def test_a_misspelt_key_of_an_optional_section_is_refused_with_what_is_known_there() -> None:
    with pytest.raises(SettingsError) as refused:
        settings_with("prod", {"edge.firewall": {"mod": "block"}, "edge.domian": "app.example.com"})
    deep, flat = sorted(refused.value.faults, reverse=True)
    assert deep.startswith("edge.firewall.mod: unknown setting; did you mean mode?")
    assert flat.startswith("edge.domian: unknown setting; did you mean domain?")


EDGE = {"domain": "app.example.com", "hosted_zone_id": "Z0123456789EXAMPLE"}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"domain": "example"}, "should match pattern"),
        ({"domain": "App.example.com"}, "should match pattern"),
        ({"domain": "https://app.example.com"}, "should match pattern"),
        ({"domain": f"{'a' * 60}.example.com"}, "at most 64"),
        ({"hosted_zone_id": "example.com"}, "should match pattern"),
        ({"idle_timeout_seconds": 0}, "greater than or equal to 1"),
        ({"access_log_retention_days": 31}, "Input should be 7, 14, 30"),
        ({"firewall": {"mode": "on"}}, "'off', 'count' or 'block'"),
        ({"firewall": {"requests_per_5_minutes": 9}}, "greater than or equal to 10"),
        ({"firewall": {"login_requests_per_5_minutes": 9}}, "greater than or equal to 10"),
        ({"firewall": {"login_requests_per_5_minutes": 2000}}, "is reached first; choose a lower one"),
        ({"firewall": {"login_paths": ["login"]}}, "should match pattern"),
        ({"firewall": {"login_paths": [f"/{each}" for each in "abcdef"]}}, "at most 5 items"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_reason(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        EdgeSettings(**{**EDGE, **wrong})
