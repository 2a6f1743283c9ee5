"""What takes long: drains, real load on the real autoscaler, a preview of what runs. FULL=1 runs them."""

import time

import pytest

from rehearsal.control_plane.api import ApiError
from tests.cluster.conftest import FULL
from tests.cluster.real_node.conftest import Figure, settled
from tests.cluster.real_node.stack import NAMESPACE, Stack

pytestmark = pytest.mark.skipif(not FULL, reason="takes six minutes beside the rest: FULL=1")


def _evict(stack: Stack, pod: str) -> None:
    stack.api.create(
        f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction",
        {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": NAMESPACE}},
    )


def test_draining_never_goes_below_the_budget_and_loses_no_request(restored: Stack, figure: Figure) -> None:
    """The pods are evicted as `kubectl drain` does; the node itself is not cordoned, since there is no other."""
    first, second = restored.ready()
    began = time.monotonic()
    with restored.load() as load:
        _evict(restored, first)
        with pytest.raises(ApiError, match="disruption budget"):
            _evict(restored, second)
        restored.eventually("a new pod is there", lambda: len(restored.ready()) == 2)

        def evicted() -> bool:
            try:
                _evict(restored, second)
            except ApiError as error:
                if error.status != 429:
                    raise
                return False
            return True

        restored.eventually("the second pod may go too", evicted)
        restored.eventually(
            "all old pods are gone", lambda: settled(restored) and not {first, second} & set(restored.ready())
        )
    figure("both pods drained under load", drain=round(time.monotonic() - began, 1), **load.figures)
    assert load.failed == 0, load.figures


def test_real_load_makes_the_autoscaler_add_pods(restored: Stack, figure: Figure) -> None:
    result = restored.up(
        app_replicas=None,
        app_disruption_budget=None,
        app_autoscaling={"min_replicas": 1, "max_replicas": 3, "cpu_percent": 70},
    )
    assert result.succeeded, result.errors
    began = time.monotonic()
    with restored.load(workers=6, pause=0.01) as load:
        # CPU that others use is not the pods'.
        restored.eventually("three pods are ready", lambda: len(restored.ready()) == 3)
        scaled = time.monotonic() - began
    figure("autoscaled on real CPU use to three pods", until_three_ready=round(scaled, 1), **load.figures)
    assert load.failed == 0, load.figures


def test_nothing_would_change(restored: Stack) -> None:
    result = restored.rehearsal.preview(None, restored.settings, "--expect-no-changes")
    assert result.succeeded, result.changes
