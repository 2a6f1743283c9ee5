"""Prod's autoscaler under load, from three pods to twenty and back."""

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.control_plane.api import Manifest
from rehearsal.control_plane.components import Pace
from tests.cluster.conftest import FULL, Eventually, Figures
from tests.cluster.load import Load
from tests.cluster.watch import Watch
from tests.cluster.workloads import AUTOSCALER, Application, application_deployment

SHORTER = 10
"""Everywhere but with FULL=1 the policies' windows and periods are divided by it: five minutes become half a minute."""

EKS_PACE = Pace(autoscaler_sync=15, autoscaler_downscale_stabilization=300, node_grace=50, metric_resolution=15)
"""Kubernetes' own, and the resolution of the metrics server that EKS has as an add-on."""

PEAK_MILLICORES = 10_500
"""Of all pods together: half as much again as twenty carry at their target of 70 % of 500m."""

LATE_SECONDS = 1.5
"""By which a change may be seen late, or early against the one before."""

Sizes = list[tuple[float, int]]


def shortened(autoscaler: Manifest) -> Manifest:
    """The same autoscaler with shorter windows; bounds, targets and percentages stay."""
    found = copy.deepcopy(autoscaler)
    for direction in found["spec"]["behavior"].values():
        direction["stabilizationWindowSeconds"] //= SHORTER
        for policy in direction["policies"]:
            policy["periodSeconds"] //= SHORTER
    return found


def size_at(sizes: Sizes, seconds: float) -> int:
    """How many pods were asked for at a time."""
    return [count for moment, count in sizes if moment <= seconds or moment == sizes[0][0]][-1]


def assert_by_policy(sizes: Sizes, period: float, most: float, least: float) -> None:
    """In no period do pods become more than `most` times, or less than `least` times as many; a part of a pod is none."""
    for moment, count in sizes:
        before = size_at(sizes, moment - period + LATE_SECONDS)
        assert int(before * least) <= count <= before * most, sizes


def knows_the_usage(application: Application) -> bool:
    """Whether the metrics API has answered the autoscaler; a metric without an answer is in the list too, empty."""
    metrics = application.autoscaler()["status"].get("currentMetrics") or []
    usage = [metric["containerResource"]["current"] for metric in metrics if metric.get("containerResource")]
    return any("averageUtilization" in current for current in usage)


def up_and_down(application: Application, eventually: Eventually, figures: Figures, patience: float) -> None:
    """The drill: the smallest number, a peak in which the next version is released, and quiet."""
    application.nodes(6)
    spec = application.autoscaler_manifest["spec"]
    least, most = spec["minReplicas"], spec["maxReplicas"]
    with Watch(application) as first:
        application.deploy()
        eventually("the smallest number of pods is available", 60, lambda: application.rolled_out(least))
        # The window before the first step begins with the last look that found the load low: there has to be one.
        eventually("the autoscaler knows the usage", 120, lambda: knows_the_usage(application))
    with Watch(application) as up, Load(application, PEAK_MILLICORES):
        eventually("all pods that there may be are available", patience, lambda: application.rolled_out(most))
        # The next version while the load lasts; its number of pods stays the autoscaler's.
        application.release("0.2.0")
        eventually("the next version is there", 120, lambda: application.rolled_out(most))
    with Watch(application) as down, Load(application, 100):
        eventually("as many as at the beginning", patience, lambda: application.rolled_out(least))
    figures(first=first.replicas, up=up.replicas, down=down.replicas)

    # Born with the smallest number: a colour that began with one pod would be given all requests at that (docs/decisions/0017).
    assert first.sizes() == [least]
    rules = spec["behavior"]
    assert rules["scaleUp"]["policies"][0]["value"] == 100
    assert_by_policy([(0, least), *up.replicas], rules["scaleUp"]["policies"][0]["periodSeconds"], most=2, least=1)
    assert up.sizes()[0] == 6  # as steep as the policy lets it
    assert up.sizes()[-1] == most
    # A tenth for what lies between the autoscaler's look and ours.
    assert up.replicas[0][0] >= rules["scaleUp"]["stabilizationWindowSeconds"] * 0.9
    assert rules["scaleDown"]["policies"][0]["value"] == 50
    assert_by_policy([(0, most), *down.replicas], rules["scaleDown"]["policies"][0]["periodSeconds"], most=1, least=0.5)
    assert down.sizes()[-1] == least
    # Counted from the last look that wanted all of them, maybe before the load's end: a release's new pods have no usage yet.
    assert down.replicas[0][0] >= rules["scaleDown"]["stabilizationWindowSeconds"] / 2
    # Whatever happened, the program's own releases included, no pod was missing.
    assert up.least_ready >= least
    assert down.least_ready >= least


def test_the_program_leaves_the_number_of_pods_to_the_autoscaler_alone(application: Application) -> None:
    # A colour is born with the autoscaler's minimum (docs/decisions/0017); what becomes of it is ignored.
    assert application_deployment().ignore_changes == ("spec.replicas",)
    assert application.deployment_manifest["spec"]["replicas"] == application.autoscaler_manifest["spec"]["minReplicas"]
    target = application.autoscaler_manifest["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", application.name)


def test_the_autoscaler_goes_from_three_pods_to_twenty_and_back_by_its_policy_in_less_time(
    application: Application, eventually: Eventually, figures: Figures
) -> None:
    application.manifests[f"{AUTOSCALER}/{application.name}"] = shortened(application.autoscaler_manifest)
    up_and_down(application, eventually, figures, patience=300)


@pytest.fixture
def unhurried(binaries: Path, tmp_path: Path) -> Iterator[Application]:
    """The application on a control plane of its own, whose controllers take the time that those of EKS take."""
    with Application.alone(binaries, tmp_path, EKS_PACE) as application:
        yield application


@pytest.mark.skipif(not FULL, reason="takes a quarter of an hour: FULL=1")
def test_the_autoscaler_goes_from_three_pods_to_twenty_and_back_in_its_own_time(
    unhurried: Application, eventually: Eventually, figures: Figures
) -> None:
    up_and_down(unhurried, eventually, figures, patience=1200)
