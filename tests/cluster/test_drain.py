"""Draining prod's nodes as an upgrade does: one after the other, through the eviction API, within the budget."""

import time
from dataclasses import dataclass

import pytest

from rehearsal.control_plane.api import ApiError
from tests.cluster.conftest import Eventually, Figures
from tests.cluster.workloads import Application, Watch, is_ready

TOO_MANY_REQUESTS = 429


@dataclass
class Drain:
    """What `kubectl drain` does: no new pods on a node, then evictions, again and again where the budget refuses."""

    application: Application
    refusals: int = 0
    evicted: int = 0

    def run(self, node: str, seconds: float) -> None:
        """Returns when no pod of the application is left on the node; the node takes no pods afterwards."""
        self.application.api.merge(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": True}})
        deadline = time.monotonic() + seconds
        while pods := [pod for pod in self.application.pods() if pod["spec"].get("nodeName") == node]:
            for pod in pods:
                self.evict(pod["metadata"]["name"])
            if time.monotonic() > deadline:
                pytest.fail(f"{node} is not empty after {seconds} s: {self.refusals} evictions were refused")
            time.sleep(0.2)

    def evict(self, pod: str) -> bool:
        """Whether the pod may go."""
        path, namespace = self.application.pods_path, self.application.namespace
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
        try:
            self.application.api.create(f"{path}/{pod}/eviction", body)
        except ApiError as error:
            if error.status not in (404, TOO_MANY_REQUESTS):
                raise
            self.refusals += error.status == TOO_MANY_REQUESTS
            return False
        self.evicted += 1
        return True

    def done(self, node: str) -> None:
        """The node takes pods again."""
        self.application.api.merge(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": None}})


def running(application: Application, eventually: Eventually) -> list[str]:
    """Prod's application as the program makes it, on the group's three nodes; their names."""
    nodes = application.nodes(3)
    application.deploy()
    eventually("three pods are available", 60, lambda: application.rolled_out(3))
    eventually("the budget knows them", 20, lambda: application.budget()["status"].get("disruptionsAllowed") == 1)
    return nodes


def test_draining_every_node_in_turn_never_goes_below_the_budget_and_finishes(
    application: Application, eventually: Eventually, figures: Figures
) -> None:
    nodes = running(application, eventually)
    budget = application.budget()["spec"]
    drain = Drain(application)
    began = time.monotonic()
    with Watch(application) as watch:
        for node in nodes:
            drain.run(node, seconds=60)
            drain.done(node)
        eventually("three pods are available", 60, lambda: application.rolled_out(3))
    seconds = round(time.monotonic() - began, 1)
    figures(
        nodes=len(nodes),
        seconds=seconds,
        evicted=drain.evicted,
        refused=drain.refusals,
        least_ready=watch.least_ready,
        budget=budget["minAvailable"],
    )
    assert drain.evicted >= len(nodes)
    assert watch.least_ready >= budget["minAvailable"] == 2


def test_two_drains_at_once_wait_for_each_other(
    application: Application, eventually: Eventually, figures: Figures
) -> None:
    nodes = running(application, eventually)
    # Nowhere to go: no replacement becomes ready, so that the second pod has to stay.
    for node in nodes:
        application.api.merge(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": True}})
    drain = Drain(application)
    with Watch(application) as watch:
        drain.run(nodes[0], seconds=60)
        eventually("no more may go", 20, lambda: application.budget()["status"]["disruptionsAllowed"] == 0)
        left = [pod["metadata"]["name"] for pod in application.pods() if is_ready(pod)]
        assert [drain.evict(name) for name in left] == [False, False]
        drain.done(nodes[0])
        eventually("the replacement is ready", 30, lambda: application.ready() == 3)
        drain.run(nodes[1], seconds=60)
        eventually("the replacement is ready", 30, lambda: application.ready() == 3)
    figures(refused=drain.refusals, least_ready=watch.least_ready)
    assert watch.least_ready == 2


def test_a_pod_that_is_not_ready_does_not_block_a_drain(
    application: Application, eventually: Eventually, figures: Figures
) -> None:
    nodes = running(application, eventually)
    # All on one node's side of the budget: two ready, one running but not ready, no disruption allowed.
    [broken, *_] = [pod for pod in application.pods() if pod["spec"]["nodeName"] == nodes[0]]
    name = broken["metadata"]["name"]
    conditions = [
        {**condition, "status": "False"} if condition["type"] in ("Ready", "ContainersReady") else condition
        for condition in broken["status"]["conditions"]
    ]
    application.api.merge(f"{application.pods_path}/{name}/status", {"status": {"conditions": conditions}})
    eventually("the budget allows none", 20, lambda: application.budget()["status"]["disruptionsAllowed"] == 0)
    drain = Drain(application)
    others = [pod["metadata"]["name"] for pod in application.pods() if is_ready(pod)]
    assert [drain.evict(other) for other in others] == [False, False]
    with Watch(application) as watch:
        drain.run(nodes[0], seconds=60)
    drain.done(nodes[0])
    figures(refused_of_ready_pods=len(others), least_ready=watch.least_ready)
    assert watch.least_ready == 2
    assert name not in {pod["metadata"]["name"] for pod in application.pods()}
