"""Times in the documents are those of the stack files, of the pinned versions and of the plans."""

import re

import pytest

from benchmarks.recovery_times import COPIES, DATABASE, recovery_chain, recovery_point_minutes
from infra.backup import BackupSettings
from infra.versions import (
    KUBERNETES,
    KUBERNETES_SUPPORTED_UNTIL,
    NOTICE,
    POSTGRESQL,
    POSTGRESQL_SUPPORTED_UNTIL,
    VALKEY,
)
from rehearsal.critical_path import critical_path
from stacks.settings import AwsSettings
from tests.unit.plan import AWS_STACKS, PROJECT_FOLDER, planned, settings_of
from tests.unit.test_critical_path import resources_of
from tests.unit.test_recovery import recovered, resources_without_data

CALENDAR = (PROJECT_FOLDER / "docs" / "maintenance-calendar.md").read_text()
PLAN = (PROJECT_FOLDER / "docs" / "disaster-recovery.md").read_text()


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_calendar_has_the_windows_of_the_stack_files(stack: str) -> None:
    settings = settings_of(stack)
    assert isinstance(settings, AwsSettings)
    database, cache, backup = settings.database, settings.cache, settings.backup
    cells = [
        stack,
        f"{database.backup_window}, kept {database.backup_days} days",
        database.maintenance_window,
        f"{cache.snapshot_window}, kept {cache.snapshot_days} days" if cache.snapshot_days else "none",
        cache.maintenance_window,
        f"{backup.start_hour}:00 to {backup.start_hour + 1}:00, kept {backup.daily_days} days" if backup else "none",
        "monthly" if backup and backup.restore_test else "no",
    ]
    assert f"| {' | '.join(cells)} |\n" in CALENDAR


def test_the_calendar_has_the_ends_of_support() -> None:
    for name, version, ends in (
        ("Kubernetes", KUBERNETES, KUBERNETES_SUPPORTED_UNTIL[KUBERNETES]),
        ("PostgreSQL", POSTGRESQL, POSTGRESQL_SUPPORTED_UNTIL[POSTGRESQL]),
    ):
        assert f"| {name} {version} | {ends} | {ends - NOTICE} |\n" in CALENDAR
    assert f"Valkey {VALKEY}:" in CALENDAR


def test_the_calendar_has_the_restore_test_on_its_day() -> None:
    assert "| monthly, the second, 8:00 | restore test" in CALENDAR  # infra/backup.py, RESTORE_TEST
    assert BackupSettings().restore_test_hours == 4
    assert "four hours until it is deleted" in CALENDAR


def scenario(lost: str) -> str:
    """The row of the plan for what is lost."""
    [row] = re.findall(rf"^\| {lost} \|.*$", PLAN, flags=re.MULTILINE)
    return str(row)


def minutes(seconds: float) -> str:
    """As the plan writes it: `56 min`, `2 h 26 min`; begun minutes count."""
    hours, rest = divmod(-(-int(seconds) // 60), 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def test_what_is_lost_with_the_region_is_what_the_plan_says() -> None:
    lost = recovery_point_minutes(
        {resource.type for stack in ("prod", "account") for resource in planned(stack).resources}
    )
    assert lost.keys() == COPIES.keys()
    database, files, images = (
        f"{lost[kind]:g} min" for kind in (DATABASE, "aws:s3/bucket:Bucket", "aws:ecr/repository:Repository")
    )
    assert f"**{database}** of the database, **{files}** of files, **{images}** of images" in scenario("the region")


def test_how_long_a_lost_region_takes_is_what_the_plan_says() -> None:
    settings = settings_of("prod")
    assert isinstance(settings, AwsSettings)
    resources = resources_of(recovered())
    most, now = (
        minutes(recovery_chain(resources, gib)[-1].ready)
        for gib in (settings.database.max_storage_gib, settings.database.storage_gib)
    )
    assert f"**{most}** with the largest disk, **{now}** with today's" in scenario("the region")


def test_how_long_a_lost_cluster_takes_is_what_the_plan_says() -> None:
    assert f"**{minutes(critical_path(resources_without_data())[-1].ready)}** for a new one" in scenario("the cluster")
    assert f"**{minutes(critical_path(resources_without_data())[-1].ready)}** is the longest chain" in PLAN


def test_what_the_plan_calls_measured_stands_in_the_benchmarks() -> None:
    measured = [cell for cell in PLAN.split("|") if "measured" in cell]
    figures = {figure for cell in measured for figure in re.findall(r"\d+(?:\.\d+)?(?: to \d+(?:\.\d+)?)? s\b", cell)}
    assert {"3 to 8 s", "0.6 to 2.4 s", "43 s", "3 to 6 s"} <= figures
    benchmarks = (PROJECT_FOLDER / "docs" / "benchmarks.md").read_text()
    assert [figure for figure in sorted(figures) if figure not in benchmarks] == []
