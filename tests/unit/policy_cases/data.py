"""Data stores, encryption, buckets, protection."""

from tests.unit.policies import UNKNOWN, Case, Planned

INSTANCE = "aws:rds/instance:Instance"
REPLICATION_GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"
REPOSITORY = "aws:ecr/repository:Repository"
BUCKET = "aws:s3/bucket:Bucket"
VAULT = "aws:backup/vault:Vault"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
NODES = "aws:ec2/launchTemplate:LaunchTemplate"
STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"
SECRET = "aws:secretsmanager/secret:Secret"  # noqa: S105 - a type
BUCKET_ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
ACCESS_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"

KEY = "arn:aws:kms:eu-west-3:111122223333:key/1"

BLOCKED = {"blockPublicAcls": True, "blockPublicPolicy": True, "ignorePublicAcls": True, "restrictPublicBuckets": True}


def disk(**settings: object) -> Planned:
    return Planned(NODES, {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": settings}]})


def encrypted_bucket(**settings: str) -> Planned:
    return Planned(BUCKET_ENCRYPTION, {"rules": [{"applyServerSideEncryptionByDefault": settings}]})


def complete(*left_out: str) -> list[Planned]:
    """A bucket with everything that belongs to it, except types with these words."""
    parts = (
        ACCESS_BLOCK,
        BUCKET_ENCRYPTION,
        "aws:s3/bucketVersioning:BucketVersioning",
        "aws:s3/bucketPolicy:BucketPolicy",
    )
    kept = [part for part in parts if not any(word in part for word in left_out)]
    return [Planned(BUCKET, name="files"), *(Planned(part, name=part, bucket="files") for part in kept)]


CASES = {
    "database-is-private": Case(
        good=[Planned(INSTANCE), Planned(INSTANCE, {"publiclyAccessible": False})],
        bad=[(Planned(INSTANCE, {"publiclyAccessible": True}), "publiclyAccessible")],
    ),
    "database-password-is-managed": Case(
        good=[Planned(INSTANCE, {"manageMasterUserPassword": True}), Planned(INSTANCE, {"replicateSourceDb": "arn"})],
        bad=[
            (Planned(INSTANCE, {"password": "hunter2"}), "password is given"),
            (Planned(INSTANCE, {"password": UNKNOWN}), "password is given"),
            (Planned(INSTANCE), "manageMasterUserPassword is not true"),
        ],
    ),
    "cache-asks-who": Case(
        good=[Planned(REPLICATION_GROUP, {"userGroupIds": [UNKNOWN]})],
        bad=[(Planned(REPLICATION_GROUP), "neither users")],
    ),
    "cache-user-proves-it": Case(
        good=[Planned("aws:elasticache/user:User", {"authenticationMode": {"type": "iam"}})],
        bad=[
            (Planned("aws:elasticache/user:User", {"noPasswordRequired": True}), "without a password"),
            (
                Planned("aws:elasticache/user:User", {"authenticationMode": {"type": "no-password-required"}}),
                "without a password",
            ),
        ],
    ),
    "backups-are-kept": Case(
        good=[
            Planned(INSTANCE, {"backupRetentionPeriod": 1}),
            Planned(INSTANCE, {"backupRetentionPeriod": 7}, stack="prod"),
            Planned(REPLICATION_GROUP),
        ],
        bad=[
            (Planned(INSTANCE), "0 days; dev keeps at least 1"),
            (Planned(INSTANCE, {"backupRetentionPeriod": 6}, stack="prod-recovery"), "at least 7"),
            (Planned(REPLICATION_GROUP, stack="prod"), "snapshotRetentionLimit is 0"),
        ],
    ),
    "encrypted-with-own-key": Case(
        good=[
            Planned(INSTANCE, {"storageEncrypted": True, "kmsKeyId": UNKNOWN}),
            Planned(INSTANCE, {"storageEncrypted": True, "restoreToPointInTime": {"useLatestRestorableTime": True}}),
            Planned(LOG_GROUP, {"kmsKeyId": KEY}),
            disk(encrypted="true", kmsKeyId=KEY),
            disk(encrypted="true", kmsKeyId=UNKNOWN),
            encrypted_bucket(sseAlgorithm="aws:kms", kmsMasterKeyId=KEY),
            Planned(REPOSITORY, {"encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": KEY}]}),
            Planned(STORAGE_CLASS, {"parameters": {"encrypted": "true", "kmsKeyId": KEY}}),
            Planned(SECRET, {"kmsKeyId": KEY, "replicas": [{"region": "eu-central-1", "kmsKeyId": KEY}]}),
        ],
        bad=[
            (Planned(INSTANCE, {"kmsKeyId": KEY}), "storageEncrypted is not true"),
            (Planned(INSTANCE, {"storageEncrypted": True}), "kmsKeyId names no key"),
            (Planned(INSTANCE, {"storageEncrypted": True, "snapshotIdentifier": "bare"}), "kmsKeyId names no key"),
            (Planned(VAULT), "kmsKeyArn names no key"),
            (disk(kmsKeyId=KEY), "/dev/xvda is not encrypted"),
            (disk(encrypted="true"), "names no key"),
            (Planned(NODES), "says nothing of its disks"),
            (encrypted_bucket(sseAlgorithm="AES256"), "a key of S3's own"),
            (Planned(REPOSITORY), "a key of AWS's own"),
            (Planned(STORAGE_CLASS, {"parameters": {"kmsKeyId": KEY}}), "parameters.encrypted is not true"),
            (Planned(SECRET, {"kmsKeyId": KEY, "replicas": [{"region": "eu-central-1"}]}), "copy in eu-central-1"),
        ],
    ),
    "keys-rotate": Case(
        good=[Planned("aws:kms/key:Key", {"enableKeyRotation": True})],
        bad=[(Planned("aws:kms/key:Key"), "enableKeyRotation is not true")],
    ),
    "bucket-blocks-public-access": Case(
        good=[Planned(ACCESS_BLOCK, BLOCKED)],
        bad=[(Planned(ACCESS_BLOCK, {**BLOCKED, "blockPublicPolicy": False}), "blockPublicPolicy")],
    ),
    "bucket-has-no-public-list": Case(
        good=[Planned(BUCKET), Planned("aws:s3/bucketAcl:BucketAcl", {"acl": "private"})],
        bad=[(Planned("aws:s3/bucketAcl:BucketAcl", {"acl": "public-read"}), "acl is public-read")],
    ),
    "bucket-is-complete": Case(
        good=[complete()],
        bad=[
            (complete("PublicAccessBlock"), "No BucketPublicAccessBlock"),
            (complete("Versioning"), "No BucketVersioning"),
            (complete("Encryption", "Policy"), "No BucketServerSideEncryptionConfiguration"),
        ],
    ),
    "images-stay-what-they-are": Case(
        good=[
            Planned(REPOSITORY, {"imageTagMutability": "IMMUTABLE", "imageScanningConfiguration": {"scanOnPush": True}})
        ],
        bad=[
            (Planned(REPOSITORY, {"imageScanningConfiguration": {"scanOnPush": True}}), "imageTagMutability"),
            (Planned(REPOSITORY, {"imageTagMutability": "IMMUTABLE"}), "scanOnPush"),
        ],
    ),
    "deletion-is-refused-by-aws": Case(
        good=[Planned(INSTANCE), Planned(INSTANCE, {"deletionProtection": True}, stack="prod")],
        bad=[
            (Planned(INSTANCE, stack="prod"), "deletionProtection is not true"),
            (Planned("aws:lb/loadBalancer:LoadBalancer", stack="prod-recovery"), "enableDeletionProtection"),
        ],
    ),
    "protected-from-deletion": Case(
        good=[Planned(BUCKET), Planned(BUCKET, stack="prod", protect=True), Planned(BUCKET, stack="production-copy")],
        bad=[(Planned(BUCKET, stack="prod"), "not protected"), (Planned(REPOSITORY, stack="account"), "not protected")],
    ),
    "deletion-leaves-something": Case(
        good=[Planned(BUCKET, {"forceDestroy": True}), Planned(SECRET, {"recoveryWindowInDays": 30}, stack="prod")],
        bad=[
            (Planned(BUCKET, {"forceDestroy": True}, stack="prod"), "forceDestroy is true"),
            (Planned(INSTANCE, {"skipFinalSnapshot": True}, stack="prod"), "skipFinalSnapshot is true"),
            (Planned(SECRET, {"recoveryWindowInDays": 0}, stack="prod"), "gone at once"),
        ],
    ),
}
