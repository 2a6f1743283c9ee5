"""Daily copies: who makes them when, with which rights, and who is told when none is made."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from infra.exports.jobs import ACCOUNTS, DUMP, OBJECTS, RESTORE
from infra.exports.reading import READ
from infra.exports.settings import ExportsSettings
from tests.unit.plan import Plan, planned, planned_with
from tests.unit.rules import every_alert

CRON_JOB = "kubernetes:batch/v1:CronJob"
POLICY = "aws:iam/rolePolicy:RolePolicy"


def cron_job(plan: Plan, name: str) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = plan.only(CRON_JOB, name).inputs["spec"]
    return spec


def pod(plan: Plan, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = cron_job(plan, name)["jobTemplate"]["spec"]["template"]["spec"]
    return found


def rights(name: str) -> dict[str, tuple[list[str], list[str]]]:
    """Actions and resources of each statement of a role."""
    text = planned("prod").only(POLICY, f"marlinspike-prod-{name}-policy").inputs["policy"]
    return {each["Sid"]: (each["Action"], each["Resource"]) for each in json.loads(text)["Statement"]}


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_both_copies_are_made_daily_one_at_a_time_within_a_deadline(stack: str) -> None:
    plan = planned(stack)
    for name in (DUMP, OBJECTS):
        spec = cron_job(plan, name)
        minute, hour, *days = spec["schedule"].split()
        assert (int(minute) % 30, days) == (0, ["*", "*", "*"])
        assert 0 <= int(hour) < 24
        assert (spec["concurrencyPolicy"], spec["suspend"], spec["timeZone"]) == ("Forbid", False, "Etc/UTC")
        assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 4 * 3600


def test_a_restore_never_begins_by_itself_and_is_tried_once() -> None:
    spec = cron_job(planned("prod"), RESTORE)
    assert spec["suspend"] is True
    assert spec["schedule"] == "0 0 31 2 *"
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0


def test_without_the_section_there_is_nothing_of_it() -> None:
    plan = planned("dev")
    assert not plan.of(CRON_JOB)
    assert not [each.name for each in plan.resources if "export" in each.name]


def test_who_writes_copies_cannot_read_or_delete_them() -> None:
    for name, prefix in ((DUMP, "database"), (OBJECTS, "objects")):
        found = rights(name)
        assert found["WriteCopies"] == (
            ["s3:PutObject", "s3:AbortMultipartUpload"],
            [f"arn:aws:test:eu-west-3:111122223333:marlinspike-prod-exports-bucket/{prefix}/*"],
        )
        every = {action for actions, _ in found.values() for action in actions}
        assert every <= {
            *("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListBucket", "kms:GenerateDataKey", "kms:Decrypt"),
            *(["rds-db:connect"] if name == DUMP else []),
        }


def test_who_restores_reads_dumps_only_and_writes_none() -> None:
    found = rights(RESTORE)
    assert found["ReadCopies"] == (
        ["s3:GetObject"],
        ["arn:aws:test:eu-west-3:111122223333:marlinspike-prod-exports-bucket/database/*"],
    )
    assert "s3:PutObject" not in {action for actions, _ in found.values() for action in actions}


def test_copies_go_after_thirty_days_and_resist_deletion_in_prod() -> None:
    plan = planned("prod")
    [rule] = plan.only(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "marlinspike-prod-exports-lifecycle"
    ).inputs["rules"]
    assert rule["expiration"] == {"days": 30}
    bucket = plan.only("aws:s3/bucket:Bucket", "marlinspike-prod-exports-bucket")
    assert bucket.inputs["forceDestroy"] is False
    assert bucket.protect


def test_postgresqls_programs_have_neither_token_nor_credentials_in_their_environment() -> None:
    plan = planned("prod")
    for name in (DUMP, RESTORE):
        found = pod(plan, name)
        assert found["automountServiceAccountToken"] is False
        own, theirs = found["containers"]
        assert theirs["env"] == [{"name": "EXPORTS_EXCHANGE", "value": "/exchange"}]
        assert {"name": "exchange", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}} in found["volumes"]
        assert {"name": "exchange", "mountPath": "/exchange"} in own["volumeMounts"]
        assert ":18" in theirs["image"], "pg_dump refuses a server that is newer than itself"


def test_each_has_an_account_of_its_own_and_only_the_export_a_token() -> None:
    plan = planned("prod")
    assert {name: pod(plan, name)["serviceAccountName"] for name in ACCOUNTS} == {name: name for name in ACCOUNTS}
    assert [name for name in ACCOUNTS if pod(plan, name)["automountServiceAccountToken"]] == [OBJECTS]


def test_the_export_lists_what_the_program_makes_and_never_a_secret() -> None:
    assert "secrets" not in READ[""]
    plan = planned("prod")
    rules = plan.only("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", "objects-export-role").inputs["rules"]
    assert {verb for rule in rules for verb in rule["verbs"]} == {"list"}
    assert "*" not in json.dumps(rules)
    for each in plan.kubernetes():
        group, _, rest = each.type.removeprefix("kubernetes:").partition("/")
        kind = rest.split(":")[-1]
        if group in ("helm.sh", "core") or kind == "Namespace":
            continue
        plural = re.sub(r"y$", "ie", kind.lower()) + ("es" if kind.endswith("ss") else "s")
        assert plural in READ.get(group, ()), (
            f"{group}/{plural} would be in no copy: add it to infra/exports/reading.py"
        )


def test_a_missed_copy_is_told_with_the_hours_of_the_settings() -> None:
    [alert] = [each for each in every_alert() if each.name == "ExportMissing"]
    assert alert.expression.endswith(f"> {28 * 3600}")
    assert 'cronjob=~"database-dump|objects-export"' in alert.expression
    without = planned_with("prod", {"exports": {"start_hour": 2, "missing_hours": 50}})
    groups = without.only("kubernetes:monitoring.coreos.com/v1:PrometheusRule", "app-rules").inputs["spec"]["groups"]
    assert f"> {50 * 3600}" in json.dumps(groups)


def test_an_alert_that_would_fire_while_a_copy_is_made_is_refused() -> None:
    with pytest.raises(ValueError, match="would tell of a copy that is only being made"):
        ExportsSettings(deadline_hours=6, missing_hours=28)
