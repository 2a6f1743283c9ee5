"""What users notice of releases, good ones and bad ones, on a real node."""

import time

from infra.workload import WorkloadSettings
from tests.cluster.real_node.conftest import Figure
from tests.cluster.real_node.stack import Stack

DEADLINE = {"app_release": {"deadline_seconds": 45}} if "release" in WorkloadSettings.model_fields else {}
"""So long the new version is waited for; without the setting it is five minutes."""

NEVER_STARTS = {"__main__.py": "raise SystemExit('this version does not start')\n"}
NEVER_MIGRATES = {"migrate.py": "raise SystemExit('this migration fails')\n"}


def test_no_request_is_lost_while_a_new_version_is_rolled_out(stack: Stack, figure: Figure) -> None:
    before = set(stack.ready())
    image = stack.image("0.2.0", {})
    began = time.monotonic()
    with stack.load() as load:
        result = stack.up(app_image=image)
        assert result.succeeded, result.errors
        stack.eventually("the old pods are gone", lambda: not before & {p["metadata"]["name"] for p in stack.pods()})
    figure("rolling update under load", rollout=round(time.monotonic() - began, 1), **load.figures)
    assert {p["spec"]["containers"][0]["image"] for p in stack.pods()} == {image}
    assert load.requests > 100
    assert load.failed == 0, load.figures


def test_a_version_that_does_not_start_leaves_the_old_one_serving(stack: Stack, figure: Figure) -> None:
    before = set(stack.ready())
    with stack.load() as load:
        result = stack.up(app_image=stack.image("broken", NEVER_STARTS), **DEADLINE)
    figure("bad version under load", **load.figures)
    assert not result.succeeded
    assert before <= set(stack.ready())
    assert load.failed == 0, load.figures


def test_a_migration_that_fails_stops_the_release_before_any_pod(stack: Stack, figure: Figure) -> None:
    before = {pod["metadata"]["uid"] for pod in stack.pods()}
    revision = stack.deployment()["metadata"]["generation"]
    with stack.load() as load:
        result = stack.up(app_image=stack.image("unmigrated", NEVER_MIGRATES))
    figure("failing migration under load", **load.figures)
    assert not result.succeeded
    assert any("database-migrate" in error for error in result.errors), result.errors
    assert {pod["metadata"]["uid"] for pod in stack.pods()} == before
    assert stack.deployment()["metadata"]["generation"] == revision
    assert load.failed == 0, load.figures
