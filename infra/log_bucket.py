"""A bucket for the logs of load balancers: private, emptied by age, written by nobody else."""

import pulumi
from pulumi import Output, ResourceOptions

from infra.buckets import Bucket, BucketLifetime

LOG_DELIVERY = "logdelivery.elasticloadbalancing.amazonaws.com"
"""Writes load balancers' logs in every region; the account for each older region is its predecessor (Elastic Load Balancing,
"Enable access logs for your Application Load Balancer")."""


class LogBucket(pulumi.ComponentResource):
    """An S3 bucket to which the load balancers of this account and region write their logs.

    Type token: `marlinspike:log_bucket:LogBucket`. Objects expire after `retention_days`. Encrypted with S3's own key, an
    exception to the platform's: load balancers write to no other ("The only server-side encryption option that's supported
    is Amazon S3-managed keys", same page). With `keep`, a bucket that has logs cannot be deleted.
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
        bucket = Bucket(
            name,
            BucketLifetime(noncurrent=1, current=retention_days),
            None,
            force_destroy=not keep,
            opts=ResourceOptions(parent=self),
        )
        policy = bucket.set_policy(
            [
                {
                    "Sid": "LoadBalancersOfThisAccountWrite",
                    "Effect": "Allow",
                    "Principal": {"Service": LOG_DELIVERY},
                    "Action": "s3:PutObject",
                    "Resource": Output.concat(bucket.arn, f"/*/AWSLogs/{account_id}/*"),
                    "Condition": {
                        "ArnLike": {
                            "aws:SourceArn": f"arn:aws:elasticloadbalancing:{region}:{account_id}:loadbalancer/*"
                        }
                    },
                }
            ]
        )
        self.bucket = policy.bucket
        self.register_outputs({"bucket": self.bucket})
