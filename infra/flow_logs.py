"""Flow logs: who spoke with whom in the VPC, and who was refused; kept in CloudWatch Logs or in S3, and not for ever."""

from typing import Literal

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.identity import POLICY_VERSION, Permission, granting, trusting
from infra.settings import Section


class FlowLogSettings(Section):
    """Key `flow_logs` of section `network`."""

    destination: Literal["cloudwatch", "s3"] = "cloudwatch"
    """`cloudwatch` answers questions at once; `s3` costs half as much a GB ("Amazon CloudWatch pricing", vended logs) and
    wants Athena to be read. A change begins a new record and deletes the old one."""

    retention_days: Literal[7, 14, 30, 60, 90, 180, 365] = 30
    """How long the record is kept; periods that CloudWatch Logs offers."""


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
        role = aws.iam.Role(
            f"{self._prefix}-role", assume_role_policy=trusting("vpc-flow-logs.amazonaws.com"), opts=self._child
        )
        policy = aws.iam.RolePolicy(
            f"{self._prefix}-policy",
            role=role.id,
            policy=granting(
                {
                    "WriteFlowLogs": Permission(
                        actions=["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
                        resources=[group.arn, Output.concat(group.arn, ":*")],
                    )
                }
            ),
            opts=self._child,
        )
        aws.ec2.FlowLog(
            f"{self._prefix}-to-cloudwatch",
            vpc_id=vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            max_aggregation_interval=60,  # seconds; the other choice is ten minutes
            opts=ResourceOptions(parent=self, depends_on=[policy]),
        )

    def _record_in_bucket(self, vpc_id: Input[str], account_id: str, region: str, days: int) -> None:
        bucket, ready = self._private_bucket(days)
        policy = aws.s3.BucketPolicy(
            f"{self._prefix}-policy",
            bucket=bucket.id,
            policy=_delivery(bucket.arn, account_id, region),
            # S3 refuses two changes of a bucket's access at a time (terraform-provider-aws#7628).
            opts=ResourceOptions(parent=self, depends_on=ready),
        )
        aws.ec2.FlowLog(
            f"{self._prefix}-to-s3",
            vpc_id=vpc_id,
            traffic_type="ALL",
            log_destination_type="s3",
            log_destination=bucket.arn,
            max_aggregation_interval=60,
            # Without a policy EC2 would write one of its own; and the first file is encrypted as the others.
            opts=ResourceOptions(parent=self, depends_on=[policy, *ready]),
        )

    def _private_bucket(self, days: int) -> tuple[aws.s3.Bucket, list[pulumi.Resource]]:
        """A bucket whose objects expire, and what must be there before the first of them."""
        # Its objects go with it, as a log group's entries do: the record is there to be read, not to be kept.
        bucket = aws.s3.Bucket(f"{self._prefix}-bucket", force_destroy=True, opts=self._child)
        aws.s3.BucketOwnershipControls(
            f"{self._prefix}-ownership",
            bucket=bucket.id,
            rule={"object_ownership": "BucketOwnerEnforced"},  # access lists have no effect
            opts=self._child,
        )
        private = aws.s3.BucketPublicAccessBlock(
            f"{self._prefix}-private",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._child,
        )
        encryption = aws.s3.BucketServerSideEncryptionConfiguration(
            f"{self._prefix}-encryption",
            bucket=bucket.id,
            rules=[
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms",
                        "kms_master_key_id": self._key_arn,
                    },
                    "bucket_key_enabled": True,  # one call to KMS for many objects
                }
            ],
            opts=self._child,
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{self._prefix}-lifecycle",
            bucket=bucket.id,
            rules=[
                {
                    "id": "expire",
                    "status": "Enabled",
                    "filter": {"prefix": ""},  # all of them
                    "expiration": {"days": days},
                    "abort_incomplete_multipart_upload": {"days_after_initiation": 1},
                }
            ],
            opts=self._child,
        )
        return bucket, [private, encryption]


def _delivery(bucket_arn: Output[str], account_id: str, region: str) -> Output[str]:
    """Lets the log delivery write for this account, by TLS ("Amazon S3 bucket permissions for flow logs"). JSON."""
    delivery = {"Service": "delivery.logs.amazonaws.com"}
    sources = {"ArnLike": {"aws:SourceArn": f"arn:aws:logs:{region}:{account_id}:*"}}
    own = {"aws:SourceAccount": account_id}
    objects = Output.concat(bucket_arn, "/*")
    return Output.json_dumps(
        {
            "Version": POLICY_VERSION,
            "Statement": [
                {
                    "Sid": "Write",
                    "Effect": "Allow",
                    "Principal": delivery,
                    "Action": "s3:PutObject",
                    "Resource": Output.concat(bucket_arn, f"/AWSLogs/{account_id}/*"),
                    "Condition": {
                        "StringEquals": {**own, "s3:x-amz-acl": "bucket-owner-full-control"},
                        **sources,
                    },
                },
                {
                    "Sid": "Look",
                    "Effect": "Allow",
                    "Principal": delivery,
                    "Action": ["s3:GetBucketAcl", "s3:ListBucket"],
                    "Resource": bucket_arn,
                    "Condition": {"StringEquals": own, **sources},
                },
                {
                    "Sid": "OnlyByTls",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [bucket_arn, objects],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                },
            ],
        }
    )
