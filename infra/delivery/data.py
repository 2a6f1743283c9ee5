"""What a deploy role may do to what holds data: database, cache, files, keys, secrets and their copies."""

from infra.delivery.scope import Scope
from infra.identity import Permission
from infra.naming import PROJECT

RDS = (
    "AddTagsToResource",
    "CreateDBInstance",
    "CreateDBInstanceReadReplica",
    "CreateDBParameterGroup",
    "CreateDBSnapshot",
    "CreateDBSubnetGroup",
    "CreateEventSubscription",
    "DeleteDBInstance",
    "DeleteDBParameterGroup",
    "DeleteDBSubnetGroup",
    "DeleteEventSubscription",
    "ModifyDBInstance",
    "ModifyDBParameterGroup",
    "ModifyDBSubnetGroup",
    "ModifyEventSubscription",
    "PromoteReadReplica",
    "RebootDBInstance",
    "RemoveTagsFromResource",
    "ResetDBParameterGroup",
    "StartDBInstanceAutomatedBackupsReplication",
    "StopDBInstanceAutomatedBackupsReplication",
)

ELASTICACHE = (
    "AddTagsToResource",
    "CreateCacheParameterGroup",
    "CreateCacheSubnetGroup",
    "CreateReplicationGroup",
    "CreateServerlessCache",
    "CreateSnapshot",
    "CreateUser",
    "CreateUserGroup",
    "DecreaseReplicaCount",
    "DeleteCacheParameterGroup",
    "DeleteCacheSubnetGroup",
    "DeleteReplicationGroup",
    "DeleteServerlessCache",
    "DeleteUser",
    "DeleteUserGroup",
    "IncreaseReplicaCount",
    "ModifyCacheParameterGroup",
    "ModifyCacheSubnetGroup",
    "ModifyReplicationGroup",
    "ModifyServerlessCache",
    "ModifyUser",
    "ModifyUserGroup",
    "RemoveTagsFromResource",
    "ResetCacheParameterGroup",
)

S3 = (
    "CreateBucket",
    "DeleteBucket",
    "DeleteBucketPolicy",
    "ListBucketVersions",
    "PutBucketLogging",
    "PutBucketOwnershipControls",
    "PutBucketPolicy",
    "PutBucketPublicAccessBlock",
    "PutBucketTagging",
    "PutBucketVersioning",
    "PutEncryptionConfiguration",
    "PutLifecycleConfiguration",
    "PutReplicationConfiguration",
)

SECRETS = (
    "CreateSecret",
    "DeleteSecret",
    "PutResourcePolicy",
    "DeleteResourcePolicy",
    "RemoveRegionsFromReplication",
    "ReplicateSecretToRegions",
    "TagResource",
    "UntagResource",
    "UpdateSecret",
)


