"""The record of connections: everything in it, encrypted, private, and not for ever."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.plan import AWS_STACKS, Plan, planned, planned_with

FLOW_LOG = "aws:ec2/flowLog:FlowLog"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
BUCKET = "aws:s3/bucket:Bucket"
NAME = "marlinspike-prod-flow-logs"
ACCOUNT = "111122223333"
DELIVERY = {"Service": "delivery.logs.amazonaws.com"}


def in_bucket() -> Plan:
    return planned_with("prod", {"network.flow_logs": {"destination": "s3", "retention_days": 180}})


@pytest.mark.parametrize(("stack", "days"), [("dev", 30), ("staging", 30), ("prod", 90)])
def test_every_connection_is_recorded_and_the_record_ends(stack: str, days: int) -> None:
    plan = planned(stack)
    log = plan.only(FLOW_LOG).inputs
    group = plan.only(LOG_GROUP, f"marlinspike-{stack}-flow-logs-group").inputs
    assert (log["trafficType"], log["vpcId"]) == ("ALL", f"marlinspike-{stack}-vpc-id")
    assert log["logDestination"].endswith(f"marlinspike-{stack}-flow-logs-group")
    assert (group["retentionInDays"], group["kmsKeyId"]) == (days, plan.key_arn)
    assert not any("flow-logs" in bucket.name for bucket in plan.of(BUCKET))


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_flow_logs_role_writes_to_its_log_group_only(stack: str) -> None:
    policy = planned(stack).only("aws:iam/rolePolicy:RolePolicy", f"marlinspike-{stack}-flow-logs-policy").inputs
    [statement] = json.loads(policy["policy"])["Statement"]
    assert all(f"marlinspike-{stack}-flow-logs-group" in resource for resource in statement["Resource"])


def test_in_s3_the_record_is_private_and_encrypted_and_ends() -> None:
    plan = in_bucket()
    assert plan.only(FLOW_LOG).inputs["logDestination"].endswith(f"{NAME}-bucket")
    assert "iamRoleArn" not in plan.only(FLOW_LOG).inputs
    assert [group.name for group in plan.of(LOG_GROUP) if "flow-logs" in group.name] == []

    def part(kind: str) -> Mapping[str, Any]:
        [found] = [p.inputs for p in plan.of(f"aws:s3/{kind[0].lower()}{kind[1:]}:{kind}") if NAME in p.name]
        assert found["bucket"] == f"{NAME}-bucket"
        return found

    private = part("BucketPublicAccessBlock")
    switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    assert all(private[switch] is True for switch in switches)
    assert part("BucketOwnershipControls")["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    [encryption] = part("BucketServerSideEncryptionConfiguration")["rules"]
    assert encryption["applyServerSideEncryptionByDefault"] == {
        "sseAlgorithm": "aws:kms",
        "kmsMasterKeyId": plan.key_arn,
    }
    [rule] = part("BucketLifecycleConfiguration")["rules"]
    assert (rule["status"], rule["filter"], rule["expiration"]) == ("Enabled", {"prefix": ""}, {"days": 180})


def test_only_the_log_delivery_for_this_account_writes_to_the_bucket() -> None:
    policy = json.loads(in_bucket().only("aws:s3/bucketPolicy:BucketPolicy", f"{NAME}-policy").inputs["policy"])
    allowed = [statement for statement in policy["Statement"] if statement["Effect"] == "Allow"]
    assert [statement["Principal"] for statement in allowed] == [DELIVERY, DELIVERY]
    for statement in allowed:
        assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == ACCOUNT
        assert statement["Condition"]["ArnLike"] == {"aws:SourceArn": f"arn:aws:logs:eu-west-3:{ACCOUNT}:*"}
    assert allowed[0]["Resource"].endswith(f"{NAME}-bucket/AWSLogs/{ACCOUNT}/*")


def test_the_bucket_answers_by_tls_only() -> None:
    policy = json.loads(in_bucket().only("aws:s3/bucketPolicy:BucketPolicy", f"{NAME}-policy").inputs["policy"])
    [denied] = [statement for statement in policy["Statement"] if statement["Effect"] == "Deny"]
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert (denied["Principal"], denied["Action"], len(denied["Resource"])) == ("*", "s3:*", 2)


def test_nothing_is_delivered_before_the_bucket_is_ready() -> None:
    plan = in_bucket()
    for part in ("BucketPolicy/" + NAME + "-policy", "BucketServerSideEncryptionConfiguration/" + NAME + "-encryption"):
        assert plan.comes_before(part, f"FlowLog/{NAME}-to-s3")


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_log_delivery_may_use_the_key_for_this_account_only(stack: str) -> None:
    policy = json.loads(planned(stack).only("aws:kms/key:Key", f"marlinspike-{stack}-key").inputs["policy"])
    [statement] = [s for s in policy["Statement"] if s["Principal"] == DELIVERY]
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
    assert "kms:GenerateDataKey*" in statement["Action"]
