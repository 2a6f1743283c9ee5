"""Alarms of AWS Backup. Vault notifications would not do: they tell every job that ends, and failed ones no longer apart."""

from pulumi import Input

from infra.alarms.alarm import DAY, HOUR, Alarm, Metric

NAMESPACE = "AWS/Backup"


def backup_alarms(vault_name: Input[str], *, copies: bool, restore_test: bool) -> list[Alarm]:
    """The alarms of one vault. Copies and restores are counted by kind of resource only, for the whole account and region."""
    vault = {"BackupVaultName": vault_name}
    databases = {"ResourceType": "RDS"}

    def failed(name: str, metric: Metric, means: str) -> Alarm:
        return Alarm(
            name, metric, "GreaterThanThreshold", 0, means, period=HOUR, periods=1, missing_data="notBreaching"
        )

    found = [
        failed(
            "BackupFailed",
            Metric(NAMESPACE, "NumberOfBackupJobsFailed", vault, "Sum"),
            "A backup job failed; the latest recovery point is a day older than it should be.",
        ),
        Alarm(
            "BackupMissing",
            Metric(NAMESPACE, "NumberOfBackupJobsCompleted", vault, "Sum"),
            "LessThanThreshold",
            1,
            "No backup was completed on two days in succession. A new stack says so until its first night.",
            period=DAY,
            periods=2,
            missing_data="breaching",
        ),
    ]
    if copies:
        found.append(
            failed(
                "BackupCopyFailed",
                Metric(NAMESPACE, "NumberOfCopyJobsFailed", databases, "Sum"),
                "A recovery point was not copied to the second region; after the loss of this one, the latest is a day older.",
            )
        )
    if restore_test:
        found.append(
            failed(
                "RestoreTestFailed",
                Metric(NAMESPACE, "NumberOfRestoreJobsFailed", databases, "Sum"),
                "A restore failed, most likely the monthly test: the backups may be of no use.",
            )
        )
    return found