def stores(scope: Scope) -> dict[str, Permission]:
    """RDS and ElastiCache, whose ARNs carry names."""
    rds = scope.arns(
        "rds", *(f"{kind}:{{name}}-*" for kind in ("db", "es", "pg", "subgrp", "snapshot")), "og:default:*"
    )
    caches = ("cluster", "parametergroup", "replicationgroup", "serverlesscache", "snapshot", "subnetgroup", "user")
    return {
        "Database": Permission([f"rds:{action}" for action in RDS], rds),
        # The copies of its backups in another region are called `auto-backup:ab-...`.
        "DatabaseBackups": Permission(
            ["rds:AddTagsToResource", "rds:DeleteDBInstanceAutomatedBackup"],
            scope.arns("rds", "auto-backup:*"),
            scope.owned,
        ),
        "DatabaseMasterSecret": Permission(  # RDS makes it in its caller's name
            ["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
            scope.arns("secretsmanager", "secret:rds!db-*"),
        ),
        "Cache": Permission(
            [f"elasticache:{action}" for action in ELASTICACHE],
            scope.arns("elasticache", *(f"{kind}:{{name}}-*" for kind in (*caches, "usergroup"))),
        ),
    }


def files_and_secrets(scope: Scope) -> dict[str, Permission]:
    """Buckets with what is in them (a bucket that may be lost is emptied first), secrets and parameters without values."""
    bucket = f"arn:aws:s3:::{scope.name}-*"
    secrets = scope.arns("secretsmanager", "secret:{name}-*", "secret:{name}/*")
    parameters = scope.arns("ssm", "parameter/{name}-*", f"parameter/{PROJECT}/{scope.environment}/*")
    return {
        "Buckets": Permission([f"s3:{action}" for action in S3], [bucket]),
        "EmptyBuckets": Permission(["s3:DeleteObject", "s3:DeleteObjectVersion"], [f"{bucket}/*"]),
        "Secrets": Permission([f"secretsmanager:{action}" for action in SECRETS], secrets),
        "Parameters": Permission(
            ["ssm:AddTagsToResource", "ssm:DeleteParameter", "ssm:PutParameter", "ssm:RemoveTagsFromResource"],
            parameters,
        ),
    }


def keys(scope: Scope) -> dict[str, Permission]:
    """KMS keys: made with tags, administered and lent to services by tags."""
    key = scope.arns("kms", "key/*")
    return {
        "MakeKeys": Permission(["kms:CreateKey"], ["*"], scope.created),  # no resource level
        "TagNewKeys": Permission(["kms:TagResource"], key, scope.claimed),
        "AdministerKeys": Permission(
            [
                "kms:CancelKeyDeletion",
                "kms:CreateAlias",
                "kms:DeleteAlias",
                "kms:DisableKeyRotation",
                "kms:EnableKeyRotation",
                "kms:PutKeyPolicy",
                "kms:ScheduleKeyDeletion",
                "kms:TagResource",
                "kms:UntagResource",
                "kms:UpdateAlias",
                "kms:UpdateKeyDescription",
            ],
            key,
            scope.owned,
        ),
        "Aliases": Permission(
            ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"],
            scope.arns("kms", "alias/{name}", "alias/{name}-*"),
        ),
        # RDS, ElastiCache and EKS take the key in their caller's name.
        "LendKeys": Permission(
            ["kms:CreateGrant"], key, {**scope.owned, "Bool": {"kms:GrantIsForAWSResource": "true"}}
        ),
        "UseKeysThroughServices": Permission(
            ["kms:Decrypt", "kms:GenerateDataKey"],
            key,
            {**scope.owned, "StringLike": {"kms:ViaService": ["rds.*", "secretsmanager.*", "elasticache.*"]}},
        ),
    }


def backup(scope: Scope) -> dict[str, Permission]:
    """AWS Backup: vaults by name, plans by tag."""
    return {
        "Vaults": Permission(
            [
                "backup:CreateBackupVault",
                "backup:DeleteBackupVault",
                "backup:DeleteBackupVaultAccessPolicy",
                "backup:PutBackupVaultAccessPolicy",
                "backup:PutBackupVaultLockConfiguration",
                "backup:PutBackupVaultNotifications",
                "backup:DeleteBackupVaultNotifications",
                "backup:TagResource",
                "backup:UntagResource",
            ],
            scope.arns("backup", "backup-vault:{name}-*"),
        ),
        "VaultStorage": Permission(["backup-storage:MountCapsule"], ["*"]),  # no resource level
        "MakePlans": Permission(
            ["backup:CreateBackupPlan", "backup:CreateRestoreTestingPlan"],
            scope.arns("backup", "backup-plan:*", "restore-testing-plan:*"),
            scope.created,
        ),
        "TagPlans": Permission(
            ["backup:TagResource"],
            scope.arns("backup", "backup-plan:*", "restore-testing-plan:*"),
            scope.claimed,
        ),
        "Plans": Permission(
            [
                "backup:CreateBackupSelection",
                "backup:CreateRestoreTestingSelection",
                "backup:DeleteBackupPlan",
                "backup:DeleteBackupSelection",
                "backup:DeleteRestoreTestingPlan",
                "backup:DeleteRestoreTestingSelection",
                "backup:TagResource",
                "backup:UntagResource",
                "backup:UpdateBackupPlan",
                "backup:UpdateRestoreTestingPlan",
                "backup:UpdateRestoreTestingSelection",
            ],
            scope.arns("backup", "backup-plan:*", "restore-testing-plan:*"),
            scope.owned,
        ),
    }
