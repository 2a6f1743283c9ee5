"""A bucket as every bucket of the platform is: private, encrypted, versioned, over TLS only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.identity import policy_of

MULTIPART_DAYS = 7
"""After which the parts of an upload that was never finished go; they cost, and no listing shows them."""


@dataclass(frozen=True)
class BucketLifetime:
    """How long a bucket keeps what; all in days."""

    noncurrent: int
    """Versions that were replaced or deleted."""
    current: int | None = None
    """Objects themselves; for ever when left out."""
    infrequent_access: int | None = None
    """After which objects move to the class for infrequent access; never when left out."""


class Bucket(pulumi.ComponentResource):
    """A private S3 bucket, versioned and encrypted, with a lifecycle.

    Type token: `marlinspike:buckets:Bucket`. Makes the bucket with its public access block, ownership controls (no ACLs),
    versioning, encryption (`key_arn` with a bucket key; without one S3's own keys, which log delivery asks for) and
    lifecycle. `set_policy` completes it. In another `region` everything is made there.
    """

    bucket: aws.s3.Bucket
    arn: Output[str]
    name: Output[str]
    versioning: aws.s3.BucketVersioning
    encryption: aws.s3.BucketServerSideEncryptionConfiguration
    """Must be there before the first object that is to be encrypted so."""

    def __init__(
        self,
        name: str,
        lifetime: BucketLifetime,
        key_arn: Input[str] | None,
        *,
        force_destroy: bool,
        protect: bool = False,
        bucket_name: str | None = None,
        region: str | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:buckets:Bucket", name, {}, opts)
        child = ResourceOptions(parent=self)
        self._prefix, self._where = name, region
        self.bucket = aws.s3.Bucket(
            f"{name}-bucket",
            bucket=bucket_name,
            force_destroy=force_destroy,
            region=region,
            opts=ResourceOptions(parent=self, protect=protect),
        )
        self.arn, self.name = self.bucket.arn, self.bucket.bucket
        self._closed = self._close()
        self.versioning = aws.s3.BucketVersioning(
            f"{name}-versioning",
            bucket=self.name,
            versioning_configuration={"status": "Enabled"},
            region=region,
            opts=child,
        )
        self.encryption = aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=self.name,
            rules=[_encryption(key_arn)],
            region=region,
            opts=child,
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=self.name,
            rules=_rules(lifetime),
            region=region,
            # Rules for versions need versions (AWS provider, "S3 Bucket Lifecycle Configuration").
            opts=ResourceOptions(parent=self, depends_on=[self.versioning]),
        )
        self.register_outputs({"arn": self.arn})

    def _close(self) -> aws.s3.BucketPublicAccessBlock:
        """Nothing public, by policy or by ACL."""
        closed = aws.s3.BucketPublicAccessBlock(
            f"{self._prefix}-public-access",
            bucket=self.name,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            region=self._where,
            opts=ResourceOptions(parent=self),
        )
        aws.s3.BucketOwnershipControls(
            f"{self._prefix}-ownership",
            bucket=self.name,
            rule={"object_ownership": "BucketOwnerEnforced"},
            region=self._where,
            opts=ResourceOptions(parent=self),
        )
        return closed

    def set_policy(self, statements: Sequence[Mapping[str, Any]] = ()) -> aws.s3.BucketPolicy:
        """Gives the bucket its one policy: nothing without TLS, and what `statements` allow. To be called once.

        Whoever tries at once whether it may write comes after the policy.
        """
        plain = {
            "Sid": "OverTlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [self.arn, Output.concat(self.arn, "/*")],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        return aws.s3.BucketPolicy(
            f"{self._prefix}-policy",
            bucket=self.name,
            policy=Output.json_dumps(policy_of(plain, *statements)),
            region=self._where,
            # S3 refuses two changes of a bucket's access at a time (OperationAborted).
            opts=ResourceOptions(parent=self, depends_on=[self._closed]),
        )


def _encryption(key_arn: Input[str] | None) -> aws.s3.BucketServerSideEncryptionConfigurationRuleArgsDict:
    if key_arn is None:
        return {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}
    return {
        "apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": key_arn},
        "bucket_key_enabled": True,  # S3 asks KMS once in a while, not for each object
    }


def _rules(lifetime: BucketLifetime) -> list[aws.s3.BucketLifecycleConfigurationRuleArgsDict]:
    everything: aws.s3.BucketLifecycleConfigurationRuleFilterArgsDict = {"prefix": ""}
    rules: list[aws.s3.BucketLifecycleConfigurationRuleArgsDict] = [
        {
            "id": "versions",
            "status": "Enabled",
            "filter": everything,
            "noncurrent_version_expiration": {"noncurrent_days": lifetime.noncurrent},
            "abort_incomplete_multipart_upload": {"days_after_initiation": MULTIPART_DAYS},
            # A delete marker over nothing is litter; the same field says when objects themselves expire.
            "expiration": {"days": lifetime.current} if lifetime.current else {"expired_object_delete_marker": True},
        }
    ]
    if lifetime.infrequent_access:
        rules.append(
            {
                "id": "infrequent-access",
                "status": "Enabled",
                "filter": everything,
                "transitions": [{"days": lifetime.infrequent_access, "storage_class": "STANDARD_IA"}],
            }
        )
    return rules
