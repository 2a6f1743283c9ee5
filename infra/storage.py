"""The files: a private bucket with a record of who read what, and a copy in a second region as files arrive."""

from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions
from pydantic import Field

from infra.buckets import Bucket, BucketLifetime
from infra.cdn import Cdn, CdnSettings
from infra.identity import Permission
from infra.recovery import SecondRegion, key_of_copies
from infra.service_role import service_role
from infra.settings import Section

APPLICATION = "app"
"""Prefix of the files that are the application's own."""

LONGEST_BUCKET_NAME = 63
"""S3 user guide, "General purpose bucket naming rules"."""

COPIED_WITHIN_MINUTES = 15
"""S3 Replication Time Control promises this, knows no other figure, and tells when it is missed."""


class StorageSettings(Section):
    """Section `storage` of a stack file."""

    noncurrent_days: int = Field(90, ge=1, le=3650)
    """Days for which a file that was replaced or deleted can be brought back."""

    infrequent_access_days: int | None = Field(None, ge=30, le=3650)
    """Days after which files move to the storage class for infrequent access (S3 allows 30 at the earliest); never when left
    out."""

    access_log_days: int = Field(90, ge=1, le=3650)
    """Days for which S3's record of each request is kept."""

    application_access: bool = False
    """Whether the application may read, write and delete files under `app/`."""

    keep_after_deletion: bool = True
    """Whether S3 refuses to delete the buckets while they hold files; apart from `protection`, which prevents it before."""


def copy_bucket_name(files: str, account_id: str, region: str) -> str:
    """The name of the copy of `files`, known beforehand: recovery in that region must find it without this region's state.

    Raises ValueError where S3 would refuse it.
    """
    name = f"{files}-{account_id}-{region}"
    if len(name) > LONGEST_BUCKET_NAME:
        raise ValueError(
            f"{name} has {len(name)} characters, and S3 takes {LONGEST_BUCKET_NAME}: shorten the stack's name"
        )
    return name


