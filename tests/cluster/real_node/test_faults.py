"""What users notice of a dying container, on a real node."""

from tests.cluster.real_node.conftest import Figure
from tests.cluster.real_node.stack import Stack


def test_a_killed_container_is_restarted_while_the_other_serves(brought_up: Stack, figure: Figure) -> None:
    victim = brought_up.pods()[0]
    name, restarts = victim["metadata"]["name"], victim["status"]["containerStatuses"][0]["restartCount"]

    def restarted() -> bool:
        status = next(p for p in brought_up.pods() if p["metadata"]["name"] == name)["status"]["containerStatuses"][0]
        return bool(status["restartCount"] == restarts + 1 and status["ready"])

    with brought_up.load() as load:
        brought_up.kill(victim)
        seconds = brought_up.eventually("the container runs again", restarted)
    figure("container killed under load", until_ready=round(seconds, 1), **load.figures)
    # What was under way in it is lost, and what came until the kubelet noticed; no more.
    assert load.failed < load.requests * 0.1, load.figures
    assert (load.figures["last_failure_after"] or 0) < 15, load.figures
