"""`prod-recovery` through the real engine: prod's file plus one setting brings the platform up in the second region."""

from collections.abc import Iterator

import pytest

from rehearsal.run import Rehearsal
from rehearsal.stack_file import StackFileError
from rehearsal.toolchain import Toolchain
from tests.engine.conftest import unmeasured


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory, toolchain: Toolchain) -> Iterator[Rehearsal]:
    folder = tmp_path_factory.mktemp("recovery")
    rehearsal = Rehearsal("prod-recovery", state=folder / "state", out=folder / "out", toolchain=toolchain)
    with unmeasured():
        try:
            result = rehearsal.up()
            assert result.succeeded, "\n".join(result.errors)
            yield rehearsal
        finally:
            rehearsal.remove()


def test_it_comes_up_in_the_second_region_from_the_copied_backup(up: Rehearsal) -> None:
    resources = up.state()["deployment"]["resources"]
    regions = {r["outputs"]["region"] for r in resources if r.get("outputs", {}).get("region")}
    assert regions == {"eu-central-1"}
    [database] = [r for r in resources if r["type"] == "aws:rds/instance:Instance"]
    assert ":auto-backup:" in str(database["inputs"]["restoreToPointInTime"])


def test_afterwards_there_is_nothing_left_to_do_and_another_backup_changes_nothing(up: Rehearsal) -> None:
    other = "arn:aws:rds:eu-central-1:111122223333:auto-backup:ab-another"
    preview = up.preview(None, {"recovery.restore_database_from": other}, "--expect-no-changes")
    assert preview.succeeded, "\n".join(preview.errors)
    assert preview.changes.keys() == {"same"}


def test_a_stack_without_a_second_region_has_nothing_to_recover(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(StackFileError, match=r"Pulumi\.dev\.yaml has no section recovery"):
        Rehearsal("dev-recovery", state=tmp_path_factory.mktemp("none"))
