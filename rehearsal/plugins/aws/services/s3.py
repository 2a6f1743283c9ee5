"""What is set on a bucket (service `s3`); each is found by the bucket's name."""

import json
from collections.abc import Mapping
from typing import Any

from rehearsal.plugins.aws.errors import AwsError
from rehearsal.plugins.aws.subject import Computed, Subject, makes

BUCKET = "aws:s3/bucket:Bucket"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"


@makes(
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    VERSIONING,
)
def configuration(subject: Subject) -> Computed:
    """One of the things that a bucket is told once."""
    return Computed(_existing_bucket(subject, subject.text("bucket")), {})


@makes("aws:s3/bucketPolicy:BucketPolicy")
def policy(subject: Subject) -> Computed:
    """Who may do what with a bucket."""
    try:
        document = json.loads(subject.text("policy"))
    except json.JSONDecodeError as error:
        raise AwsError("MalformedPolicy", f"This policy contains invalid Json: {error}") from error
    if not isinstance(document, dict) or "Statement" not in document:
        raise AwsError("MalformedPolicy", "Missing required field Statement")
    return Computed(_existing_bucket(subject, subject.text("bucket")), {})


@makes("aws:s3/bucketLogging:BucketLogging")
def logging(subject: Subject) -> Computed:
    """Where a bucket's requests are recorded."""
    target = subject.text("targetBucket")
    missing = f"The target bucket for logging does not exist: {target}"
    subject.existing(BUCKET, target, "InvalidTargetBucketForLogging", missing)
    return Computed(_existing_bucket(subject, subject.text("bucket")), {})


@makes("aws:s3/bucketReplicationConfig:BucketReplicationConfig")
def replication(subject: Subject) -> Computed:
    """Where a bucket's objects are copied to; both ends keep versions, or S3 refuses."""
    name = _existing_bucket(subject, subject.text("bucket"))
    if not _has_versions(subject, name):
        raise AwsError(
            "InvalidRequest", "Versioning must be 'Enabled' on the bucket to apply a replication configuration"
        )
    for rule in subject.inputs.get("rules") or []:
        target = str(rule["destination"]["bucket"]).removeprefix("arn:aws:s3:::")
        if not _has_versions(subject, target):
            raise AwsError("InvalidRequest", f"Destination bucket must have versioning enabled: {target}")
        _check_time_control(rule["destination"])
    return Computed(name, {})


def _check_time_control(destination: Mapping[str, Any]) -> None:
    """Replication Time Control comes with its metrics (S3 API reference, "ReplicationTime")."""
    if "replicationTime" in destination and "metrics" not in destination:
        raise AwsError("InvalidRequest", "Metrics must be specified when ReplicationTime is enabled")


def _has_versions(subject: Subject, bucket: str) -> bool:
    record = subject.account.get(VERSIONING, bucket)
    return record is not None and record.value("versioningConfiguration.status") == "Enabled"


def _existing_bucket(subject: Subject, name: str) -> str:
    return subject.existing(BUCKET, name, "NoSuchBucket", f"The specified bucket does not exist: {name}").id
