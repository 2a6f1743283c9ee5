"""Where a shipped stack breaks a rule of the pack, and why it may: each names one rule, one type and the resource."""

import fnmatch
from dataclasses import dataclass


@dataclass(frozen=True)
class Except:
    """One resource that may break one rule."""

    rule: str
    type: str
    name: str
    """The resource's name, with `*` for what differs from stack to stack."""

    reason: str

    def concerns(self, resource_type: str, name: str) -> bool:
        """Whether a resource is the one that is meant."""
        return resource_type == self.type and fnmatch.fnmatchcase(name, self.name)


EXCEPTIONS: tuple[Except, ...] = (
    Except(
        rule="pods-bring-no-token",
        type="kubernetes:batch/v1:Job",
        name="credentials",
        reason="Makes the passwords of stack local inside the cluster, so that no state holds them; may create that one only.",
    ),
    Except(
        rule="pods-bring-no-token",
        type="kubernetes:batch/v1:CronJob",
        name="objects-export",
        reason="Asks the API for all objects, as an account that may list every kind but Secrets and change none.",
    ),
    Except(
        rule="encrypted-with-own-key",
        type="aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        name="*-edge-logs-encryption",
        reason="Load balancers write their logs to buckets with SSE-S3 only (Elastic Load Balancing, access logs).",
    ),
    Except(
        rule="encrypted-with-own-key",
        type="aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        name="*-files-access-logs-encryption",
        reason="S3 delivers server access logs to buckets with SSE-S3 only (S3, enabling server access logging).",
    ),
    Except(
        rule="no-wildcard-writes",
        type="aws:iam/policy:Policy",
        name="*-delivery-boundary",
        reason="A permissions boundary gives no right: it is the most that policies beside it may give.",
    ),
    Except(
        rule="protected-from-deletion",
        type="aws:s3/bucket:Bucket",
        name="*-edge-logs-bucket",
        reason="Holds logs of limited life, none of the users' data.",
    ),
)