def _own_files(bucket_arn: Input[str]) -> Permission:
    """What the application may do with the files that are its own."""
    return Permission(
        actions=["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
        resources=[Output.concat(bucket_arn, f"/{APPLICATION}/*")],
    )


class Storage(pulumi.ComponentResource):
    """The bucket for files, the bucket for the record of its requests, and what the settings add.

    Type token: `marlinspike:storage:Storage`. With `cdn`, CloudFront serves the prefix `static/`. With `copy`, a bucket of the
    same properties in another region receives each version and each deletion within 15 minutes; requests to the copy are
    not recorded, since nobody reads it before recovery, when `copy` itself becomes the bucket.
    """

    bucket_name: Output[str]

    def __init__(
        self,
        name: str,
        settings: StorageSettings,
        cdn: CdnSettings | None,
        account_id: str,
        region: str,
        key_arn: Input[str],
        protect: bool,
        copy: SecondRegion | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:storage:Storage", name, {}, opts)
        child = ResourceOptions(parent=self)
        self._prefix, self._settings, self._resists = name, settings, protect
        self._region, self._key_arn = region, key_arn
        self._lifetime = BucketLifetime(
            noncurrent=settings.noncurrent_days, infrequent_access=settings.infrequent_access_days
        )
        self._files = Bucket(
            name, self._lifetime, key_arn, force_destroy=not settings.keep_after_deletion, protect=protect, opts=child
        )
        self._record_requests(account_id)
        statements: list[dict[str, Any]] = []
        if cdn is not None:
            statements.append(Cdn(f"{name}-cdn", cdn, self._files, opts=child).reading(self._files))
        self._files.set_policy(statements)
        if copy is not None:
            self._copy(copy, copy_bucket_name(name, account_id, copy.region))
        self.bucket_name = self._files.name
        self.register_outputs({"bucketName": self.bucket_name})

    def application_permissions(self) -> dict[str, Permission]:
        """What the application may do, none where the settings do not say so."""
        if not self._settings.application_access:
            return {}
        return {
            "Files": _own_files(self._files.arn),
            "FilesKey": self._by_way_of_s3(
                ["kms:Decrypt", "kms:GenerateDataKey"], self._key_arn, self._region, self._files
            ),
        }

    def _record_requests(self, account_id: str) -> None:
        """S3's server access logs: the best-effort record of each request, at the price of its storage."""
        logs = Bucket(
            f"{self._prefix}-access-logs",
            BucketLifetime(noncurrent=1, current=self._settings.access_log_days),
            None,  # S3 delivers only to buckets under its own keys (S3 user guide, "Enabling server access logging")
            force_destroy=not self._settings.keep_after_deletion,
            protect=self._resists,
            opts=ResourceOptions(parent=self),
        )
        logs.set_policy(
            [
                {
                    "Sid": "RequestsToTheFiles",
                    "Effect": "Allow",
                    "Principal": {"Service": "logging.s3.amazonaws.com"},
                    "Action": "s3:PutObject",
                    "Resource": Output.concat(logs.arn, "/*"),
                    "Condition": {
                        "ArnEquals": {"aws:SourceArn": self._files.arn},
                        "StringEquals": {"aws:SourceAccount": account_id},
                    },
                }
            ]
        )
        aws.s3.BucketLogging(
            f"{self._prefix}-logging",
            bucket=self._files.name,
            target_bucket=logs.name,
            target_prefix="files/",
            opts=ResourceOptions(parent=self),
        )

    def _copy(self, copy: SecondRegion, bucket_name: str) -> None:
        child = ResourceOptions(parent=self)
        target = Bucket(
            f"{self._prefix}-copy",
            self._lifetime,
            copy.key_arn,
            force_destroy=not self._settings.keep_after_deletion,
            protect=self._resists,
            bucket_name=bucket_name,
            region=copy.region,
            opts=child,
        )
        target.set_policy()
        role = service_role(f"{self._prefix}-copy", "s3.amazonaws.com", child, permissions=self._copying(target, copy))
        within: aws.s3.BucketReplicationConfigRuleDestinationReplicationTimeTimeArgsDict = {
            "minutes": COPIED_WITHIN_MINUTES
        }
        aws.s3.BucketReplicationConfig(
            f"{self._prefix}-copy",
            bucket=self._files.name,
            role=role.arn,
            rules=[
                {
                    "id": "everything",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "delete_marker_replication": {"status": "Enabled"},
                    "source_selection_criteria": {"sse_kms_encrypted_objects": {"status": "Enabled"}},
                    "destination": {
                        "bucket": target.arn,
                        "encryption_configuration": {"replica_kms_key_id": copy.key_arn},
                        "replication_time": {"status": "Enabled", "time": within},
                        "metrics": {"status": "Enabled", "event_threshold": {"minutes": COPIED_WITHIN_MINUTES}},
                    },
                }
            ],
            # S3 copies between versioned buckets only, and drops what comes before the role has its rights.
            opts=ResourceOptions(parent=self, depends_on=[self._files.versioning, target.versioning, *role.granted]),
        )

    def _copying(self, target: Bucket, copy: SecondRegion) -> dict[str, Permission]:
        """After S3 user guide, "Setting up permissions for live replication" and "Replicating encrypted objects"."""
        return {
            "ReadHere": Permission(
                actions=["s3:GetReplicationConfiguration", "s3:ListBucket"], resources=[self._files.arn]
            ),
            "ReadVersionsHere": Permission(
                actions=[
                    "s3:GetObjectVersionForReplication",
                    "s3:GetObjectVersionAcl",
                    "s3:GetObjectVersionTagging",
                ],
                resources=[Output.concat(self._files.arn, "/*")],
            ),
            "WriteThere": Permission(
                actions=["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
                resources=[Output.concat(target.arn, "/*")],
            ),
            "DecryptHere": self._by_way_of_s3(["kms:Decrypt"], self._key_arn, self._region, self._files),
            # S3 decrypts what it encrypted under a bucket key, to be sure of it.
            "EncryptThere": self._by_way_of_s3(["kms:Encrypt", "kms:Decrypt"], copy.key_arn, copy.region, target),
        }

    @staticmethod
    def _by_way_of_s3(actions: list[str], key_arn: Input[str], region: str, bucket: Bucket) -> Permission:
        """The key for this bucket's objects only; under a bucket key the context is the bucket, else the object."""
        return Permission(
            actions=actions,
            resources=[key_arn],
            conditions={
                "StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"},
                "ArnLike": {"kms:EncryptionContext:aws:s3:arn": [bucket.arn, Output.concat(bucket.arn, "/*")]},
            },
        )


class CopiedFiles:
    """The copy of the files that another stack calls `name`, in its second region, taken over as it is.

    Nothing is made, and nothing deleted: the stack that made the copy goes on owning it. Its key is known by its alias only,
    which IAM can name.
    """

    bucket_name: Output[str]

    def __init__(self, name: str, settings: StorageSettings, owner: str, account_id: str, region: str) -> None:
        self._settings, self._account_id, self._region = settings, account_id, region
        self._bucket = copy_bucket_name(name, account_id, region)
        self._alias = f"alias/{key_of_copies(owner)}"
        self.bucket_name = Output.from_input(self._bucket)

    def application_permissions(self) -> dict[str, Permission]:
        """What the application may do, none where the settings do not say so."""
        if not self._settings.application_access:
            return {}
        return {
            "Files": _own_files(f"arn:aws:s3:::{self._bucket}"),
            "FilesKey": Permission(
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=[f"arn:aws:kms:{self._region}:{self._account_id}:key/*"],
                conditions={
                    "StringEquals": {"kms:ViaService": f"s3.{self._region}.amazonaws.com"},
                    "ForAnyValue:StringEquals": {"kms:ResourceAliases": self._alias},
                },
            ),
        }
