"""What users notice of releases, on a real node: two bad ones in a row, and then a good one, each from where the last ended."""

import time

from tests.cluster.real_node.conftest import Figure
from tests.cluster.real_node.stack import Stack

DEADLINE = {"app_release": {"deadline_seconds": 45}}
"""So long the new version is waited for; without the setting it is five minutes."""

NEVER_STARTS = {"__main__.py": "raise SystemExit('this version does not start')\n"}
NEVER_MIGRATES = {"migrate.py": "raise SystemExit('this migration fails')\n"}


def test_a_migration_that_fails_stops_the_release_before_any_pod(brought_up: Stack, figure: Figure) -> None:
    before = {pod["metadata"]["uid"] for pod in brought_up.pods()}
    generation = brought_up.deployment()["metadata"]["generation"]
    image = brought_up.image("unmigrated", NEVER_MIGRATES)
    with brought_up.load() as load:
        result = brought_up.up(app_image=image)
    figure("failing migration under load", **load.figures)
    assert not result.succeeded
    assert any("database-migrate" in error for error in result.errors), result.errors
    assert {pod["metadata"]["uid"] for pod in brought_up.pods()} == before
    assert brought_up.deployment()["metadata"]["generation"] == generation
    assert load.failed == 0, load.figures


def test_a_version_that_does_not_start_leaves_the_old_one_serving(brought_up: Stack, figure: Figure) -> None:
    before = set(brought_up.ready())
    image = brought_up.image("broken", NEVER_STARTS)
    with brought_up.load() as load:
        result = brought_up.up(app_image=image, **DEADLINE)
    figure("bad version under load", **load.figures)
    assert not result.succeeded
    assert before <= set(brought_up.ready())
    assert load.failed == 0, load.figures


def test_no_request_is_lost_while_a_good_version_is_rolled_out(brought_up: Stack, figure: Figure) -> None:
    before = set(brought_up.ready())
    image = brought_up.image("0.2.0", {})
    began = time.monotonic()
    with brought_up.load() as load:
        result = brought_up.up(app_image=image)
        assert result.succeeded, result.errors
        brought_up.eventually(
            "all other pods are gone",
            lambda: {pod["spec"]["containers"][0]["image"] for pod in brought_up.pods()} == {image},
        )
    figure("rolling update under load", rollout=round(time.monotonic() - began, 1), **load.figures)
    assert not before & set(brought_up.ready())
    assert load.requests > 100
    assert load.failed == 0, load.figures
