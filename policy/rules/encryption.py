"""Encryption at rest, with keys of the platform's own."""

from collections.abc import Callable, Mapping, Sequence

from policy.planned_resource import UNKNOWN, Resource, on
from policy.rule import Findings, Rule, switched_off

NODE_DISKS = "aws:ec2/launchTemplate:LaunchTemplate"
BUCKET_ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
REPOSITORY = "aws:ecr/repository:Repository"
STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"
SECRET = "aws:secretsmanager/secret:Secret"  # noqa: S105 - a type

SWITCHES: Mapping[str, Sequence[str]] = {
    "aws:rds/instance:Instance": ("storageEncrypted",),
    "aws:rds/cluster:Cluster": ("storageEncrypted",),
    "aws:elasticache/replicationGroup:ReplicationGroup": ("atRestEncryptionEnabled",),
    "aws:ebs/volume:Volume": ("encrypted",),
    "aws:efs/fileSystem:FileSystem": ("encrypted",),
    STORAGE_CLASS: ("parameters.encrypted",),
}
"""Where encryption is switched on by a property of its own."""

KEYS: Mapping[str, str] = {
    "aws:rds/instance:Instance": "kmsKeyId",
    "aws:rds/cluster:Cluster": "kmsKeyId",
    "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": "kmsKeyId",
    "aws:elasticache/replicationGroup:ReplicationGroup": "kmsKeyId",
    "aws:elasticache/serverlessCache:ServerlessCache": "kmsKeyId",
    "aws:ebs/volume:Volume": "kmsKeyId",
    "aws:efs/fileSystem:FileSystem": "kmsKeyId",
    "aws:cloudwatch/logGroup:LogGroup": "kmsKeyId",
    "aws:sns/topic:Topic": "kmsMasterKeyId",
    "aws:sqs/queue:Queue": "kmsMasterKeyId",
    "aws:backup/vault:Vault": "kmsKeyArn",
    "aws:eks/cluster:Cluster": "encryptionConfig.provider.keyArn",
    SECRET: "kmsKeyId",
    STORAGE_CLASS: "parameters.kmsKeyId",
}
"""Where the key is named."""

ORIGINS = ("replicateSourceDb", "restoreToPointInTime")
"""A database that is made of another, or of its automated backups, has their key."""


def _encrypted(it: Resource) -> Findings:
    yield from switched_off(it, *SWITCHES.get(it.type, ()))
    if it.type in KEYS and it.lacks(KEYS[it.type]) and all(it.lacks(origin) for origin in ORIGINS):
        yield f"{KEYS[it.type]} names no key."
    if it.type in PARTS:
        yield from PARTS[it.type](it)


def _disks(it: Resource) -> Findings:
    if it.lacks("blockDeviceMappings"):
        yield "It says nothing of its disks, which are unencrypted then."
    for mapping in it.each("blockDeviceMappings"):
        disk = it.seen(mapping.get("ebs"))
        if disk is not UNKNOWN:
            if not on(it.seen((disk or {}).get("encrypted"))):
                yield f"The disk {mapping.get('deviceName')} is not encrypted."
            if not it.seen((disk or {}).get("kmsKeyId")):
                yield f"The disk {mapping.get('deviceName')} names no key."


def _objects(it: Resource) -> Findings:
    for rule in it.each("rules"):
        chosen = it.seen(rule.get("applyServerSideEncryptionByDefault"))
        if chosen is not UNKNOWN and not it.seen((chosen or {}).get("kmsMasterKeyId")):
            yield "Its objects are encrypted with a key of S3's own."


def _images(it: Resource) -> Findings:
    chosen = list(it.each("encryptionConfigurations"))
    if it["encryptionConfigurations"] is not UNKNOWN and not any(it.seen(each.get("kmsKey")) for each in chosen):
        yield "Its images are encrypted with a key of AWS's own."


def _copies(it: Resource) -> Findings:
    for copy in it.each("replicas"):
        if not it.seen(copy.get("kmsKeyId")):
            yield f"Its copy in {copy.get('region')} names no key."


PARTS: Mapping[str, Callable[[Resource], Findings]] = {
    NODE_DISKS: _disks,
    BUCKET_ENCRYPTION: _objects,
    REPOSITORY: _images,
    SECRET: _copies,
}
"""What is more than a switch and a key."""


def _keys_rotate(it: Resource) -> Findings:
    yield from switched_off(it, "enableKeyRotation")


RULES = (
    Rule(
        name="encrypted-with-own-key",
        says="What stores data is encrypted with a key of the platform's own.",
        why="A key of one's own has a policy, can be closed, and leaves a trace of each use; AWS's keys have none of that.",
        fix="Give it the ARN of the platform's key (EncryptionKey of infra/encryption.py).",
        types=tuple(dict.fromkeys([*SWITCHES, *KEYS, *PARTS])),
        check=_encrypted,
    ),
    Rule(
        name="keys-rotate",
        says="Keys are renewed every year.",
        why="Less is encrypted with each version of a key, so that less is lost with one.",
        fix="Set enable_key_rotation.",
        types=("aws:kms/key:Key",),
        check=_keys_rotate,
    ),
)
