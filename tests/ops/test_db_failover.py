"""`db failover` against moto's RDS, and where it refuses."""

import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.rds.models import rds_backends

from ops.db.failover import db_failover, fail_over
from ops.errors import DeclinedError, OpsError
from tests.ops.places import session

REGION, DATABASE = "eu-west-3", "marlinspike-prod-database-instance"
OUTPUTS = {"database_address": f"{DATABASE}.abc.eu-west-3.rds.amazonaws.com", "region": REGION}


@pytest.fixture
def rds(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("rds", region_name=REGION)
        client.create_db_instance(
            DBInstanceIdentifier=DATABASE,
            DBInstanceClass="db.m7g.large",
            Engine="postgres",
            AllocatedStorage=100,
            MasterUsername="master",
            MasterUserPassword="not-used-by-moto",
            MultiAZ=True,
            AvailabilityZone=f"{REGION}a",
        )
        yield client


def _move_after(seconds: float) -> threading.Timer:
    """Moto reboots, and leaves the instance where it is: what RDS does then is done here."""

    def move() -> None:
        for backend in rds_backends.values():
            if DATABASE in backend[REGION].databases:
                backend[REGION].databases[DATABASE].availability_zone = f"{REGION}b"

    timer = threading.Timer(seconds, move)
    timer.start()
    return timer


def test_it_waits_until_the_database_serves_from_another_zone(rds: Any) -> None:
    said: list[str] = []
    timer = _move_after(0.5)
    try:
        found = fail_over(rds, DATABASE, said.append, poll_seconds=0.05)
    finally:
        timer.cancel()
    assert (found["from"], found["to"]) == (f"{REGION}a", f"{REGION}b")
    assert found["seconds"] >= 0.4, "available alone is not enough: the zone must have changed"
    assert said[0] == f"{DATABASE} leaves {REGION}a"


def test_a_database_that_stays_where_it_is_fails_and_says_where_to_look(rds: Any) -> None:
    with pytest.raises(OpsError, match="aws rds describe-events"):
        fail_over(rds, DATABASE, lambda _: None, patience_seconds=0.2, poll_seconds=0.05)


def test_one_without_a_standby_is_left_alone(rds: Any) -> None:
    rds.modify_db_instance(DBInstanceIdentifier=DATABASE, MultiAZ=False, ApplyImmediately=True)
    with pytest.raises(OpsError, match="without a standby"):
        fail_over(rds, DATABASE, lambda _: None)


def test_a_database_that_is_not_there_is_rds_answer(rds: Any) -> None:
    with pytest.raises(OpsError, match=r"RDS refused: .*other"):
        fail_over(rds, "other", lambda _: None)


@pytest.mark.parametrize(
    ("stack", "rehearsed", "words"),
    [
        ("dev", False, "is in one zone, and has no standby; set database.multi_az"),
        ("local", False, "is one pod, and has no standby"),
        ("prod", True, "a rehearsal's database is simulated"),
    ],
)
def test_where_nothing_can_take_over_it_is_refused(stack: str, rehearsed: bool, words: str) -> None:
    with session(stack, OUTPUTS, rehearsed=rehearsed) as (asked, _), pytest.raises(OpsError, match=words):
        db_failover(asked)


def test_prod_wants_its_name_typed_and_a_dry_run_only_tells() -> None:
    with (
        session("prod", OUTPUTS, rehearsed=False, yes=True) as (asked, _),
        pytest.raises(DeclinedError, match="--confirm prod"),
    ):
        db_failover(asked)
    with session("prod", OUTPUTS, rehearsed=False, dry_run=True) as (asked, said):
        assert db_failover(asked) == {"database": DATABASE}
    assert said() == f"would reboot {DATABASE} with failover\n"
