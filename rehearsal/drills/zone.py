"""A zone is lost, with all its nodes and the pods on them, and comes back."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from rehearsal.control_plane.api import Api
from rehearsal.control_plane.simulated_nodes import FIELD_MANAGER, again, delete
from rehearsal.drills.application import ZONE, Application, NoApplicationError, ready_by_zone, until

BEFORE_SECONDS, AFTER_SECONDS = 3.0, 5.0
"""How long is looked before the loss, and after all pods are ready again."""

PATIENCE_SECONDS = 120
EVERY_SECONDS = 0.2


def zone(api: Api, application: Application, say: Callable[[str], None]) -> dict[str, Any]:
    """Takes the zone away that has the most of the application's pods; returns samples of the ready ones by zone."""
    nodes = api.items("/api/v1/nodes")
    zones = {node["metadata"]["name"]: node["metadata"]["labels"].get(ZONE, "no zone") for node in nodes}
    before = ready_by_zone(application.pods(api), zones)
    if len(set(zones.values())) < 2 or not before:
        raise NoApplicationError("A zone can be lost only where there are two, and pods of the application in them.")
    lost = max(sorted(before), key=lambda name: before[name])
    pods = before.total()
    say(f"drill: {lost} is lost with {before[lost]} of {pods} pods of {application.name}, and comes back")
    samples: list[tuple[float, Counter[str]]] = []
    began = time.monotonic()

    def looked() -> Counter[str]:
        counts = ready_by_zone(application.pods(api), zones)
        samples.append((round(time.monotonic() - began, 1), counts))
        return counts

    def look_for(seconds: float) -> None:
        deadline = time.monotonic() + seconds
        until(lambda: bool(looked()) and time.monotonic() >= deadline, seconds, EVERY_SECONDS)

    look_for(BEFORE_SECONDS)
    gone = [node for node in nodes if zones[node["metadata"]["name"]] == lost]
    at = time.monotonic() - began
    try:
        delete(api, [node["metadata"]["name"] for node in gone])
        until(lambda: looked().total() >= pods, PATIENCE_SECONDS, EVERY_SECONDS)
        seconds = time.monotonic() - began - at
        look_for(AFTER_SECONDS)
    finally:
        for node in gone:
            api.apply(again(node), FIELD_MANAGER)
    back = time.monotonic() - began
    look_for(AFTER_SECONDS)
    return {
        "lost": lost,
        "pods": pods,
        "at": [round(at, 1), round(back, 1)],
        "seconds": round(seconds, 1),
        "samples": [(moment, dict(counts)) for moment, counts in samples],
    }
