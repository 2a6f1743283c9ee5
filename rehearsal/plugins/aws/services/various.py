"""Services of which the platform uses a resource or two: keys, logs, buckets, secrets, ..."""

import json

from rehearsal.plugins.aws import ACCOUNT_ID
from rehearsal.plugins.aws.errors import AwsError
from rehearsal.plugins.aws.subject import DNS_SUFFIX, Computed, Subject, makes


@makes("aws:kms/key:Key")
def kms_key(subject: Subject) -> Computed:
    """A key; without a policy of its own it gets the account's."""
    identifier = subject.uuid()
    owner = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    policy = {"Version": "2012-10-17", "Id": "key-default-1", "Statement": [owner]}
    return Computed(
        identifier,
        {
            "arn": subject.arn("kms", f"key/{identifier}"),
            "keyId": identifier,
            "policy": json.dumps(policy),
            "rotationPeriodInDays": 365 if subject.inputs.get("enableKeyRotation") else 0,
            "multiRegion": False,
            "description": "",
            "isEnabled": True,
            "keyUsage": "ENCRYPT_DECRYPT",
            "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
        },
    )


@makes("aws:kms/alias:Alias")
def kms_alias(subject: Subject) -> Computed:
    """Another name of a key."""
    name = subject.text("name")
    if any(other.id == name and other.region == subject.region for other in subject.others()):
        raise AwsError("AlreadyExistsException", f"An alias with the name {subject.arn('kms', name)} already exists")
    target = subject.text("targetKeyId")
    arn = target if target.startswith("arn:") else subject.arn("kms", f"key/{target}")
    return Computed(name, {"arn": subject.arn("kms", name), "targetKeyArn": arn})


@makes("aws:cloudwatch/logGroup:LogGroup")
def log_group(subject: Subject) -> Computed:
    """A log group; its name is unique in a region."""
    name = subject.text("name")
    if any(other.id == name and other.region == subject.region for other in subject.others()):
        raise AwsError("ResourceAlreadyExistsException", "The specified log group already exists")
    return Computed(
        name, {"arn": subject.arn("logs", f"log-group:{name}"), "logGroupClass": "STANDARD", "skipDestroy": False}
    )


@makes("aws:s3/bucket:Bucket")
def bucket(subject: Subject) -> Computed:
    """A bucket."""
    name = subject.text("bucket") or f"{subject.text('bucketPrefix')}{subject.hex(26)}"
    if any(other.id == name for other in subject.others()):
        raise AwsError(
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
        )
    return Computed(
        name,
        {
            "arn": f"arn:aws:s3:::{name}",
            "bucket": name,
            "bucketDomainName": f"{name}.s3.{DNS_SUFFIX}",
            "bucketRegionalDomainName": f"{name}.s3.{subject.region}.{DNS_SUFFIX}",
            "bucketRegion": subject.region,
            "hostedZoneId": f"Z{subject.letters(13, 'zone')}",
        },
    )


@makes("aws:secretsmanager/secret:Secret")
def secret(subject: Subject) -> Computed:
    """A secret, without its value."""
    arn = subject.arn("secretsmanager", f"secret:{subject.text('name')}-{subject.hex(6)}")
    return Computed(arn, {"arn": arn})


@makes("aws:sns/topic:Topic")
def topic(subject: Subject) -> Computed:
    """A topic."""
    arn = subject.arn("sns", subject.text("name"))
    return Computed(arn, {"arn": arn, "owner": ACCOUNT_ID})
