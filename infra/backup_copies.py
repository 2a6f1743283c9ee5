"""Copies of a database's automated backups in another region, and an instance that is made from such copies."""

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions


@dataclass(frozen=True)
class BackupCopies:
    """Where RDS copies every snapshot and all transaction logs, as soon as they are ready."""

    region: str
    key_arn: Input[str]
    """Of a key in that region."""
    retention_days: int
    """How far back the other region can restore (RDS allows 1 to 35 days)."""


NEVER_REPLACED = ["restoreToPointInTime", "kmsKeyId"]
"""What an instance keeps from the moment when it was made, whatever the program says later: where it was restored from, and the
key of the copies, which need not be the platform's key of its region."""


def replicate(name: str, instance: aws.rds.Instance, copies: BackupCopies, parent: pulumi.Resource) -> Output[str]:
    """Makes the replication, in the other region; returns its ARN there, from which an instance can be restored."""
    return aws.rds.InstanceAutomatedBackupsReplication(
        f"{name}-copies",
        source_db_instance_arn=instance.arn,
        region=copies.region,
        kms_key_id=copies.key_arn,
        retention_period=copies.retention_days,
        # RDS refuses a second replication of one instance to one region, so that the old one ends first; what it copied stays.
        opts=ResourceOptions(parent=parent, delete_before_replace=True),
    ).id


def restored_from(copies_arn: Input[str]) -> dict[str, Any]:
    """Arguments of an instance that is made from copies, at their latest moment.

    Size, key, user and database are those of the copies (RDS API reference, `RestoreDBInstanceToPointInTime`). Given all the
    same, the user and the key would ask for a replacement at the next update.
    """
    return {
        "restore_to_point_in_time": {
            "source_db_instance_automated_backups_arn": copies_arn,
            "use_latest_restorable_time": True,
        }
    }
