"""Game days on a rehearsed stack: what they break is back, what they changed is restored, and they refuse when they should."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from ops.draining import Drain, nodes, pods_on, schedulable
from ops.drills import report
from ops.drills.pods import serving_pods
from ops.errors import OpsError
from ops.readiness import look
from ops.stack import Stack
from rehearsal import places
from tests.ops.conftest import RehearsedStack
from tests.waiting import until

PODS = 3


@pytest.fixture
def three_pods(rehearsed_stack: RehearsedStack) -> Iterator[RehearsedStack]:
    """Three pods of the application in place of dev's one, over the nodes that there are."""
    with rehearsed_stack.opened() as stack, scaled(stack, PODS):
        yield rehearsed_stack


@contextmanager
def scaled(stack: Stack, replicas: int) -> Iterator[None]:
    [deployment] = stack.cluster.apps.list_namespaced_deployment(stack.namespace).items
    name, before = deployment.metadata.name, deployment.spec.replicas

    def scale(count: int) -> None:
        stack.cluster.apps.patch_namespaced_deployment(name, stack.namespace, {"spec": {"replicas": count}})
        until(f"{count} pods are ready", lambda: look(stack).wanted == count and not look(stack).short)

    scale(replicas)
    try:
        yield
    finally:
        scale(before)
        # Whoever has set a field owns it, and the program's next change of it would be a conflict.
        [deployment] = stack.cluster.apps.list_namespaced_deployment(stack.namespace).items
        kept = [each for each in deployment.metadata.managed_fields if each.manager != "OpenAPI-Generator"]
        body = {"metadata": {"managedFields": stack.cluster.api.sanitize_for_serialization(kept)}}
        stack.cluster.apps.patch_namespaced_deployment(name, stack.namespace, body)


@contextmanager
def blocking_budget(stack: Stack) -> Iterator[None]:
    """A budget that lets no pod of the application go."""
    wanted = len(serving_pods(stack))
    body = {
        "metadata": {"name": "blocks"},
        "spec": {"minAvailable": wanted, "selector": {"matchLabels": {"app.kubernetes.io/name": "app"}}},
    }
    policy = stack.cluster.policy
    policy.create_namespaced_pod_disruption_budget(stack.namespace, body)

    def healthy() -> int | None:
        status = policy.read_namespaced_pod_disruption_budget("blocks", stack.namespace).status
        return status.current_healthy if status else None

    until("the budget knows the pods", lambda: healthy() == wanted)
    try:
        yield
    finally:
        policy.delete_namespaced_pod_disruption_budget("blocks", stack.namespace)


def open_nodes(stack: Stack) -> set[str]:
    return {node.metadata.name for node in nodes(stack) if schedulable(node)}


def test_a_killed_pod_is_replaced_and_both_reports_say_so(rehearsed_stack: RehearsedStack) -> None:
    with rehearsed_stack.opened() as stack:
        [before] = [pod.metadata.uid for pod in serving_pods(stack)]
        document = rehearsed_stack.document("drill", "pod", "--yes")
        [after] = [pod.metadata.uid for pod in serving_pods(stack)]
    assert before != after
    measured = document["measured"]
    assert document["verdict"] == "met"
    assert (measured["pods lost"], measured["pods wanted"], measured["fewest pods ready"]) == (1, 1, 0)
    folder = places.out(rehearsed_stack.name, rehearsed_stack.folder) / "drills"
    written = max(folder.glob("*-pod.json"))
    assert json.loads(written.read_text()) == document
    text = written.with_suffix(".md").read_text()
    assert f"| seconds until recovered | {measured['seconds until recovered']} |" in text
    assert "requests were not counted" in text


def test_a_drained_zone_empties_others_take_its_pods_and_it_is_opened_again(three_pods: RehearsedStack) -> None:
    with three_pods.opened() as stack:
        before = open_nodes(stack)
        zone = next(iter(serving_pods(stack))).spec.node_name.rsplit("-", 1)[0][-len("eu-west-3a") :]
        there = [pod for pod in serving_pods(stack) if zone in pod.spec.node_name]
        document = three_pods.document("drill", "zone", "--name", zone, "--yes")
        assert open_nodes(stack) == before
        assert not [pod for pod in serving_pods(stack) if zone in pod.spec.node_name]
    measured = document["measured"]
    assert measured["pods lost"] >= len(there) > 0
    assert measured["pods wanted"] == PODS
    assert PODS - len(there) <= measured["fewest pods ready"] < PODS


