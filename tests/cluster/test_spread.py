"""Where prod's pods run: after they have become more, after a zone is lost, and after a rolling update.

Pods end at once on simulated nodes, and are ready at once: what is measured is what the scheduler and the controllers need.
"""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rehearsal.control_plane.api import Api
from rehearsal.control_plane.components import Pace
from tests.cluster.conftest import Eventually, Figures
from tests.cluster.watch import Watch
from tests.cluster.workloads import AUTOSCALER, ZONES, Application, is_ready, skew

PODS = 20


def spread_out(application: Application, eventually: Eventually, nodes: int) -> None:
    """Twenty pods on so many nodes, without the autoscaler, whose business the number would be."""
    application.nodes(nodes)
    application.deploy(without=[AUTOSCALER])
    application.scale(PODS)
    eventually("all pods are available", 60, lambda: application.rolled_out(PODS))


def test_after_a_scale_up_pods_are_spread_over_hosts_and_zones(
    application: Application, eventually: Eventually, figures: Figures
) -> None:
    spread_out(application, eventually, nodes=6)
    hosts, zones = application.hosts(), application.zones()
    figures(pods_of_zones=dict(zones), skew_of_hosts=skew(hosts), skew_of_zones=skew(zones))
    assert len(hosts) == 6
    assert skew(hosts) <= 1  # DoNotSchedule
    # ScheduleAnyway: with two nodes a zone, hosts that differ by one make zones that differ by two at most.
    assert skew(zones) <= 2


def test_a_lost_zone_takes_its_own_pods_only_and_they_come_back_in_the_others(
    application: Application, eventually: Eventually, figures: Figures
) -> None:
    spread_out(application, eventually, nodes=6)
    lost = application.zones()[ZONES[2]]
    with Watch(application) as watch:
        began = time.monotonic()
        # Four nodes in two zones stay, under the names that they have.
        application.nodes(4, ZONES[:2])
        eventually("all pods are ready elsewhere", 60, lambda: application.ready() == PODS)
        seconds = time.monotonic() - began
    hosts, zones = application.hosts(), application.zones()
    figures(lost=lost, least_ready=watch.least_ready, seconds_until_all_are_ready=round(seconds, 1), zones=dict(zones))
    assert len(hosts) == 4
    assert watch.least_ready >= PODS - lost
    assert lost <= PODS // 3 + 1
    assert skew(hosts) <= 1
    assert zones.keys() == set(ZONES[:2])


def test_a_rolling_update_spreads_anew_over_a_zone_that_came_back(
    application: Application, eventually: Eventually, figures: Figures
) -> None:
    application.nodes(4, ZONES[:2])
    application.deploy(without=[AUTOSCALER])
    application.scale(PODS)
    eventually("all pods are available in two zones", 60, lambda: application.rolled_out(PODS))
    application.nodes(6)
    before = application.zones()
    assert before[ZONES[2]] == 0  # nothing moves by itself
    application.release("0.2.0")
    eventually("the new version is there", 120, lambda: application.rolled_out(PODS))
    hosts, zones = application.hosts(), application.zones()
    figures(before=dict(before), after=dict(zones), skew_of_hosts=skew(hosts))
    # Only pods of the same version count (matchLabelKeys), so that the old ones do not push the new ones aside.
    assert skew(hosts) <= 1
    assert skew(zones) <= 2


SHORT_PACE = Pace(node_grace=25)
"""Half of Kubernetes' own; KWOK gives a sign of life every ten seconds."""


@pytest.fixture
def by_itself(binaries: Path, tmp_path: Path) -> Iterator[Application]:
    """The application on a control plane of its own, whose nodes may fall silent."""
    with Application.alone(binaries, tmp_path, SHORT_PACE) as application:
        yield application


def silence(api: Api, nodes: list[str]) -> None:
    """Somebody else holds the nodes' leases and says nothing: KWOK leaves them and their pods alone, as a dead kubelet does."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    held = {"spec": {"holderIdentity": "nobody", "leaseDurationSeconds": 100_000, "renewTime": now}}
    for node in nodes:
        api.merge(f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node}", held)


def test_pods_of_a_zone_that_falls_silent_leave_the_service_first_and_come_back_in_the_others(
    by_itself: Application, eventually: Eventually, figures: Figures
) -> None:
    """No node is deleted: nobody knows whether the zone's pods still run, and none of them ever ends."""
    for toleration in by_itself.deployment_manifest["spec"]["template"]["spec"]["tolerations"]:
        assert toleration["tolerationSeconds"] == 60
        toleration["tolerationSeconds"] = 5
    spread_out(by_itself, eventually, nodes=6)
    nodes = [name for name in by_itself.hosts() if ZONES[2] in name]
    lost = {pod["metadata"]["name"] for pod in by_itself.pods() if pod["spec"]["nodeName"] in nodes}
    assert len(nodes) == 2
    assert lost
    eventually("the Service knows all pods", 30, lambda: len(by_itself.serving()) == PODS)
    began = time.monotonic()
    silence(by_itself.api, nodes)
    eventually("none of them is in the Service", 120, lambda: len(by_itself.serving()) <= PODS - len(lost))
    unlisted = time.monotonic() - began
    eventually("all pods are ready elsewhere", 180, lambda: by_itself.ready() == PODS)
    back = time.monotonic() - began
    here = [pod for pod in by_itself.pods() if is_ready(pod)]
    figures(lost=len(lost), seconds_until_unlisted=round(unlisted, 1), seconds_until_all_are_ready=round(back, 1))
    assert not lost & {pod["metadata"]["name"] for pod in here}
    counts = Counter(pod["spec"]["nodeName"] for pod in here)
    assert set(counts).isdisjoint(nodes)
    assert skew(counts) <= 1  # DoNotSchedule, and silent nodes are no empty domains
    # Unlisted before anything else happens to them: no request goes to a zone of which nobody knows.
    assert unlisted < back
