"""The edge in the simulated AWS: what it refuses as AWS would, and in which order things may go."""

from typing import Any

import grpc
import pytest

from tests.engine.plugin_client import Made, Plugin, refusal

BALANCER = "aws:lb/loadBalancer:LoadBalancer"
LISTENER = "aws:lb/listener:Listener"
RULE = "aws:lb/listenerRule:ListenerRule"
TARGET_GROUP = "aws:lb/targetGroup:TargetGroup"
CERTIFICATE = "aws:acm/certificate:Certificate"
VALIDATION = "aws:acm/certificateValidation:CertificateValidation"
RECORD = "aws:route53/record:Record"
FIREWALL = "aws:wafv2/webAcl:WebAcl"
VISIBLE = {"cloudwatchMetricsEnabled": True, "metricName": "edge", "sampledRequestsEnabled": False}


def balancer(aws: Plugin, **more: Any) -> Made:
    return aws.create(BALANCER, "edge", **more)


def proof(aws: Plugin, certificate: Made) -> Made:
    [option] = certificate.outputs["domainValidationOptions"]
    return record(aws, "proof", option["resourceRecordName"], "CNAME", records=[option["resourceRecordValue"]], ttl=300)


def record(aws: Plugin, name: str, domain: str, kind: str = "A", **more: Any) -> Made:
    return aws.create(RECORD, name, zoneId="Z1", name=domain, type=kind, **more)


def issued(aws: Plugin, domain: str = "app.example.com") -> Made:
    certificate = aws.create(CERTIFICATE, "certificate", domainName=domain, validationMethod="DNS")
    proof(aws, certificate)
    aws.create(VALIDATION, "validation", certificateArn=certificate.id)
    return certificate


def https(aws: Plugin, certificate: Made) -> Made:
    return aws.create(
        LISTENER,
        "https",
        loadBalancerArn=balancer(aws).id,
        port=443,
        protocol="HTTPS",
        certificateArn=certificate.id,
        defaultActions=[{"type": "fixed-response", "fixedResponse": {"contentType": "text/plain"}}],
    )


def test_a_load_balancer_is_refused_logs_that_it_may_not_write(aws: Plugin) -> None:
    bucket = aws.create("aws:s3/bucket:Bucket", "logs")
    logs = {"bucket": bucket.id, "enabled": True}
    with pytest.raises(grpc.RpcError) as refused:
        balancer(aws, accessLogs=logs)
    assert f"Access Denied for bucket: {bucket.id}" in refusal(refused)
    policy = '{"Statement": [{"Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}}]}'
    aws.create("aws:s3/bucketPolicy:BucketPolicy", "policy", bucket=bucket.id, policy=policy)
    assert balancer(aws, accessLogs=logs).outputs["arnSuffix"].startswith("app/edge-")


def test_a_certificate_without_its_proof_is_never_issued(aws: Plugin) -> None:
    certificate = aws.create(CERTIFICATE, "certificate", domainName="app.example.com", validationMethod="DNS")
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(VALIDATION, "validation", certificateArn=certificate.id)
    assert "last state: 'PENDING_VALIDATION'" in refusal(refused)
    proof(aws, certificate)
    assert aws.create(VALIDATION, "validation", certificateArn=certificate.id).outputs["certificateArn"]


def test_what_proves_a_domain_is_the_same_in_every_region(aws: Plugin) -> None:
    first, second = (
        aws.create(CERTIFICATE, name, domainName="app.example.com", validationMethod="DNS", region=region)
        for name, region in (("first", "eu-west-3"), ("second", "eu-central-1"))
    )
    assert first.id != second.id
    assert first.outputs["domainValidationOptions"] == second.outputs["domainValidationOptions"]


def test_a_listener_takes_no_certificate_that_is_not_issued(aws: Plugin) -> None:
    waiting = aws.create(CERTIFICATE, "waiting", domainName="other.example.com", validationMethod="DNS")
    with pytest.raises(grpc.RpcError) as refused:
        https(aws, waiting)
    assert "UnsupportedCertificate" in refusal(refused)


def test_a_certificate_stays_while_a_listener_has_it(aws: Plugin) -> None:
    certificate = issued(aws)
    listener = https(aws, certificate)
    with pytest.raises(grpc.RpcError) as refused:
        aws.delete(certificate)
    assert "ResourceInUseException" in refusal(refused)
    aws.delete(listener)
    aws.delete(certificate)


