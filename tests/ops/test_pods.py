"""`restart` and `scale` on a rehearsed stack."""

import pytest
import yaml

from ops.workload import APPLICATION, deployments_of
from tests.ops.conftest import RehearsedStack


def pods(stack: RehearsedStack) -> set[str]:
    """Names of the application's pods that do not leave."""
    with stack.opened() as opened:
        found = opened.cluster.core.list_namespaced_pod(
            "marlinspike", label_selector="app.kubernetes.io/name=app"
        ).items
        return {each.metadata.name for each in found if each.metadata.deletion_timestamp is None}


def test_a_restart_replaces_every_pod_and_leaves_the_program_nothing_to_do(rehearsed_stack: RehearsedStack) -> None:
    before = pods(rehearsed_stack)
    found = rehearsed_stack.document("restart", "--yes")
    assert found["deployments"] == ["app"]
    assert pods(rehearsed_stack).isdisjoint(before)
    with rehearsed_stack.opened() as opened:
        assert opened.engine.would_change(opened.file.read_text()) == []


def test_a_restart_that_gets_nowhere_is_turned_back_to_the_pods_that_serve(rehearsed_stack: RehearsedStack) -> None:
    before = pods(rehearsed_stack)
    with rehearsed_stack.refused_pods("!object.spec.containers.exists(c, c.name == 'app')"):
        answer = rehearsed_stack.run("restart", "--yes", "--wait", "5")
    assert answer.exit_code == 1
    assert "app is not rolled out" in answer.output
    assert "the pods of before, which never stopped serving, stay" in answer.output
    assert pods(rehearsed_stack) == before


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["restart", "other", "--yes"], "no Deployment of a workload other; there are: app"),
        (["restart"], "nobody confirmed it"),
        (["scale", "--yes"], "say how many"),
        (["scale", "2", "--min", "1", "--yes"], "one of the two decides"),
        (["scale", "--max", "4", "--yes"], "app has no autoscaling"),
        (["scale", "0", "--yes"], "app.replicas: input should be greater than or equal to 1"),
        (["scale", "50", "--yes"], "database.max_connections"),
        (
            ["scale", "2", "--workload", "other", "--yes"],
            "there is no workload other in Pulumi.dev.yaml; there are: app",
        ),
        (["scale", "2"], "nobody confirmed it"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_touched(
    rehearsed_stack: RehearsedStack, words: list[str], why: str
) -> None:
    file, before = rehearsed_stack.file.read_text(), pods(rehearsed_stack)
    answer = rehearsed_stack.run(*words)
    assert answer.exit_code == 1
    assert why in answer.output
    assert (rehearsed_stack.file.read_text(), pods(rehearsed_stack)) == (file, before)


def test_a_dry_run_of_a_restart_replaces_nothing(rehearsed_stack: RehearsedStack) -> None:
    before = pods(rehearsed_stack)
    assert not rehearsed_stack.document("restart", "--dry-run")["restarted"]
    assert pods(rehearsed_stack) == before


def test_the_number_of_pods_is_a_setting(rehearsed_stack: RehearsedStack) -> None:
    def settled() -> tuple[int, int]:
        with rehearsed_stack.opened() as opened:
            [deployment] = deployments_of(opened, APPLICATION)
        section = yaml.safe_load(rehearsed_stack.file.read_text())["config"]["marlinspike:app"]
        return section["replicas"], deployment.spec.replicas

    assert rehearsed_stack.document("scale", "2", "--yes")["done"]
    assert settled() == (2, 2)
    assert rehearsed_stack.document("scale", "1", "--yes")["done"]
    assert settled() == (1, 1)
