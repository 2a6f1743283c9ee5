"""The bucket for files, its copy in a second region, and the CDN in front of it."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from infra.cdn import CdnSettings
from infra.recovery import SecondRegion
from infra.storage import Storage, StorageSettings, copy_bucket_name
from stacks.settings import STACK_NAME_LENGTH
from tests.unit.plan import AWS_STACKS, Plan, Registered, plan_of_program, planned, planned_with

BUCKET = "aws:s3/bucket:Bucket"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
PUBLIC_ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"

COPY = SecondRegion("eu-central-1", "arn:aws:kms:eu-central-1:111122223333:key/there")
CDN = {"domain": "static.example.com", "zone_id": "Z0EXAMPLE"}


def statements(policy: str) -> dict[str, dict[str, Any]]:
    """The statements of a policy by their `Sid`."""
    return {statement["Sid"]: statement for statement in json.loads(policy)["Statement"]}


def part(plan: Plan, kind: str, bucket: str) -> Registered:
    """The configuration of that kind that belongs to the bucket of that logical name."""
    [found] = [resource for resource in plan.of(kind) if resource.inputs["bucket"] == f"{bucket}-bucket"]
    return found


def of_files(plan: Plan) -> list[Registered]:
    return [bucket for bucket in plan.of(BUCKET) if "-files" in bucket.name]


@pytest.fixture(scope="module")
def copied() -> Plan:
    """A storage whose files are copied to a second region."""

    def program() -> dict[str, Any]:
        storage = Storage(
            "files", StorageSettings(), None, "111122223333", "eu-west-3", "arn:here", protect=True, copy=COPY
        )
        return {"bucket": storage.bucket_name}

    return plan_of_program("test", program)


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_every_bucket_is_private_versioned_encrypted_tidied_and_answers_over_tls_only(stack: str) -> None:
    plan = planned(stack)
    names = [bucket.inputs.get("bucket", bucket.name) for bucket in plan.of(BUCKET) if "-files" in bucket.name]
    assert len(names) == (3 if stack == "prod" else 2)  # files, the record of their requests, the copy
    for kind in (PUBLIC_ACCESS, OWNERSHIP, VERSIONING, ENCRYPTION, LIFECYCLE, BUCKET_POLICY):
        assert {resource.inputs["bucket"] for resource in plan.of(kind)} >= set(names), kind
    for block in plan.of(PUBLIC_ACCESS):
        switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        assert [block.inputs[switch] for switch in switches] == [True] * 4
    assert {r.inputs["rule"]["objectOwnership"] for r in plan.of(OWNERSHIP)} == {"BucketOwnerEnforced"}
    assert {r.inputs["versioningConfiguration"]["status"] for r in plan.of(VERSIONING)} == {"Enabled"}
    for policy in plan.of(BUCKET_POLICY):
        if policy.inputs["bucket"] not in names:
            continue
        tls = statements(policy.inputs["policy"])["OverTlsOnly"]
        assert (tls["Effect"], tls["Principal"], tls["Action"]) == ("Deny", "*", "s3:*")
        assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_files_are_encrypted_with_the_platforms_key(stack: str) -> None:
    plan = planned(stack)
    [rule] = part(plan, ENCRYPTION, f"marlinspike-{stack}-files").inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": plan.key_arn}
    assert rule["bucketKeyEnabled"] is True


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_requests_to_the_files_are_recorded_and_only_those_for_a_time(stack: str) -> None:
    plan, name = planned(stack), f"marlinspike-{stack}-files"
    logging = plan.only("aws:s3/bucketLogging:BucketLogging").inputs
    assert (logging["bucket"], logging["targetBucket"]) == (f"{name}-bucket", f"{name}-access-logs-bucket")
    [rule] = part(plan, LIFECYCLE, f"{name}-access-logs").inputs["rules"]
    assert rule["expiration"] == {"days": 90}
    delivery = statements(part(plan, BUCKET_POLICY, f"{name}-access-logs").inputs["policy"])["RequestsToTheFiles"]
    assert delivery["Condition"]["ArnEquals"]["aws:SourceArn"].endswith(f":{name}-bucket")
    assert delivery["Condition"]["StringEquals"] == {"aws:SourceAccount": "111122223333"}


def test_old_versions_and_unfinished_uploads_go_and_files_stay() -> None:
    [rule] = part(planned("prod"), LIFECYCLE, "marlinspike-prod-files").inputs["rules"]
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 90}
    assert rule["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}
    assert rule["expiration"] == {"expiredObjectDeleteMarker": True}


def test_files_move_to_the_cheaper_class_where_one_asks_for_it() -> None:
    plan = planned_with("prod", {"storage.infrequent_access_days": 60, "storage.noncurrent_days": 30})
    versions, moves = part(plan, LIFECYCLE, "marlinspike-prod-files").inputs["rules"]
    assert versions["noncurrentVersionExpiration"] == {"noncurrentDays": 30}
    assert moves["transitions"] == [{"days": 60, "storageClass": "STANDARD_IA"}]


@pytest.mark.parametrize(
    ("stack", "protected", "emptied"), [("dev", False, True), ("staging", False, True), ("prod", True, False)]
)
def test_only_what_may_be_lost_is_deleted_with_its_files(stack: str, protected: bool, emptied: bool) -> None:
    found = {(bucket.protect, bucket.inputs.get("forceDestroy", False)) for bucket in of_files(planned(stack))}
    assert found == {(protected, emptied)}


def test_files_outlive_the_end_of_protection() -> None:
    opened = planned_with("prod", {"protection.enabled": False})
    assert {(bucket.protect, bucket.inputs["forceDestroy"]) for bucket in of_files(opened)} == {(False, False)}


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_application_reaches_no_file_unless_the_settings_say_so(stack: str) -> None:
    assert "s3:" not in planned(stack).only(ROLE_POLICY, f"marlinspike-{stack}-app-policy").inputs["policy"]


def test_the_application_reaches_its_own_files_and_nothing_else() -> None:
    plan = planned_with("prod", {"storage.application_access": True})
    granted = statements(plan.only(ROLE_POLICY, "marlinspike-prod-app-policy").inputs["policy"])
    bucket = "arn:aws:test:eu-west-3:111122223333:marlinspike-prod-files-bucket"
    assert granted["Files"]["Action"] == ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    assert granted["Files"]["Resource"] == [f"{bucket}/app/*"]
    assert granted["FilesKey"]["Resource"] == [plan.key_arn]
    assert granted["FilesKey"]["Condition"] == {
        "StringEquals": {"kms:ViaService": "s3.eu-west-3.amazonaws.com"},
        "ArnLike": {"kms:EncryptionContext:aws:s3:arn": [bucket, f"{bucket}/*"]},
    }
    ports = [
        port["port"]
        for policy in plan.kubernetes()
        if policy.type.endswith(":NetworkPolicy") and policy.inputs["metadata"]["name"] == "app"
        for rule in policy.inputs["spec"]["egress"]
        for port in rule.get("ports", [])
    ]
    assert 443 in ports  # S3 answers there


def test_the_copy_is_made_in_the_other_region_with_the_same_properties(copied: Plan) -> None:
    there = [r for r in copied.resources if r.inputs.get("region") == "eu-central-1"]
    assert {r.type for r in there} == {
        BUCKET,
        BUCKET_POLICY,
        PUBLIC_ACCESS,
        OWNERSHIP,
        VERSIONING,
        ENCRYPTION,
        LIFECYCLE,
    }
    [bucket] = [r for r in there if r.type == BUCKET]
    assert (bucket.inputs["bucket"], bucket.protect) == ("files-111122223333-eu-central-1", True)
    [encryption] = [r for r in there if r.type == ENCRYPTION]
    assert encryption.inputs["rules"][0]["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"] == COPY.key_arn
    [lifecycle] = [r for r in there if r.type == LIFECYCLE]
    assert lifecycle.inputs["rules"] == part(copied, LIFECYCLE, "files").inputs["rules"]


def test_files_and_deletions_are_copied_within_a_promised_time(copied: Plan) -> None:
    replication = copied.only(REPLICATION)
    [rule] = replication.inputs["rules"]
    assert rule["deleteMarkerReplication"] == {"status": "Enabled"}
    assert rule["sourceSelectionCriteria"] == {"sseKmsEncryptedObjects": {"status": "Enabled"}}
    destination = rule["destination"]
    assert destination["replicationTime"] == {"status": "Enabled", "time": {"minutes": 15}}
    assert destination["metrics"] == {"status": "Enabled", "eventThreshold": {"minutes": 15}}
    assert destination["encryptionConfiguration"] == {"replicaKmsKeyId": COPY.key_arn}
    for earlier in (
        "BucketVersioning/files-versioning",
        "BucketVersioning/files-copy-versioning",
        "RolePolicy/files-copy",
    ):
        assert copied.comes_before(earlier, replication.key)


def test_the_copying_role_reads_here_writes_there_and_uses_both_keys_through_s3_only(copied: Plan) -> None:
    granted = statements(copied.only(ROLE_POLICY, "files-copy").inputs["policy"])
    here, there = (f"arn:aws:test:eu-west-3:111122223333:files-{kind}" for kind in ("bucket", "copy-bucket"))
    resources = {sid: statement["Resource"] for sid, statement in granted.items()}
    assert resources == {
        "ReadHere": [here],
        "ReadVersionsHere": [f"{here}/*"],
        "WriteThere": [f"{there}/*"],
        "DecryptHere": ["arn:here"],
        "EncryptThere": [COPY.key_arn],
    }
    assert granted["DecryptHere"]["Condition"]["StringEquals"] == {"kms:ViaService": "s3.eu-west-3.amazonaws.com"}
    assert granted["EncryptThere"]["Condition"]["StringEquals"] == {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}


def test_the_longest_name_of_a_copy_is_one_that_s3_takes() -> None:
    assert len(copy_bucket_name(f"marlinspike-{'x' * STACK_NAME_LENGTH}-files", "111122223333", "ap-southeast-1")) <= 63
    with pytest.raises(ValueError, match="has 64 characters, and S3 takes 63: shorten the stack's name"):
        copy_bucket_name(f"marlinspike-{'x' * (STACK_NAME_LENGTH + 2)}-files", "111122223333", "ap-southeast-1")


def test_the_longest_stack_name_leaves_room_for_the_digits_of_automatic_bucket_names() -> None:
    for bucket in planned("staging").of(BUCKET):
        longest = bucket.name.replace("staging", "x" * STACK_NAME_LENGTH)
        assert len(f"{longest}-1234567") <= 63


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_there_is_no_cdn_unless_the_settings_say_so(stack: str) -> None:
    plan = planned(stack)
    assert not [
        r for r in plan.resources if "cloudfront" in r.type or r.name.startswith(f"marlinspike-{stack}-files-cdn")
    ]
    assert "cloudfront" not in plan.only("aws:kms/key:Key", f"marlinspike-{stack}-key").inputs["policy"]
    assert "cloudfront" not in part(plan, BUCKET_POLICY, f"marlinspike-{stack}-files").inputs["policy"]


def test_cloudfront_alone_reads_what_is_static_and_nothing_else() -> None:
    plan = planned_with("prod", {"cdn": CDN})
    reading = statements(part(plan, BUCKET_POLICY, "marlinspike-prod-files").inputs["policy"])[
        "StaticFilesForCloudFront"
    ]
    distribution = plan.only("aws:cloudfront/distribution:Distribution")
    assert reading["Action"] == "s3:GetObject"
    assert reading["Resource"].endswith(":marlinspike-prod-files-bucket/static/*")
    assert reading["Condition"]["StringEquals"]["aws:SourceArn"].endswith(f":{distribution.name}")
    access = plan.only("aws:cloudfront/originAccessControl:OriginAccessControl").inputs
    assert (access["signingBehavior"], access["signingProtocol"]) == ("always", "sigv4")
    decrypting = statements(plan.only("aws:kms/key:Key", "marlinspike-prod-key").inputs["policy"])[
        "DistributionsOfThisAccount"
    ]
    assert decrypting["Action"] == "kms:Decrypt"
    assert decrypting["Condition"] == {"ArnLike": {"aws:SourceArn": "arn:aws:cloudfront::111122223333:distribution/*"}}


def test_the_cdn_speaks_new_tls_only_under_its_own_certificate() -> None:
    plan = planned_with("prod", {"cdn": CDN})
    distribution = plan.only("aws:cloudfront/distribution:Distribution").inputs
    assert distribution["viewerCertificate"]["minimumProtocolVersion"] == "TLSv1.2_2021"
    assert distribution["httpVersion"] == "http2and3"
    assert distribution["aliases"] == ["static.example.com"]
    [origin] = distribution["origins"]
    assert origin["originPath"] == "/static"
    behaviour = distribution["defaultCacheBehavior"]
    assert (behaviour["viewerProtocolPolicy"], behaviour["compress"]) == ("redirect-to-https", True)
    assert behaviour["responseHeadersPolicyId"] == "67f7725c-6f97-4210-82d7-5512b31e9d03"
    for kind in ("aws:acm/certificate:Certificate", "aws:acm/certificateValidation:CertificateValidation"):
        [own] = [found for found in plan.of(kind) if "-cdn" in found.name]
        assert own.inputs["region"] == "us-east-1"
    records = {record.inputs["type"] for record in plan.of("aws:route53/record:Record")}
    assert records == {"A", "AAAA", "CNAME"}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"noncurrent_days": 0}, "greater than or equal to 1"),
        ({"infrequent_access_days": 29}, "greater than or equal to 30"),
        ({"access_log_days": 4000}, "less than or equal to 3650"),
        ({"application_acess": True}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_storage_setting_is_refused_with_its_reason(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        StorageSettings(**wrong)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"domain": "Static.example.com"}, "String should match pattern"),
        ({"domain": "static"}, "String should match pattern"),
        ({"domain": f"{'a' * 60}.example.com"}, "at most 64 characters"),  # ACM takes no longer first name
        ({"zone_id": None}, "valid string"),
        ({"price_class": "PriceClass_300"}, "String should match pattern"),
        ({"web_acl_arn": "arn:aws:wafv2:eu-west-3:111122223333:regional/webacl/a/b"}, "String should match pattern"),
        ({"default_root_object": "/index.html"}, "String should match pattern"),
    ],
)
def test_a_wrong_cdn_setting_is_refused_with_its_reason(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        CdnSettings(**{**CDN, **wrong})
