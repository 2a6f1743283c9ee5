"""A bucket for the logs of load balancers: private, emptied by age, written by nobody else."""

import pulumi
import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from infra.identity import POLICY_VERSION

LOG_DELIVERY = "logdelivery.elasticloadbalancing.amazonaws.com"
"""Writes load balancers' logs in every region; the account for each older region is its predecessor (Elastic Load Balancing,
"Enable access logs for your Application Load Balancer")."""


class LogBucket(pulumi.ComponentResource):
    """An S3 bucket to which the load balancers of this account and region write their logs.

    Type token: `marlinspike:log_bucket:LogBucket`. No access control lists, no public access, TLS only; objects expire after
    `retention_days`. Encrypted with S3's own key, the one exception to the platform's: load balancers write to no other
    ("The only server-side encryption option that's supported is Amazon S3-managed keys", same page). Not versioned: a log
    file has a name of its own and is written once. With `keep`, a bucket that has logs cannot be deleted.
    """

    bucket: Output[str]
    """Its name, for load balancers: known only when they may write, since AWS tries it when logs are switched on."""

    def __init__(
        self,
        name: str,
        retention_days: int,
        account_id: str,
        region: str,
        keep: bool,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:log_bucket:LogBucket", name, {}, opts)
        child = ResourceOptions(parent=self)
        bucket = aws.s3.Bucket(f"{name}-bucket", force_destroy=not keep, opts=child)
        aws.s3.BucketOwnershipControls(
            f"{name}-ownership", bucket=bucket.id, rule={"object_ownership": "BucketOwnerEnforced"}, opts=child
        )
        closed = aws.s3.BucketPublicAccessBlock(
            f"{name}-public-access",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket.id,
            rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
            opts=child,
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.id,
            rules=[
                {
                    "id": "expire",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "expiration": {"days": retention_days},
                    "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
                }
            ],
            opts=child,
        )
        policy = aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.id,
            policy=_policy(bucket.arn, account_id, region),
            # Two changes of a bucket's access at once are refused (OperationAborted).
            opts=ResourceOptions(parent=self, depends_on=[closed]),
        )
        self.bucket = policy.bucket
        self.register_outputs({"bucket": self.bucket})


def _policy(bucket_arn: Output[str], account_id: str, region: str) -> Output[str]:
    return Output.json_dumps(
        {
            "Version": POLICY_VERSION,
            "Statement": [
                {
                    "Sid": "LoadBalancersOfThisAccountWrite",
                    "Effect": "Allow",
                    "Principal": {"Service": LOG_DELIVERY},
                    "Action": "s3:PutObject",
                    "Resource": Output.concat(bucket_arn, f"/*/AWSLogs/{account_id}/*"),
                    "Condition": {
                        "ArnLike": {
                            "aws:SourceArn": f"arn:aws:elasticloadbalancing:{region}:{account_id}:loadbalancer/*"
                        }
                    },
                },
                {
                    "Sid": "NobodyWithoutTls",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [bucket_arn, Output.concat(bucket_arn, "/*")],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                },
            ],
        }
    )
