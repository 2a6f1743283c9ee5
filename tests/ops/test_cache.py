"""`cache backup`: what it asks of ElastiCache, and where it refuses."""

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.stub import Stubber  # type: ignore[import-untyped]

from ops.cache import backup
from ops.errors import OpsError
from tests.ops.aws_answers import stack
from tests.ops.places import session

NAME = "prod-cache-2026-11-22t03-00-00z"


def answered(status: str) -> Mapping[str, Any]:
    return {"Snapshots": [{"SnapshotName": NAME, "SnapshotStatus": status}]}


def test_a_snapshot_is_waited_for_until_it_is_there(
    answers: dict[str, Stubber], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "POLL_SECONDS", 0)
    asked = answers["elasticache"]
    asked.add_response("create_snapshot", {}, {"ReplicationGroupId": "marlinspike-prod-cache", "SnapshotName": NAME})
    snapshot = backup._of_nodes(stack(), NAME)
    for status in ("creating", "creating", "available"):
        asked.add_response("describe_snapshots", answered(status), {"SnapshotName": NAME})
    assert backup._wait(snapshot, NAME) >= 0


def test_a_snapshot_that_fails_and_one_that_elasticache_refuses_are_errors(answers: dict[str, Stubber]) -> None:
    asked = answers["elasticache"]
    asked.add_response("create_snapshot", {})
    snapshot = backup._of_nodes(stack(), NAME)
    asked.add_response("describe_snapshots", answered("failed"))
    with pytest.raises(OpsError, match="failed; ElastiCache says why"):
        backup._wait(snapshot, NAME)
    asked.add_client_error("create_snapshot", "SnapshotQuotaExceededFault")
    with pytest.raises(OpsError, match="SnapshotQuotaExceededFault"):
        backup._of_nodes(stack(), NAME)


def test_one_that_takes_too_long_is_told_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "PATIENCE_SECONDS", -1)
    with pytest.raises(OpsError, match=r"is creating after 0 s; it goes on"):
        backup._wait(lambda: "creating", NAME)


@pytest.mark.parametrize(
    ("name", "rehearsed", "why"),
    [("local", False, "lie on its own volume"), ("prod", True, "a rehearsal's cache is simulated")],
)
def test_where_there_is_nothing_to_copy_it_is_refused(name: str, rehearsed: bool, why: str) -> None:
    with session(name, {"region": "eu-west-3"}, rehearsed=rehearsed) as (opened, _), pytest.raises(OpsError, match=why):
        backup.cache_backup(opened)


def test_a_dry_run_names_the_snapshot_and_asks_nobody() -> None:
    with session("prod", {"region": "eu-west-3"}, rehearsed=False, dry_run=True) as (opened, said):
        found = backup.cache_backup(opened)
    assert found is not None
    assert f"would take the snapshot {found['snapshot']}" in said()
