"""Game days on one real node: pods that run, requests that are answered or lost, a database and a cache that stop."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal import places
from rehearsal.real_node.requirements import hindrance
from rehearsal.run import REAL, Rehearsal
from tests.ops.conftest import RehearsedStack

pytestmark = pytest.mark.skipif(not os.environ.get("FULL"), reason="takes four minutes: FULL=1")

SETTINGS = {"app.replicas": 2, "app.disruption_budget": {"max_unavailable": 1}}


@pytest.fixture(scope="module")
def real(program: Path) -> Iterator[tuple[RehearsedStack, str]]:
    """Stack `local` on a real node, and the address of its application."""
    reason = hindrance()
    if reason:
        pytest.skip(f"no real node on this machine: {reason}")
    rehearsal = Rehearsal(
        "local", places.state("local", program), places.out("local", program), program, node=REAL, say=print
    )
    try:
        result = rehearsal.up(config=SETTINGS)
        assert result.succeeded, result.errors
        address = next(line for line in result.real_node if "answers on" in line).split()[4]
        yield RehearsedStack(program, "local", rehearsal), address
    finally:
        rehearsal.remove()


@pytest.mark.parametrize("kind", ["pod", "database", "cache"])
def test_what_stops_on_a_real_node_is_back_within_the_objective(real: tuple[RehearsedStack, str], kind: str) -> None:
    stack, address = real
    document = stack.document("drill", kind, "--yes", "--url", f"{address}/quotes")
    print(json.dumps(document))
    measured = document["measured"]
    assert document["verdict"] == "met"
    assert measured["pods lost"] == 1
    assert measured["fewest pods ready"] == measured["pods wanted"] - 1
    assert measured["requests"] > 0
    # Without its cache the application works on; without one of two pods the other serves.
    assert measured["lost"] < measured["requests"]
