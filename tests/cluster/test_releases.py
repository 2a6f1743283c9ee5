"""Prod's releases: a rolling update that loses no pod, and one with an image that never becomes ready."""

import time

from tests.cluster.conftest import Eventually, Figures
from tests.cluster.watch import Watch
from tests.cluster.workloads import AUTOSCALER, Application, is_ready

PODS = 8

DEADLINE_SECONDS = 15
"""In the test's copy only: the program gives a rollout 300 s."""


def running(application: Application, eventually: Eventually) -> None:
    """Eight pods of the first version, without the autoscaler, whose business the number would be."""
    application.nodes(6)
    application.deploy(without=[AUTOSCALER])
    application.scale(PODS)
    eventually("all pods are available", 60, lambda: application.rolled_out(PODS))
    eventually("all pods serve", 20, lambda: len(application.serving()) == PODS)


def test_a_rolling_update_takes_no_pod_before_another_is_ready(
    application: Application, eventually: Eventually, figures: Figures
) -> None:
    running(application, eventually)
    began = time.monotonic()
    with Watch(application) as watch:
        application.release("0.2.0")
        eventually("the next version is there", 120, lambda: application.rolled_out(PODS))
    seconds = round(time.monotonic() - began, 1)
    images = {pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in application.pods()}
    figures(pods=PODS, seconds=seconds, least_ready=watch.least_ready, most_pods=watch.most_pods)
    assert images == {"0.2.0"}
    assert watch.least_ready == PODS  # maxUnavailable 0
    assert PODS < watch.most_pods <= PODS * 1.25  # maxSurge 25 %


def test_an_image_that_never_becomes_ready_stops_at_the_deadline_and_the_old_version_serves(
    application: Application, eventually: Eventually, figures: Figures
) -> None:
    spec = application.deployment_manifest["spec"]
    assert spec["progressDeadlineSeconds"] == 300
    spec["progressDeadlineSeconds"] = DEADLINE_SECONDS
    running(application, eventually)
    before = application.serving()

    def gave_up() -> bool:
        conditions = {condition["type"]: condition for condition in application.deployment()["status"]["conditions"]}
        return conditions["Progressing"].get("reason") == "ProgressDeadlineExceeded"

    began = time.monotonic()
    with Watch(application) as watch:
        application.release("0.3.0-broken-image")
        eventually("the deadline passes", 90, gave_up)
        seconds = round(time.monotonic() - began, 1)
        broken = [pod for pod in application.pods() if not is_ready(pod)]
        reasons = {pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] for pod in broken}
        figures(
            pods=PODS,
            deadline=DEADLINE_SECONDS,
            seconds_until_it_is_said=seconds,
            broken=len(broken),
            least_ready=watch.least_ready,
        )
        assert seconds >= DEADLINE_SECONDS
        assert len(broken) == PODS * 0.25
        assert reasons == {"ImagePullBackOff"}
        assert application.serving() == before
        # The way back: the old version's pods are there, so that nothing of them has to start.
        application.release("0.1.0")
        eventually("the old version is all there is", 60, lambda: application.rolled_out(PODS))
    assert watch.least_ready == PODS
    assert application.serving() == before