def test_a_drained_node_is_opened_again_and_one_that_was_closed_before_is_not(three_pods: RehearsedStack) -> None:
    with three_pods.opened() as stack:
        victim = serving_pods(stack)[0].spec.node_name
        drain = Drain(stack, [victim])
        document = three_pods.document("drill", "node", "--name", victim, "--yes")
        assert document["verdict"] == "met"
        assert victim in open_nodes(stack)
        stack.cluster.core.patch_node(victim, {"spec": {"unschedulable": True}})
        try:
            drain.run(60)
            drain.undo()
            assert victim not in open_nodes(stack)
        finally:
            stack.cluster.core.patch_node(victim, {"spec": {"unschedulable": None}})


@pytest.mark.parametrize("stop", ["Ctrl-C", "SIGTERM"])
def test_an_interrupted_drill_opens_the_node_and_leaves_a_report(
    rehearsed_stack: RehearsedStack, stop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[set[str]] = []

    def interrupted(drain: Drain, _pod: object) -> None:
        closed.append({node.metadata.name for node in nodes(drain._stack) if node.spec.unschedulable})
        os.kill(os.getpid(), signal.SIGTERM if stop == "SIGTERM" else signal.SIGINT)

    monkeypatch.setattr(Drain, "_evict", interrupted)
    answer = rehearsed_stack.run("drill", "node", "--yes")
    assert answer.exit_code != 0
    assert len(closed[0]) == 1
    with rehearsed_stack.opened() as stack:
        assert closed[0] <= open_nodes(stack)
    folder = places.out(rehearsed_stack.name, rehearsed_stack.folder) / "drills"
    assert json.loads(max(folder.glob("*-node.json")).read_text())["verdict"] == "not recovered: interrupted"


@pytest.mark.parametrize("lasting", [False, True])
def test_nodes_are_opened_again_after_a_moment_without_the_api_or_the_error_says_that_they_are_not(
    rehearsed_stack: RehearsedStack, lasting: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    undo, calls = Drain.undo, []

    def away(drain: Drain) -> None:
        calls.append(drain)
        if lasting or len(calls) == 1:
            raise ApiException(status=503, reason="Service Unavailable")
        undo(drain)

    monkeypatch.setattr(Drain, "undo", away)
    monkeypatch.setattr("ops.drills.drill.RESTORE_SECONDS", -1 if lasting else 60)
    with rehearsed_stack.opened() as stack:
        before = open_nodes(stack)
        answer = rehearsed_stack.run("drill", "node", "--yes")
        left = before - open_nodes(stack)
        undo(calls[0])
        assert open_nodes(stack) == before
    assert bool(left) is lasting
    assert answer.exit_code == (1 if lasting else 0)
    assert ("NOT restored: drain node" in answer.output) is lasting


def test_a_drain_that_a_budget_stops_says_so_and_opens_its_nodes(rehearsed_stack: RehearsedStack) -> None:
    with rehearsed_stack.opened() as stack, blocking_budget(stack):
        before = open_nodes(stack)
        victim = serving_pods(stack)[0]
        drain = Drain(stack, [victim.spec.node_name])
        with pytest.raises(OpsError, match=r"not empty after 1 s, since budgets refused [1-9]\d* evictions"):
            drain.run(1)
        assert open_nodes(stack) == before - {victim.spec.node_name}
        drain.undo()
        assert open_nodes(stack) == before
        assert victim.metadata.uid in look(stack).ready


def test_an_objective_that_is_missed_is_an_error_with_the_report(
    rehearsed_stack: RehearsedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(report.RECOVERY_SECONDS, "pod", 0)
    answer = rehearsed_stack.run("drill", "pod", "--yes")
    assert answer.exit_code == 1
    assert "pod: missed: recovered after" in answer.output
    assert "the report is" in answer.output


@contextmanager
def a_pod_of_nobody(stack: Stack) -> Iterator[None]:
    """A pod without a controller beside the application's."""
    home = serving_pods(stack)[0]
    spec = {"containers": [{"name": "own", "image": "own"}], "nodeName": home.spec.node_name}
    stack.cluster.core.create_namespaced_pod("default", {"metadata": {"name": "own"}, "spec": spec})
    try:
        yield
    finally:
        stack.cluster.core.delete_namespaced_pod("own", "default", grace_period_seconds=0)


@contextmanager
def nowhere_else(stack: Stack) -> Iterator[None]:
    home = serving_pods(stack)[0].spec.node_name
    others = [name for name in open_nodes(stack) if name != home]
    for name in others:
        stack.cluster.core.patch_node(name, {"spec": {"unschedulable": True}})
    try:
        yield
    finally:
        for name in others:
            stack.cluster.core.patch_node(name, {"spec": {"unschedulable": None}})


@contextmanager
def as_it_is(_stack: Stack) -> Iterator[None]:
    yield


@pytest.mark.parametrize(
    ("words", "given", "reason"),
    [
        (["pod"], blocking_budget, "PodDisruptionBudget marlinspike/blocks lets no pod go: 1 healthy, 1 wanted"),
        (["pod", "--name", "app-none"], as_it_is, "no ready pod app-none; there are app-"),
        (["node", "--name", "none"], as_it_is, "there is no node none; there are"),
        (["node"], a_pod_of_nobody, "pod default/own has no controller: nobody would make it again"),
        (["node"], nowhere_else, "no other node takes pods"),
        (["zone", "--name", "eu-west-9z"], as_it_is, "no node is in zone eu-west-9z; there are eu-west-3a"),
        (["database"], as_it_is, "dev has no database or cache here that could fail"),
        (["cache"], as_it_is, "dev has no database or cache here that could fail"),
    ],
)
def test_what_can_not_be_drilled_is_refused_and_nothing_is_touched(
    rehearsed_stack: RehearsedStack, words: list[str], given: Callable[[Stack], Any], reason: str
) -> None:
    with rehearsed_stack.opened() as stack, given(stack):
        before, opened = look(stack).ready, open_nodes(stack)
        answer = rehearsed_stack.run("drill", *words, "--yes")
        assert answer.exit_code == 1
        assert reason in answer.output
        assert (look(stack).ready, open_nodes(stack)) == (before, opened)


def test_a_stack_that_is_not_well_is_not_drilled(rehearsed_stack: RehearsedStack) -> None:
    with rehearsed_stack.opened() as stack, nowhere_else(stack):
        home = serving_pods(stack)[0]
        stack.cluster.core.patch_node(home.spec.node_name, {"spec": {"unschedulable": True}})
        try:
            stack.cluster.core.delete_namespaced_pod(home.metadata.name, stack.namespace, grace_period_seconds=0)
            until("a pod is missing", lambda: look(stack).short)
            answer = rehearsed_stack.run("drill", "pod", "--yes")
        finally:
            stack.cluster.core.patch_node(home.spec.node_name, {"spec": {"unschedulable": None}})
        assert answer.exit_code == 1
        assert "not well before: app" in answer.output
        assert "(0 of 1 ready)" in answer.output
        until("the pod is back", lambda: not look(stack).short)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [([], 1, "nobody confirmed it. Say --yes"), (["--dry-run"], 0, "would kill pod app-")],
)
def test_without_a_yes_or_in_a_dry_run_nothing_dies(
    rehearsed_stack: RehearsedStack, words: list[str], code: int, said: str
) -> None:
    with rehearsed_stack.opened() as stack:
        before = look(stack).ready
        answer = rehearsed_stack.run("drill", "pod", *words)
        assert (answer.exit_code, look(stack).ready) == (code, before)
    assert said in answer.output


def test_a_drain_moves_neither_daemons_nor_what_has_ended(rehearsed_stack: RehearsedStack) -> None:
    with rehearsed_stack.opened() as stack:
        everywhere = {node.metadata.name for node in nodes(stack)}
        moved = pods_on(stack, everywhere)
        jobs = [
            pod.metadata.name
            for pod in stack.cluster.core.list_namespaced_pod(stack.namespace).items
            if pod.status.phase == "Succeeded"
        ]
    assert jobs, "the stack's Jobs have ended, and their pods are there"
    assert {pod.metadata.name for pod in moved}.isdisjoint(jobs)
