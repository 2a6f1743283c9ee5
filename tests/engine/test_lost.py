"""What a killed engine never heard of is taken out of the simulated account, and nothing else."""

from pathlib import Path

from rehearsal.lost import take_away_lost
from rehearsal.plugins.aws.account import Account, Record

FENCE = "aws:ec2/securityGroup:SecurityGroup"


def record(identifier: str, name: str) -> Record:
    urn = f"urn:pulumi:dev::shop::{FENCE}::{name}"
    return Record(FENCE, identifier, urn, identifier, "eu-west-3", "2026-11-21T00:00:00Z", {}, {})


def test_of_a_fence_that_was_made_twice_the_one_in_the_state_stays(tmp_path: Path) -> None:
    account = Account(tmp_path)
    for identifier, name in {"sg-1": "cache", "sg-2": "cache", "sg-3": "database"}.items():
        account.put(record(identifier, name))
    state = [{"type": FENCE, "id": "sg-2"}, {"type": FENCE, "id": "sg-3"}, {"type": "pulumi:pulumi:Stack"}]

    assert take_away_lost(tmp_path, state) == ["cache"]

    assert {kept.id for kept in account.all()} == {"sg-2", "sg-3"}
    assert take_away_lost(tmp_path, state) == []


def test_an_account_that_was_never_used_has_lost_nothing(tmp_path: Path) -> None:
    assert take_away_lost(tmp_path / "cloud", []) == []