def test_a_target_group_stays_while_a_rule_sends_to_it(aws: Plugin) -> None:
    listener = https(aws, issued(aws))
    targets = aws.create(TARGET_GROUP, "targets", port=5000, protocol="HTTP", targetType="ip", vpcId="vpc-1")
    actions = [{"type": "forward", "targetGroupArn": targets.id}]
    conditions = [{"hostHeader": {"values": ["app.example.com"]}}]
    rule = aws.create(RULE, "rule", listenerArn=listener.id, priority=1, actions=actions, conditions=conditions)
    with pytest.raises(grpc.RpcError) as refused:
        aws.delete(targets)
    assert "is currently in use by a listener or a rule" in refusal(refused)
    with pytest.raises(grpc.RpcError, match="PriorityInUse"):
        aws.create(RULE, "second", listenerArn=listener.id, priority=1, actions=actions, conditions=conditions)
    aws.delete(rule)
    aws.delete(targets)


def test_a_firewall_stays_while_it_stands_before_something(aws: Plugin) -> None:
    firewall = aws.create(FIREWALL, "firewall", scope="REGIONAL", defaultAction={"allow": {}}, visibilityConfig=VISIBLE)
    association = aws.create(
        "aws:wafv2/webAclAssociation:WebAclAssociation",
        "association",
        resourceArn=balancer(aws).id,
        webAclArn=firewall.outputs["arn"],
    )
    with pytest.raises(grpc.RpcError) as refused:
        aws.delete(firewall)
    assert "WAFAssociatedItemException" in refusal(refused)
    aws.delete(association)
    aws.delete(firewall)


def test_a_firewall_writes_to_log_groups_of_one_beginning_only(aws: Plugin) -> None:
    def logging(group: str) -> Made:
        return aws.create(
            "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
            group,
            resourceArn="arn:aws:wafv2:eu-west-3:111122223333:regional/webacl/edge/1",
            logDestinationConfigs=[f"arn:aws:logs:eu-west-3:111122223333:log-group:{group}"],
        )

    with pytest.raises(grpc.RpcError, match="LOG_DESTINATION"):
        logging("firewall")
    assert logging("aws-waf-logs-edge").id.endswith("/edge/1")


def test_a_public_load_balancer_keeps_the_way_to_the_internet(aws: Plugin) -> None:
    vpc = aws.create("aws:ec2/vpc:Vpc", "vpc", cidrBlock="10.0.0.0/16")
    gateway = aws.create("aws:ec2/internetGateway:InternetGateway", "gateway", vpcId=vpc.id)
    subnet = aws.create("aws:ec2/subnet:Subnet", "subnet", vpcId=vpc.id, cidrBlock="10.0.0.0/24")
    public = balancer(aws, subnets=[subnet.id])
    with pytest.raises(grpc.RpcError, match="mapped public address"):
        aws.delete(gateway)
    aws.delete(public)
    aws.delete(gateway)


def test_a_name_is_given_once_or_to_several_choices(aws: Plugin) -> None:
    first = record(aws, "plain", "app.example.com", records=["192.0.2.1"], ttl=60)
    assert first.outputs["fqdn"] == "app.example.com"
    with pytest.raises(grpc.RpcError, match="but it already exists"):
        record(aws, "again", "app.example.com", records=["192.0.2.2"], ttl=60)
    choice = {"records": ["192.0.2.2"], "ttl": 60, "failoverRoutingPolicies": [{"type": "SECONDARY"}]}
    with pytest.raises(grpc.RpcError, match="non multi-answer"):
        record(aws, "second", "app.example.com", setIdentifier="secondary", **choice)
    aws.delete(first)
    for identifier in ("primary", "secondary"):
        record(aws, identifier, "app.example.com", setIdentifier=identifier, **choice)


@pytest.mark.parametrize(
    ("token", "inputs", "change", "replaces"),
    [
        (
            CERTIFICATE,
            {"domainName": "a.example.com", "validationMethod": "DNS"},
            {"domainName": "b.example.com"},
            True,
        ),
        (TARGET_GROUP, {"port": 5000, "protocol": "HTTP", "vpcId": "vpc-1"}, {"port": 5001}, True),
        (TARGET_GROUP, {"port": 5000, "protocol": "HTTP", "vpcId": "vpc-1"}, {"deregistrationDelay": 30}, False),
        (BALANCER, {"idleTimeout": 60}, {"internal": True}, True),
        (BALANCER, {"idleTimeout": 60}, {"idleTimeout": 50}, False),
        (
            RECORD,
            {"zoneId": "Z1", "name": "a.example.com", "type": "A", "records": ["192.0.2.1"], "ttl": 60},
            {"setIdentifier": "primary", "failoverRoutingPolicies": [{"type": "PRIMARY"}]},
            False,
        ),
        (
            FIREWALL,
            {"scope": "REGIONAL", "defaultAction": {"allow": {}}, "visibilityConfig": VISIBLE},
            {"defaultAction": {"block": {}}},
            False,
        ),
    ],
)
def test_what_is_changed_in_place_and_what_is_replaced(
    aws: Plugin, token: str, inputs: dict[str, Any], change: dict[str, Any], replaces: bool
) -> None:
    made = aws.create(token, "subject", **inputs)
    assert bool(aws.diff(made, **change).replaces) is replaces
