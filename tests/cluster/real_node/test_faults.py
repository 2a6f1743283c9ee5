"""What users notice of a dying container, on a real node."""

import time

from tests.cluster.real_node.conftest import Figure
from tests.cluster.real_node.stack import Stack

LATE_SECONDS = 10
"""By which the node's rules may follow the Service's list, and by which this test may hear of it, on a busy machine."""


def test_a_killed_container_is_restarted_while_the_other_serves(brought_up: Stack, figure: Figure) -> None:
    victim = brought_up.pods()[0]
    name, address = victim["metadata"]["name"], victim["status"]["podIP"]
    restarts = victim["status"]["containerStatuses"][0]["restartCount"]
    unlisted: list[float] = []

    def restarted() -> bool:
        if not unlisted and address not in brought_up.serving():
            unlisted.append(time.time())
        status = next(p for p in brought_up.pods() if p["metadata"]["name"] == name)["status"]["containerStatuses"][0]
        return bool(status["restartCount"] > restarts and status["ready"])

    with brought_up.load() as load:
        killed = time.time()
        brought_up.kill(victim)
        seconds = brought_up.eventually("the container runs again", restarted)
    figure("container killed under load", until_ready=round(seconds, 1), **load.figures)
    failures = [moment for moment, well in load.answers if not well]
    if not failures:
        return
    # What was under way in it is lost (a request takes as long as the slowest), and what came until the Service gave it up.
    assert unlisted, "requests were lost, and the Service listed the dead container all the time"
    slowest = load.figures["slowest_ms"] / 1000
    late = max(LATE_SECONDS, unlisted[0] - killed)
    assert min(failures) >= killed - slowest - 1, load.figures
    assert max(failures) <= unlisted[0] + late, load.figures
    # Each request is as likely to be the other's, which answers all of its own.
    answered = sum(well for moment, well in load.answers if killed <= moment <= max(failures))
    assert answered >= len(failures) / 3 - 5, load.figures
