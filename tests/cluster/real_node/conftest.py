"""Stack `local`, brought up once on a real node through the real engine."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.control_plane.api import Api
from rehearsal.real_node.requirements import hindrance
from rehearsal.run import REAL, Rehearsal
from tests.cluster.real_node.stack import Stack

SETTINGS = {
    "app.replicas": 2,
    "app.disruption_budget": {"max_unavailable": 1},
    "app.environment": {"RATE_LIMIT_READING": "0"},  # the load is one client
}

Figure = Callable[..., None]


@pytest.fixture(scope="session")
def figure() -> Iterator[Figure]:
    """Notes a figure: printed at once, and with all others in out/real-node.json."""
    noted: dict[str, Any] = {}

    def note(name: str, **values: Any) -> None:
        noted[name] = values
        print(f"\nfigure: {name}: {json.dumps(values)}")

    yield note
    out = Path(__file__).parents[3] / "out"
    out.mkdir(exist_ok=True)
    (out / "real-node.json").write_text(json.dumps(noted, indent=1) + "\n")


@pytest.fixture(scope="session")
def brought_up(tmp_path_factory: pytest.TempPathFactory, figure: Figure) -> Iterator[Stack]:
    """The stack with two pods of the application and a disruption budget, from nothing."""
    reason = hindrance()
    if reason:
        pytest.skip(f"no real node on this machine: {reason}")
    folder = tmp_path_factory.mktemp("real-node")
    rehearsal = Rehearsal("local", state=folder / "state", out=folder / "out", node=REAL, say=print)
    try:
        began = time.monotonic()
        result = rehearsal.up(config=SETTINGS)
        assert result.succeeded, result.errors
        figure("up", seconds=round(time.monotonic() - began, 1), **{k: round(v, 1) for k, v in result.phases.items()})
        assert rehearsal._cluster.node is not None
        with Api(rehearsal.kubeconfig) as api:
            yield Stack(rehearsal, rehearsal._cluster.node, api, SETTINGS)
    finally:
        rehearsal.remove()


@pytest.fixture
def restored(brought_up: Stack) -> Iterator[Stack]:
    """The stack for a drill that leaves it otherwise: brought back afterwards, which takes most of a minute."""
    yield brought_up
    assert brought_up.up().succeeded
    brought_up.scale(SETTINGS["app.replicas"])  # an autoscaler's number stays, and no longer is the program's business
    brought_up.eventually("two pods are ready, and no others are there", lambda: settled(brought_up))


def settled(stack: Stack) -> bool:
    return len(stack.ready()) == 2 == len(stack.pods())
