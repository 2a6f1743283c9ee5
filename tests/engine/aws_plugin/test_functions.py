"""What the simulated AWS answers to the program's questions."""

import json

from tests.engine.plugin_client import Plugin


def test_the_functions_answer_for_the_simulated_account_and_region(aws: Plugin) -> None:
    assert aws.invoke("aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == "111122223333"
    zones = aws.invoke("aws:index/getAvailabilityZones:getAvailabilityZones", state="available")
    assert zones["names"] == ["eu-west-3a", "eu-west-3b", "eu-west-3c"]
    elsewhere = aws.invoke("aws:index/getAvailabilityZones:getAvailabilityZones", region="eu-central-1")
    assert elsewhere["names"][0] == "eu-central-1a"
    assert aws.invoke("aws:index/getRegion:getRegion")["region"] == "eu-west-3"
    assert aws.invoke("aws:index/getPartition:getPartition")["dnsSuffix"] == "amazonaws.com"


def test_a_policy_document_reads_as_the_real_provider_writes_it(aws: Plugin) -> None:
    answer = aws.invoke(
        "aws:iam/getPolicyDocument:getPolicyDocument",
        statements=[
            {
                "sid": "Read",
                "actions": ["s3:GetObject", "s3:ListBucket"],
                "resources": ["arn:aws:s3:::b/&{aws:username}"],
                "principals": [{"type": "Service", "identifiers": ["ec2.amazonaws.com"]}],
                "conditions": [{"test": "StringEquals", "variable": "aws:PrincipalTag/a", "values": ["x"]}],
            },
            {
                "effect": "Deny",
                "notActions": ["iam:*"],
                "resources": ["*"],
                "principals": [{"type": "*", "identifiers": ["*"]}],
            },
        ],
    )
    assert json.loads(answer["json"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Read",
                "Effect": "Allow",
                "Action": ["s3:ListBucket", "s3:GetObject"],
                "Resource": "arn:aws:s3:::b/${aws:username}",
                "Principal": {"Service": "ec2.amazonaws.com"},
                "Condition": {"StringEquals": {"aws:PrincipalTag/a": "x"}},
            },
            {"Effect": "Deny", "NotAction": "iam:*", "Resource": "*", "Principal": "*"},
        ],
    }
    assert answer["json"].startswith('{\n  "Version": "2012-10-17",\n  "Statement": [')
    assert " " not in answer["minifiedJson"]
