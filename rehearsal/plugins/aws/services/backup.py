"""AWS Backup (service `backup`)."""

import re
from typing import Any

from rehearsal.plugins.aws.account import Record
from rehearsal.plugins.aws.errors import AwsError
from rehearsal.plugins.aws.subject import Computed, Subject, makes

VAULT = "aws:backup/vault:Vault"
PLAN = "aws:backup/plan:Plan"
TEST_PLAN = "aws:backup/restoreTestingPlan:RestoreTestingPlan"

_KEY_REGION = re.compile(r"^arn:aws:kms:([a-z0-9-]+):")
_TEST_NAME = re.compile(r"[0-9A-Za-z_]{1,50}")


@makes(VAULT)
def vault(subject: Subject) -> Computed:
    """A vault, empty for ever: no job runs in a rehearsal."""
    name = subject.text("name")
    key = _KEY_REGION.match(subject.text("kmsKeyArn"))
    if key and key[1] != subject.region:
        raise AwsError("InvalidParameterValueException", f"Provided KMS key is not in the region {subject.region}")
    return Computed(name, {"arn": subject.arn("backup", f"backup-vault:{name}"), "recoveryPoints": 0})


@makes("aws:backup/vaultLockConfiguration:VaultLockConfiguration")
def vault_lock(subject: Subject) -> Computed:
    """A vault's one lock."""
    locked = _vault(subject, subject.text("backupVaultName"))
    least, most = (subject.inputs.get(each) for each in ("minRetentionDays", "maxRetentionDays"))
    if least is not None and most is not None and least > most:
        raise AwsError("InvalidParameterValueException", "Max retention days must be greater than min retention days")
    if (subject.inputs.get("changeableForDays") or 3) < 3:
        raise AwsError("InvalidParameterValueException", "Changeable for days must be at least 3")
    return Computed(locked.id, {"backupVaultArn": locked.value("arn")})


@makes(PLAN)
def plan(subject: Subject) -> Computed:
    """A plan; each change makes a version."""
    for rule in subject.inputs.get("rules") or []:
        _vault(subject, rule["targetVaultName"])
        if rule.get("completionWindow", 180) < rule.get("startWindow", 60) + 60:
            raise AwsError(
                "InvalidParameterValueException",
                "Completion window must be at least 60 minutes greater than the start window",
            )
    identifier = subject.uuid()
    return Computed(
        identifier,
        {
            "arn": subject.arn("backup", f"backup-plan:{identifier}"),
            "version": subject.letters(48, str(subject.inputs.get("rules"))),
        },
    )


@makes("aws:backup/selection:Selection")
def selection(subject: Subject) -> Computed:
    """What a plan backs up."""
    owner = subject.text("planId")
    subject.existing(PLAN, owner, "InvalidParameterValueException", f"Cannot find Backup plan with ID {owner}")
    return Computed(subject.uuid(), {})


@makes(TEST_PLAN)
def restore_testing_plan(subject: Subject) -> Computed:
    """When something is restored to see whether it can be."""
    name = _test_name(subject)
    return Computed(
        name,
        {
            "arn": subject.arn("backup", f"restore-testing-plan:{name}-{subject.uuid()}"),
            "scheduleExpressionTimezone": "Etc/UTC",
            "startWindowHours": 24,
        },
    )


@makes("aws:backup/restoreTestingSelection:RestoreTestingSelection")
def restore_testing_selection(subject: Subject) -> Computed:
    """What is restored for a test; the real provider gives it no id of its own either."""
    name, owner = _test_name(subject), subject.text("restoreTestingPlanName")
    subject.existing(TEST_PLAN, owner, "ResourceNotFoundException", f"Restore testing plan {owner} does not exist")
    return Computed(f"{name}:{owner}", {})


def _test_name(subject: Subject) -> str:
    name = subject.text("name")
    if not _TEST_NAME.fullmatch(name):
        raise AwsError(
            "InvalidParameterValueException", f"{name}: must contain only alphanumeric characters, and underscores"
        )
    return name


def _vault(subject: Subject, name: Any) -> Record:
    found = subject.account.get(VAULT, str(name))
    if found is None or found.region != subject.region:
        raise AwsError("ResourceNotFoundException", f"Backup Vault with name {name} does not exist")
    return found
