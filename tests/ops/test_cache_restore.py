"""`cache restore`: which snapshots it takes, in which order it goes, and where each failure leaves the cache."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.stub import Stubber  # type: ignore[import-untyped]

from ops.cache import restore, snapshots
from ops.cache.backup import REPLICATION_GROUP
from ops.cache.restore import cache_restore
from ops.command import Session
from ops.console import Report
from ops.errors import DeclinedError, OpsError, StoppedError
from ops.stack import Stack
from ops.stack_file import changed_text
from tests.app.servers import REPOSITORY
from tests.ops.places import Exported

NAME = "prod-cache-2026-11-22t03-00-00z"
OLD, NEW = "marlinspike-prod-cache", "marlinspike-prod-cache-abcde"
FINAL = f"{OLD}-final-0abc"
SETTING = "marlinspike:cache"

Up = Callable[[list[dict[str, Any]]], None]


def snapshot(**changes: Any) -> dict[str, Any]:
    found = {
        "SnapshotName": NAME,
        "SnapshotStatus": "available",
        "ReplicationGroupId": OLD,
        "Engine": "valkey",
        "EngineVersion": "8.2.0",
        "CacheNodeType": "cache.m7g.large",
        "NumNodeGroups": 1,
        "AutomaticFailover": "enabled",
    }
    return {key: value for key, value in {**found, **changes}.items() if value is not None}


class Kept(Exported):
    """An engine with one cache in its state, which notes what is asked of it; `updates` are what each `up` does."""

    def __init__(self, updates: list[Up]) -> None:
        super().__init__({"region": "eu-west-3"}, None, rehearsed=False)
        self._updates = updates
        self.asked: list[str] = []
        self.resources: list[dict[str, Any]] = [
            {
                "type": REPLICATION_GROUP,
                "id": OLD,
                "urn": "urn:cache",
                "protect": True,
                "inputs": {"finalSnapshotIdentifier": FINAL},
            }
        ]

    def state(self) -> Mapping[str, Any]:
        return {"deployment": {"resources": self.resources}}

    def unprotect(self, urn: str) -> None:
        self.asked.append(f"unprotect {urn}")

    def up(self) -> None:
        self.asked.append("up")
        self._updates.pop(0)(self.resources)

    def would_change(self, text: str, *options: str) -> list[str]:
        return [str(yaml.safe_load(text)["config"][SETTING]["restore_from"]), *options]


def replaced(resources: list[dict[str, Any]]) -> None:
    resources[:] = [{**resources[0], "id": NEW}]


def replaced_but_not_ended(resources: list[dict[str, Any]]) -> None:
    resources[:] = [{**resources[0], "delete": True}, {**resources[0], "id": NEW}]
    raise OpsError("the pods don't come up")


def nothing(_: list[dict[str, Any]]) -> None:
    pass


def refused(_: list[dict[str, Any]]) -> None:
    raise OpsError("SnapshotNotFoundFault")


def interrupted(_: list[dict[str, Any]]) -> None:
    raise StoppedError("the update was interrupted")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for file in REPOSITORY.glob("Pulumi*.yaml"):
        shutil.copy(file, tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore.health, "as_well_as_now", lambda _: nothing_wrong)
    monkeypatch.setattr(restore, "take", lambda _, name, say: say(f"snapshot {name}"))


def nothing_wrong() -> None:
    pass


@contextmanager
def session(folder: Path, *updates: Up, **options: Any) -> Iterator[tuple[Session, Kept, StringIO]]:
    engine, spoken = Kept(list(updates)), StringIO()
    with Stack(folder, "prod", engine) as stack:
        yield Session(stack, Report(as_json=False, out=spoken), **options), engine, spoken


def holds(answers: dict[str, Stubber], *found: dict[str, Any]) -> None:
    answers["elasticache"].add_response("describe_snapshots", {"Snapshots": list(found)})


def setting(folder: Path) -> Any:
    return yaml.safe_load((folder / "Pulumi.prod.yaml").read_text())["config"][SETTING].get("restore_from")


def test_the_new_cache_is_made_after_a_snapshot_of_the_old_one_and_the_setting_stays(
    folder: Path, answers: dict[str, Stubber]
) -> None:
    holds(answers, snapshot())
    with session(folder, replaced, confirmed="prod") as (opened, engine, spoken):
        done = cache_restore(opened, NAME)
    assert done is not None
    assert (done["before"], done["cache"], setting(folder)) == (OLD, NEW, NAME)
    assert engine.asked == ["unprotect urn:cache", "up"]
    said = spoken.getvalue()
    assert said.index(f"snapshot {done['kept']}") < said.index(f"{NEW} serves")
    assert f"To go back: python -m ops cache restore {done['kept']} --stack prod" in said


def test_nobody_replaces_prods_cache_without_its_name_typed(folder: Path, answers: dict[str, Stubber]) -> None:
    holds(answers, snapshot())
    with session(folder, yes=True) as (opened, engine, _), pytest.raises(DeclinedError, match="--confirm prod"):
        cache_restore(opened, NAME)
    assert (engine.asked, setting(folder)) == ([], None)


def test_a_dry_run_asks_for_the_plan_without_the_protection_and_changes_nothing(
    folder: Path, answers: dict[str, Stubber]
) -> None:
    holds(answers, snapshot())
    with session(folder, dry_run=True) as (opened, engine, _):
        found = cache_restore(opened, NAME)
    assert found is not None
    assert found["operations"] == [NAME, "--ignore-protect"]
    assert (engine.asked, setting(folder)) == ([], None)


def test_what_fails_before_there_is_a_new_cache_is_turned_back(folder: Path, answers: dict[str, Stubber]) -> None:
    holds(answers, snapshot())
    before = (folder / "Pulumi.prod.yaml").read_text()
    with session(folder, refused, nothing, confirmed="prod") as (opened, engine, _), pytest.raises(OpsError) as failed:
        cache_restore(opened, NAME)
    assert f"SnapshotNotFoundFault\nPulumi.prod.yaml is as before, and {OLD} serves." in str(failed.value)
    assert engine.asked == ["unprotect urn:cache", "up", "up"]
    assert (folder / "Pulumi.prod.yaml").read_text() == before


def test_what_fails_beside_a_new_cache_goes_on_and_never_asks_for_the_old_one_again(
    folder: Path, answers: dict[str, Stubber]
) -> None:
    holds(answers, snapshot())
    with (
        session(folder, replaced_but_not_ended, confirmed="prod") as (opened, engine, _),
        pytest.raises(OpsError, match="the pods don't come up") as failed,
    ):
        cache_restore(opened, NAME)
    assert f"{NEW} is filled and there; {OLD} is not deleted yet" in str(failed.value)
    assert "go on with: pulumi up --stack prod" in str(failed.value)
    assert "To go back: python -m ops cache restore prod-cache-" in str(failed.value)
    assert (engine.asked, setting(folder)) == (["unprotect urn:cache", "up"], NAME)


def test_where_the_engine_says_nothing_any_more_the_setting_stays_and_is_told(
    folder: Path, answers: dict[str, Stubber]
) -> None:
    def vanishes(resources: list[dict[str, Any]]) -> None:
        resources.clear()
        raise OpsError("the backend is away")

    holds(answers, snapshot())
    with session(folder, vanishes, confirmed="prod") as (opened, _, _), pytest.raises(OpsError) as failed:
        cache_restore(opened, NAME)
    assert "the backend is away\nWhether there is a new cache can't be seen" in str(failed.value)
    assert setting(folder) == NAME


def test_an_interrupted_update_leaves_the_old_file_and_begins_no_other(
    folder: Path, answers: dict[str, Stubber]
) -> None:
    holds(answers, snapshot())
    with session(folder, interrupted, confirmed="prod") as (opened, engine, _), pytest.raises(StoppedError):
        cache_restore(opened, NAME)
    assert (engine.asked[-1:], len(engine.asked), setting(folder)) == (["up"], 2, None)


def test_a_stack_that_is_not_well_afterwards_is_told_with_the_way_back(
    folder: Path, answers: dict[str, Stubber], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ill() -> None:
        raise OpsError("prod is not well after 180 s: Deployment app: 2 of 3 pods are ready")

    monkeypatch.setattr(restore.health, "as_well_as_now", lambda _: ill)
    holds(answers, snapshot())
    with session(folder, replaced, confirmed="prod") as (opened, _, _), pytest.raises(OpsError) as failed:
        cache_restore(opened, NAME)
    assert "the cache is replaced, and prod is not well" in str(failed.value)
    assert "To go back: python -m ops cache restore" in str(failed.value)
    assert setting(folder) == NAME


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"SnapshotName": "other"},
            "there is no snapshot prod-cache-2026-11-22t03-00-00z of kind nodes. Of prod there are: other",
        ),
        ({"SnapshotStatus": "creating"}, "it is creating; wait until it is available"),
        (
            {"ReplicationGroupId": "marlinspike-staging-cache"},
            "it is of marlinspike-staging-cache, another environment's cache",
        ),
        ({"ReplicationGroupId": "marlinspike-prod-cache-blue"}, "another environment's cache"),
        ({"Engine": "redis"}, "it is of engine redis"),
        ({"EngineVersion": "9.0.1"}, "it is of Valkey 9.0.1, which 8.2 can't read"),
        ({"NumNodeGroups": 2}, "it is of 2 shards"),
        ({"CacheNodeType": "cache.r7g.large"}, "cache.m7g.large has less memory"),
    ],
)
def test_a_snapshot_that_cannot_fill_this_cache_is_refused_before_anything_is_touched(
    folder: Path, answers: dict[str, Stubber], changes: dict[str, Any], why: str
) -> None:
    holds(answers, snapshot(**changes))
    with session(folder, confirmed="prod") as (opened, engine, _), pytest.raises(OpsError) as failed:
        cache_restore(opened, NAME)
    assert why in str(failed.value)
    assert (engine.asked, setting(folder)) == ([], None)


@pytest.mark.parametrize(
    "changes",
    [
        {"ReplicationGroupId": None, "CacheClusterId": f"{OLD}-002"},  # an automatic one, of a replica
        {"ReplicationGroupId": "marlinspike-prod-cache-q2a7x"},  # of a cache that a snapshot had filled
        {"CacheNodeType": "cache.m5.large"},  # offered no more: ElastiCache judges its memory
        {"EngineVersion": "8.2"},
    ],
)
def test_these_can_fill_it(folder: Path, answers: dict[str, Stubber], changes: dict[str, Any]) -> None:
    holds(answers, snapshot(**changes))
    with session(folder) as (opened, _, _):
        snapshots.require(opened.stack, NAME, FINAL)


def test_all_reasons_are_told_at_once_and_the_final_snapshot_must_find_its_name_free(
    folder: Path, answers: dict[str, Stubber]
) -> None:
    file = folder / "Pulumi.prod.yaml"
    file.write_text(changed_text(file.read_text(), {"cache.nodes": 1}))
    holds(answers, snapshot(SnapshotStatus="deleting"), snapshot(SnapshotName=FINAL))
    with session(folder) as (opened, _, _), pytest.raises(OpsError) as failed:
        snapshots.require(opened.stack, NAME, FINAL)
    assert [reason.split(";")[0] for reason in failed.value.document["faults"]] == [
        "it is deleting",
        "it is of a cache that fails over, which ElastiCache does not make of one node",
        f"the cache that serves now leaves the snapshot {FINAL} when it goes, and there is one of that name",
    ]


def test_a_serverless_cache_takes_the_snapshots_of_its_own_kind_by_their_arn(
    folder: Path, answers: dict[str, Stubber]
) -> None:
    file = folder / "Pulumi.prod.yaml"
    file.write_text(changed_text(file.read_text(), {"cache": {"kind": "serverless"}}))
    made_of = {"ServerlessCacheName": OLD, "Engine": "valkey", "MajorEngineVersion": "8"}
    found = {"ServerlessCacheSnapshotName": NAME, "Status": "available", "ServerlessCacheConfiguration": made_of}
    for engine in ("valkey", "redis"):
        described = {**found, "ServerlessCacheConfiguration": {**made_of, "Engine": engine}}
        answers["elasticache"].add_response(
            "describe_serverless_cache_snapshots", {"ServerlessCacheSnapshots": [described]}
        )
    with session(folder) as (opened, _, _):
        assert (
            snapshots.source(opened.stack, NAME)
            == f"arn:aws:elasticache:eu-west-3:111122223333:serverlesssnapshot:{NAME}"
        )
        snapshots.require(opened.stack, NAME, None)
        with pytest.raises(OpsError, match="it is of engine redis"):
            snapshots.require(opened.stack, NAME, None)


@pytest.mark.parametrize(
    ("stack", "changes", "why"),
    [
        ("prod", {"cache.restore_from": NAME}, "has filled the cache already.*copy-snapshot"),
        ("local", {}, "comes back with its content by itself"),
        (
            "prod",
            {"recovery.restore_database_from": "arn:aws:rds:eu-central-1:111122223333:auto-backup:ab-0abc"},
            "its cache begins empty",
        ),
    ],
)
def test_where_there_is_nothing_to_restore_it_says_why(
    folder: Path, stack: str, changes: dict[str, Any], why: str
) -> None:
    name = "prod-recovery" if "recovery.restore_database_from" in changes else stack
    text = (folder / f"Pulumi.{stack}.yaml").read_text()
    (folder / f"Pulumi.{name}.yaml").write_text(changed_text(text, changes))
    with Stack(folder, name, Kept([])) as found, pytest.raises(OpsError, match=why):
        cache_restore(Session(found, Report(as_json=False, out=StringIO())), NAME)
