"""Where copies are kept: a bucket whose writers cannot read, and whose reader cannot write."""

import pulumi
from pulumi import Input, Output, ResourceOptions

from infra.buckets import Bucket, BucketLifetime
from infra.exports.settings import ExportsSettings
from infra.identity import Permission

DATABASE, OBJECTS = "database", "objects"
"""Prefixes of the bucket."""


class ExportsBucket(pulumi.ComponentResource):
    """The bucket for copies, which go after `keep_days`. Type token: `marlinspike:exports:ExportsBucket`."""

    bucket_name: Output[str]

    def __init__(
        self,
        name: str,
        settings: ExportsSettings,
        region: str,
        key_arn: Input[str],
        protect: bool,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:exports:ExportsBucket", name, {}, opts)
        self._region, self._key_arn = region, key_arn
        self._bucket = Bucket(
            name,
            BucketLifetime(noncurrent=1, current=settings.keep_days),
            key_arn,
            force_destroy=not settings.keep_after_deletion,
            protect=protect,
            opts=ResourceOptions(parent=self),
        )
        self._bucket.set_policy()
        self.bucket_name = self._bucket.name
        self.register_outputs({"bucketName": self.bucket_name})

    def place(self, prefix: str) -> Output[str]:
        """The address that pods are told."""
        return Output.concat("s3://", self.bucket_name, "/", prefix)

    def writing(self, prefix: str) -> dict[str, Permission]:
        """Write copies under a prefix, and see their sizes; S3 asks for Decrypt to join an upload's parts."""
        return {
            "WriteCopies": Permission(["s3:PutObject", "s3:AbortMultipartUpload"], [self._objects(prefix)]),
            "SeeCopies": self._listing(prefix),
            "CopiesKey": self._key("kms:GenerateDataKey", "kms:Decrypt"),
        }

    def reading(self, prefix: str) -> dict[str, Permission]:
        """Read copies under a prefix."""
        return {
            "ReadCopies": Permission(["s3:GetObject"], [self._objects(prefix)]),
            "SeeCopies": self._listing(prefix),
            "CopiesKey": self._key("kms:Decrypt"),
        }

    def _objects(self, prefix: str) -> Output[str]:
        return Output.concat(self._bucket.arn, f"/{prefix}/*")

    def _listing(self, prefix: str) -> Permission:
        return Permission(["s3:ListBucket"], [self._bucket.arn], {"StringLike": {"s3:prefix": f"{prefix}/*"}})

    def _key(self, *actions: str) -> Permission:
        """The key for this bucket only; under a bucket key the encryption context is the bucket."""
        return Permission(
            actions,
            [self._key_arn],
            {
                "StringEquals": {
                    "kms:ViaService": f"s3.{self._region}.amazonaws.com",
                    "kms:EncryptionContext:aws:s3:arn": self._bucket.arn,
                }
            },
        )
