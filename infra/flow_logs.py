"""Flow logs: who spoke with whom in the VPC, and who was refused; kept in CloudWatch Logs or in S3, and not for ever."""

from typing import Any, Literal

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.buckets import Bucket, BucketLifetime
from infra.identity import Permission
from infra.log_delivery import LOG_DELIVERY, for_this_account
from infra.service_role import service_role
from infra.settings import LogDays, Section


class FlowLogSettings(Section):
    """Key `flow_logs` of section `network`."""

    destination: Literal["cloudwatch", "s3"] = "cloudwatch"
    """`cloudwatch` answers questions at once; `s3` costs half as much a GB ("Amazon CloudWatch pricing", vended logs) and
    wants Athena to be read. A change begins a new record and deletes the old one."""

    retention_days: LogDays = 30
    """How long the record is kept."""


class FlowLogs(pulumi.ComponentResource):
    """The record of every connection of a VPC, accepted or rejected, encrypted with the platform's key.

    Type token: `marlinspike:flow_logs:FlowLogs`. Makes the flow log and its destination: a log group with the role that
    writes to it, or a private bucket whose objects expire.
    """

    def __init__(
        self,
        name: str,
        settings: FlowLogSettings,
        account_id: str,
        region: str,
        vpc_id: Input[str],
        key_arn: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:flow_logs:FlowLogs", name, {}, opts)
        self._prefix, self._key_arn = name, key_arn
        self._child = ResourceOptions(parent=self)
        if settings.destination == "s3":
            self._record_in_bucket(vpc_id, account_id, region, settings.retention_days)
        else:
            self._record_in_log_group(vpc_id, settings.retention_days)
        self.register_outputs({})

    def _record_in_log_group(self, vpc_id: Input[str], days: int) -> None:
        group = aws.cloudwatch.LogGroup(
            f"{self._prefix}-group", retention_in_days=days, kms_key_id=self._key_arn, opts=self._child
        )
        write = Permission(
            actions=["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
            resources=[group.arn, Output.concat(group.arn, ":*")],
        )
        role = service_role(
            f"{self._prefix}-role",
            "vpc-flow-logs.amazonaws.com",
            self._child,
            permissions={"WriteFlowLogs": write},
            policy_name=f"{self._prefix}-policy",
        )
        aws.ec2.FlowLog(
            f"{self._prefix}-to-cloudwatch",
            vpc_id=vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            max_aggregation_interval=60,  # seconds; the other choice is ten minutes
            opts=ResourceOptions(parent=self, depends_on=role.granted),
        )

    def _record_in_bucket(self, vpc_id: Input[str], account_id: str, region: str, days: int) -> None:
        bucket = Bucket(
            self._prefix,
            BucketLifetime(noncurrent=1, current=days),
            self._key_arn,
            # Its objects go with it, as a log group's entries do: the record is there to be read, not to be kept.
            force_destroy=True,
            opts=self._child,
        )
        policy = bucket.set_policy(_delivery(bucket.arn, account_id, region))
        aws.ec2.FlowLog(
            f"{self._prefix}-to-s3",
            vpc_id=vpc_id,
            traffic_type="ALL",
            log_destination_type="s3",
            log_destination=bucket.arn,
            max_aggregation_interval=60,
            # Without a policy EC2 would write one of its own; and the first file is encrypted as the others.
            opts=ResourceOptions(parent=self, depends_on=[policy, bucket.encryption]),
        )


def _delivery(bucket_arn: Output[str], account_id: str, region: str) -> list[dict[str, Any]]:
    """Lets the log delivery write for this account ("Amazon S3 bucket permissions for flow logs")."""
    delivery, ours = {"Service": LOG_DELIVERY}, for_this_account(account_id, region)
    owned_by_us = {"s3:x-amz-acl": "bucket-owner-full-control"}
    return [
        {
            "Sid": "Write",
            "Effect": "Allow",
            "Principal": delivery,
            "Action": "s3:PutObject",
            "Resource": Output.concat(bucket_arn, f"/AWSLogs/{account_id}/*"),
            "Condition": {**ours, "StringEquals": {**ours["StringEquals"], **owned_by_us}},
        },
        {
            "Sid": "Look",
            "Effect": "Allow",
            "Principal": delivery,
            "Action": ["s3:GetBucketAcl", "s3:ListBucket"],
            "Resource": bucket_arn,
            "Condition": ours,
        },
    ]
