"""What users notice of evictions, dying containers and too much load, on a real node."""

import time

import pytest

from rehearsal.control_plane.api import ApiError
from tests.cluster.real_node.conftest import Figure, settled
from tests.cluster.real_node.stack import NAMESPACE, Stack


def _evict(stack: Stack, pod: str) -> None:
    stack.api.create(
        f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction",
        {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": NAMESPACE}},
    )


def test_draining_never_goes_below_the_budget_and_loses_no_request(stack: Stack, figure: Figure) -> None:
    """The pods are evicted as `kubectl drain` does; the node itself is not cordoned, since there is no other."""
    first, second = stack.ready()
    began = time.monotonic()
    with stack.load() as load:
        _evict(stack, first)
        with pytest.raises(ApiError, match="disruption budget"):
            _evict(stack, second)
        stack.eventually("a new pod is there", lambda: len(stack.ready()) == 2)

        def evicted() -> bool:
            try:
                _evict(stack, second)
            except ApiError as error:
                if error.status != 429:
                    raise
                return False
            return True

        stack.eventually("the second pod may go too", evicted)
        stack.eventually("all old pods are gone", lambda: settled(stack) and not {first, second} & set(stack.ready()))
    figure("both pods drained under load", drain=round(time.monotonic() - began, 1), **load.figures)
    assert load.failed == 0, load.figures


def test_a_killed_container_is_restarted_while_the_other_serves(stack: Stack, figure: Figure) -> None:
    victim = stack.pods()[0]
    name, restarts = victim["metadata"]["name"], victim["status"]["containerStatuses"][0]["restartCount"]

    def restarted() -> bool:
        status = next(p for p in stack.pods() if p["metadata"]["name"] == name)["status"]["containerStatuses"][0]
        return bool(status["restartCount"] == restarts + 1 and status["ready"])

    with stack.load() as load:
        stack.kill(victim)
        seconds = stack.eventually("the container runs again", restarted)
    figure("container killed under load", until_ready=round(seconds, 1), **load.figures)
    # What was under way in it is lost, and what came until the kubelet noticed; no more.
    assert load.failed < load.requests * 0.1, load.figures
    assert (load.figures["last_failure_after"] or 0) < 15, load.figures


def test_real_load_makes_the_autoscaler_add_pods(stack: Stack, figure: Figure) -> None:
    result = stack.up(
        app_replicas=None,
        app_disruption_budget=None,
        app_autoscaling={"min_replicas": 1, "max_replicas": 3, "cpu_percent": 70},
    )
    assert result.succeeded, result.errors
    began = time.monotonic()
    with stack.load(workers=6, pause=0.01) as load:
        stack.eventually("three pods are ready", lambda: len(stack.ready()) == 3, 240)
        scaled = time.monotonic() - began
    figure("autoscaled on real CPU use to three pods", until_three_ready=round(scaled, 1), **load.figures)
    assert load.failed == 0, load.figures
