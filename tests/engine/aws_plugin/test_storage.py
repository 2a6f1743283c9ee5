"""What the simulated AWS promises of buckets, repositories, distributions and issuers of identities."""

import json
from typing import Any

import grpc
import pytest

from rehearsal.plugins.aws import replacement
from tests.engine.plugin_client import Made, Plugin

BUCKET = "aws:s3/bucket:Bucket"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
REPOSITORY = "aws:ecr/repository:Repository"
LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
TEMPLATE = "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate"
SCANNING = "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
ACCESS = "aws:cloudfront/originAccessControl:OriginAccessControl"
ISSUER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"


def versioned(aws: Plugin, name: str) -> Made:
    bucket = aws.create(BUCKET, name, bucket=name)
    aws.create(VERSIONING, name, bucket=bucket.id, versioningConfiguration={"status": "Enabled"})
    return bucket


def replication(source: str, target: str, **destination: Any) -> dict[str, Any]:
    rule = {"id": "all", "status": "Enabled", "destination": {"bucket": f"arn:aws:s3:::{target}", **destination}}
    return {"bucket": source, "role": "arn:aws:iam::111122223333:role/copy", "rules": [rule]}


def test_what_is_set_on_a_bucket_needs_the_bucket(aws: Plugin) -> None:
    for token, more in (
        (VERSIONING, {"versioningConfiguration": {"status": "Enabled"}}),
        ("aws:s3/bucketPolicy:BucketPolicy", {"policy": '{"Statement":[]}'}),
    ):
        with pytest.raises(grpc.RpcError, match="NoSuchBucket"):
            aws.create(token, "x", bucket="missing", **more)


def test_a_bucket_policy_is_json_with_statements(aws: Plugin) -> None:
    bucket = aws.create(BUCKET, "a", bucket="a")
    for policy in ("{", "{}"):
        with pytest.raises(grpc.RpcError, match="MalformedPolicy"):
            aws.create("aws:s3/bucketPolicy:BucketPolicy", "a", bucket=bucket.id, policy=policy)


def test_requests_are_recorded_in_a_bucket_that_exists(aws: Plugin) -> None:
    bucket = aws.create(BUCKET, "a", bucket="a")
    with pytest.raises(grpc.RpcError, match="InvalidTargetBucketForLogging"):
        aws.create("aws:s3/bucketLogging:BucketLogging", "a", bucket=bucket.id, targetBucket="b", targetPrefix="")


def test_objects_are_copied_between_buckets_with_versions_only(aws: Plugin) -> None:
    versioned(aws, "here")
    aws.create(BUCKET, "there", bucket="there", region="eu-central-1")
    with pytest.raises(grpc.RpcError, match="Destination bucket must have versioning enabled: there"):
        aws.create(REPLICATION, "r", **replication("here", "there"))
    with pytest.raises(grpc.RpcError, match="Versioning must be 'Enabled' on the bucket"):
        aws.create(REPLICATION, "r", **replication("there", "here"))
    versioned(aws, "far")
    made = aws.create(REPLICATION, "r", **replication("here", "far"))
    assert made.id == "here"


def test_the_promise_of_a_time_comes_with_its_metrics(aws: Plugin) -> None:
    for name in ("here", "there"):
        versioned(aws, name)
    promise = {"replicationTime": {"status": "Enabled", "time": {"minutes": 15}}}
    with pytest.raises(grpc.RpcError, match="Metrics must be specified"):
        aws.create(REPLICATION, "r", **replication("here", "there", **promise))


def test_a_policy_needs_its_repository_and_a_change_of_a_lifecycle_replaces_it(aws: Plugin) -> None:
    with pytest.raises(grpc.RpcError, match="RepositoryNotFoundException"):
        aws.create(LIFECYCLE, "l", repository="app", policy="{}")
    repository = aws.create(REPOSITORY, "r", name="app")
    assert repository.outputs["repositoryUrl"] == "111122223333.dkr.ecr.eu-west-3.amazonaws.com/app"
    lifecycle = aws.create(LIFECYCLE, "l", repository="app", policy="{}")
    assert aws.diff(lifecycle, policy=json.dumps({"rules": []})).replaces == ["policy"]
    with pytest.raises(grpc.RpcError, match="RepositoryAlreadyExistsException"):
        aws.create(REPOSITORY, "other", name="app")


def test_a_template_with_a_key_needs_a_role(aws: Plugin) -> None:
    template = {"prefix": "a", "appliedFors": ["REPLICATION"], "encryptionConfigurations": [{"encryptionType": "KMS"}]}
    with pytest.raises(grpc.RpcError, match="customRoleArn"):
        aws.create(TEMPLATE, "t", **template)
    assert aws.create(TEMPLATE, "t", **template, customRoleArn="arn:aws:iam::111122223333:role/a").id == "a"


def test_a_registry_is_told_how_to_scan_once_in_each_region(aws: Plugin) -> None:
    aws.create(SCANNING, "here", scanType="BASIC")
    aws.create(SCANNING, "there", scanType="BASIC", region="eu-central-1")
    with pytest.raises(grpc.RpcError, match="already exists"):
        aws.create(SCANNING, "again", scanType="BASIC")


def test_a_distribution_takes_certificates_of_one_region_only(aws: Plugin) -> None:
    def made(region: str) -> Made:
        return aws.create(
            DISTRIBUTION,
            "d",
            enabled=True,
            origins=[{"originId": "o", "domainName": "a.s3.amazonaws.com"}],
            restrictions={"geoRestriction": {"restrictionType": "none"}},
            defaultCacheBehavior={
                "targetOriginId": "o",
                "viewerProtocolPolicy": "https-only",
                "allowedMethods": ["GET", "HEAD"],
                "cachedMethods": ["GET", "HEAD"],
            },
            viewerCertificate={"acmCertificateArn": f"arn:aws:acm:{region}:111122223333:certificate/a"},
        )

    with pytest.raises(grpc.RpcError, match="InvalidViewerCertificate"):
        made("eu-west-3")
    distribution = made("us-east-1")
    assert distribution.outputs["arn"] == f"arn:aws:cloudfront::111122223333:distribution/{distribution.id}"
    assert distribution.outputs["domainName"].endswith(".cloudfront.net")


def test_an_origin_access_control_and_an_issuer_exist_once(aws: Plugin) -> None:
    access = {"originAccessControlOriginType": "s3", "signingBehavior": "always", "signingProtocol": "sigv4"}
    aws.create(ACCESS, "a", name="a", **access)
    with pytest.raises(grpc.RpcError, match="OriginAccessControlAlreadyExists"):
        aws.create(ACCESS, "b", name="a", **access)
    aws.create(ISSUER, "a", url="https://issuer.example", clientIdLists=["sts.amazonaws.com"])
    with pytest.raises(grpc.RpcError, match=r"Provider with url https://issuer\.example already exists"):
        aws.create(ISSUER, "b", url="https://issuer.example", clientIdLists=["sts.amazonaws.com"])


def test_whatever_is_set_on_a_bucket_is_replaced_with_it() -> None:
    settings = [token for token in replacement.TABLE if token.startswith("aws:s3/bucket") and token != BUCKET]
    assert len(settings) == 8
    assert all(replacement.replaces(token, "bucket") for token in settings)
