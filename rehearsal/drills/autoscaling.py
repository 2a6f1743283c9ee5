"""The autoscaler under load: from the smallest number of pods to the largest and back, with the stack's own rules."""

import threading
import time
from collections.abc import Callable
from typing import Any, Self

from rehearsal.control_plane.api import Api, ApiError, Manifest
from rehearsal.drills.application import Application, is_ready, until
from rehearsal.report.cluster import quantity

SHORTER = 10
"""The rules' windows and periods are divided by it, for the drill only: five minutes become half a minute."""

OVERLOAD = 1.5
"""The load is as much more than the largest number of pods carries at its target."""

PATIENCE_SECONDS = 480

USAGE = "kwok.x-k8s.io/usage-cpu"
"""Annotation from which KWOK reports what a simulated pod uses."""


class Load:
    """Work for all pods together, which they share; a pod does no more than its limit lets it."""

    def __init__(self, api: Api, application: Application, millicores: int, limit: int) -> None:
        self._api, self._application = api, application
        self._limit = limit
        self.millicores = millicores
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._share, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _share(self) -> None:
        while not self._ended.wait(0.5):
            pods = [pod for pod in self._application.pods(self._api) if is_ready(pod)]
            # Never nothing: metrics-server drops a pod that has not used the processor yet, and the autoscaler, which takes a
            # pod without a metric for a fully used one, would not take away the others.
            usage = f"{max(1, min(self._limit, self.millicores // max(1, len(pods))))}m"
            for pod in pods:
                if (pod["metadata"].get("annotations") or {}).get(USAGE) != usage:
                    annotate(self._api, self._application, pod, usage)


def annotate(api: Api, application: Application, pod: Manifest, usage: str | None) -> None:
    """Tells KWOK what a pod uses; None takes it back. A pod that is gone meanwhile is no error."""
    try:
        api.merge(f"{application.pods_path}/{pod['metadata']['name']}", {"metadata": {"annotations": {USAGE: usage}}})
    except ApiError as error:
        if error.status != 404:
            raise


def autoscaling(api: Api, application: Application, say: Callable[[str], None]) -> dict[str, Any]:
    """Puts the application under load and takes the load away; returns samples of a second each."""
    scaler = application.autoscaler
    if scaler is None:
        raise ValueError(f"{application.name} has no autoscaler")
    spec = scaler["spec"]
    least, most = int(spec["minReplicas"]), int(spec["maxReplicas"])
    say(f"drill: {application.name} under load, from {least} pods to at most {most} and back (two minutes)")
    path = (
        f"/apis/autoscaling/v2/namespaces/{application.namespace}/horizontalpodautoscalers/{scaler['metadata']['name']}"
    )
    peak, limit = _peak(api, application, spec)
    samples: list[tuple[float, int, int, int]] = []
    began = time.monotonic()

    def looked(*, until_wanted: int) -> bool:
        pods = application.pods(api)
        waiting = sum(not pod["spec"].get("nodeName") for pod in pods)
        sample = (round(time.monotonic() - began, 1), application.wanted(api), sum(map(is_ready, pods)), waiting)
        samples.append(sample)
        return sample[1] == until_wanted and sample[2] + waiting == until_wanted

    api.merge(path, {"spec": {"behavior": shortened(spec["behavior"])}})
    try:
        looked(until_wanted=least)
        with Load(api, application, peak, limit) as load:
            reached = until(lambda: looked(until_wanted=most), PATIENCE_SECONDS)
            if not reached:
                say(f"  {most} pods were not reached within {PATIENCE_SECONDS} s")
            ended = time.monotonic() - began
            load.millicores = 1
            if not until(lambda: looked(until_wanted=least), PATIENCE_SECONDS):
                say(f"  {least} pods were not reached again within {PATIENCE_SECONDS} s")
    finally:
        api.merge(path, {"spec": {"behavior": spec["behavior"]}})
        # Whoever changes a field becomes its owner: the program's next change of it would be refused as a conflict.
        api.merge(path, {"metadata": {"managedFields": scaler["metadata"]["managedFields"]}})
        for pod in application.pods(api):
            annotate(api, application, pod, None)
    return {"shortened": SHORTER, "load": [0.0, round(ended, 1)], "least": least, "most": most, "samples": samples}


def shortened(behavior: Manifest) -> Manifest:
    """The same rules with shorter windows and periods; percentages stay."""
    return {
        direction: {
            **rules,
            "stabilizationWindowSeconds": int(rules.get("stabilizationWindowSeconds") or 0) // SHORTER,
            "policies": [
                {**policy, "periodSeconds": max(1, int(policy["periodSeconds"]) // SHORTER)}
                for policy in rules["policies"]
            ],
        }
        for direction, rules in behavior.items()
    }


def _peak(api: Api, application: Application, spec: Manifest) -> tuple[int, int]:
    """Millicores that are more than all pods carry at their target, and the most that one pod may use."""
    container = application.pods(api)[0]["spec"]["containers"][0]
    resources = container["resources"]
    target = next(
        (
            metric[kind]["target"]["averageUtilization"]
            for metric in spec["metrics"]
            for kind in ("containerResource", "resource")
            if (metric.get(kind) or {}).get("name") == "cpu"
        ),
        70,
    )
    asked = 1000 * quantity(str(resources["requests"]["cpu"]))
    limit = 1000 * quantity(str((resources.get("limits") or {}).get("cpu") or "64"))
    return int(spec["maxReplicas"] * asked * target / 100 * OVERLOAD), int(limit)
