"""Draining prod's nodes as an upgrade does: one after the other, through the eviction API, within the budget."""

import time
from dataclasses import dataclass

import pytest

from rehearsal.control_plane.api import ApiError
from tests.cluster.conftest import PATIENCE, Eventually, Figures
from tests.cluster.watch import Watch
from tests.cluster.workloads import Application, is_ready

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
        deadline = time.monotonic() + seconds * PATIENCE
        while pods := [pod for pod in self.application.pods() if pod["spec"].get("nodeName") == node]:
            for pod in pods:
                self.evict(pod["metadata"]["name"])
            if time.monotonic() > deadline:
                pytest.fail(
                    f"{node} is not empty after {seconds * PATIENCE:.0f} s: {self.refusals} evictions were refused"
                )
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


def test_pods_that_are_not_ready_do_not_block_a_drain_even_below_the_budget(
    application: Application, eventually: Eventually, figures: Figures
) -> None:
    nodes = running(application, eventually)
    # Two of three: fewer are ready than the budget wants, where without AlwaysAllow no pod at all could be evicted.
    broken = [pod for pod in application.pods() if pod["spec"]["nodeName"] in nodes[:2]]
    for pod in broken:
        conditions = [
            {**condition, "status": "False"} if condition["type"] in ("Ready", "ContainersReady") else condition
            for condition in pod["status"]["conditions"]
        ]
        path = f"{application.pods_path}/{pod['metadata']['name']}/status"
        application.api.merge(path, {"status": {"conditions": conditions}})
    eventually("the budget sees one healthy pod", 20, lambda: application.budget()["status"]["currentHealthy"] == 1)
    drain = Drain(application)
    [healthy] = [pod["metadata"]["name"] for pod in application.pods() if is_ready(pod)]
    assert not drain.evict(healthy)
    with Watch(application) as watch:
        for node in nodes[:2]:
            drain.run(node, seconds=60)
    figures(not_ready=len(broken), evicted=drain.evicted, least_ready=watch.least_ready)
    assert len(broken) == 2
    assert watch.least_ready == 1
    names = {pod["metadata"]["name"] for pod in application.pods()}
    assert healthy in names
    assert names.isdisjoint(pod["metadata"]["name"] for pod in broken)
