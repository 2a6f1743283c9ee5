"""Where prod's pods run: after they have become more, after a zone is lost, and after a rolling update.

Pods end at once on simulated nodes, and are ready at once: what is measured is what the scheduler and the controllers need.
"""

import time

from tests.cluster.conftest import Eventually, Figures
from tests.cluster.watch import Watch
from tests.cluster.workloads import AUTOSCALER, ZONES, Application, skew

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
