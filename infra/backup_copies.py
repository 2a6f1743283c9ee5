"""Copies of a database's automated backups in another region, and an instance that is made from such copies."""

from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.recovery import SecondRegion

NEVER_REPLACED = ["restoreToPointInTime", "kmsKeyId"]
"""What an instance keeps from the moment when it was made, whatever the program says later: where it was restored from, and the
key of the copies, which need not be the platform's key of its region."""


def replicate(
    name: str, instance: aws.rds.Instance, copies: SecondRegion, days: int, parent: pulumi.Resource
) -> Output[str]:
    """Has RDS copy every snapshot and all transaction logs to the other region, as soon as they are ready.

    Any second of the last `days` can be restored there. Returns the ARN of the copies, from which an instance can be made.
    """
    return aws.rds.InstanceAutomatedBackupsReplication(
        f"{name}-copies",
        source_db_instance_arn=instance.arn,
        region=copies.region,
        kms_key_id=copies.key_arn,
        retention_period=days,
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
