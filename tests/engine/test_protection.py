"""Deletion protection of simulated resources ends with the rehearsal, and only in the simulated account."""

from pathlib import Path

from rehearsal.plugins.aws.account import Account, Record
from rehearsal.protection import switch_off


def record(identifier: str, **outputs: object) -> Record:
    return Record(
        type="aws:rds/instance:Instance",
        id=identifier,
        urn=f"urn:{identifier}",
        seed=identifier,
        region="eu-west-3",
        created_at="2026-11-21T00:00:00Z",
        inputs={**outputs, "engine": "postgres", "password": {"secret": True}},
        outputs=outputs,
    )


def test_it_is_switched_off_where_it_is_on_and_nothing_else_changes(tmp_path: Path) -> None:
    account = Account(tmp_path)
    account.put(record("protected", deletionProtection=True))
    account.put(record("open", deletionProtection=False))
    before = account.get("aws:rds/instance:Instance", "protected")
    assert before is not None

    assert switch_off(tmp_path) == ["protected"]

    after = account.get("aws:rds/instance:Instance", "protected")
    assert after is not None
    assert (after.inputs["deletionProtection"], after.outputs["deletionProtection"]) == (False, False)
    assert {**after.inputs, "deletionProtection": True} == dict(before.inputs)
    assert switch_off(tmp_path) == []


def test_an_account_that_was_never_used_has_nothing_to_switch_off(tmp_path: Path) -> None:
    assert switch_off(tmp_path / "cloud") == []
