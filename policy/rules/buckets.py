"""Buckets of S3 and image repositories."""

from collections.abc import Mapping, Sequence

from policy.planned_resource import Resource
from policy.rule import Findings, Rule, StackFindings, switched_off

BUCKET = "aws:s3/bucket:Bucket"

COMPANIONS: Mapping[str, str] = {
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "blocks public access",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": "encrypts it",
    "aws:s3/bucketVersioning:BucketVersioning": "keeps versions",
    "aws:s3/bucketPolicy:BucketPolicy": "demands TLS",
}
"""What each bucket has beside it, and what that does."""


def _blocks_everything(it: Resource) -> Findings:
    yield from switched_off(it, "blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def _no_public_list(it: Resource) -> Findings:
    if str(it["acl"]).startswith(("public-", "authenticated-")):
        yield f"acl is {it['acl']}."


def _has_companions(resources: Sequence[Resource]) -> StackFindings:
    served: dict[str, set[str]] = {}
    for it in resources:
        for urn in it.refers.get("bucket", ()):
            served.setdefault(urn, set()).add(it.type)
    for it in resources:
        if it.type == BUCKET:
            for companion, purpose in COMPANIONS.items():
                if companion not in served.get(it.urn, set()):
                    yield it, f"No {companion.rsplit(':', 1)[-1]} is made for it, which {purpose}."


def _images_stay(it: Resource) -> Findings:
    if it["imageTagMutability"] in (None, "MUTABLE"):
        yield "imageTagMutability is not IMMUTABLE: a tag can become another image."
    if it.type.endswith(":Repository"):
        yield from switched_off(it, "imageScanningConfiguration.scanOnPush")


RULES = (
    Rule(
        name="bucket-blocks-public-access",
        says="Buckets block public access in all four ways.",
        why="One careless list or policy publishes a bucket otherwise.",
        fix="Set all four switches, or use the component of infra/buckets.py.",
        types=("aws:s3/bucketPublicAccessBlock:*", "aws:s3/accountPublicAccessBlock:*"),
        check=_blocks_everything,
    ),
    Rule(
        name="bucket-has-no-public-list",
        says="No bucket is opened by an access control list.",
        why="Lists are older than policies and overlooked when those are read.",
        fix="Leave acl out; give access by policy.",
        types=("aws:s3/bucketAcl:*", BUCKET),
        check=_no_public_list,
    ),
    Rule(
        name="bucket-is-complete",
        says="Every bucket has its block of public access, encryption, versions and policy.",
        why="S3 makes a bucket without any of them, and each is a resource of its own that can be forgotten.",
        fix="Make buckets with the component of infra/buckets.py.",
        types=(BUCKET, *COMPANIONS),
        check_stack=_has_companions,
    ),
    Rule(
        name="images-stay-what-they-are",
        says="Image tags never move, and images are scanned when they are pushed.",
        why="What was tested is what runs only when its name can't be given to something else.",
        fix="Set image_tag_mutability IMMUTABLE and scan_on_push.",
        types=("aws:ecr/repository:Repository", "aws:ecr/repositoryCreationTemplate:*"),
        check=_images_stay,
    ),
)
