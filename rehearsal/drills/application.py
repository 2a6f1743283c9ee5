"""The application that a drill is done on: the first Deployment with pods, its autoscaler, and what becomes of its pods."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from rehearsal.control_plane.api import Api, Manifest

ZONE = "topology.kubernetes.io/zone"


class NoApplicationError(Exception):
    """There is nothing to drill; the text says why and what to do."""


@dataclass(frozen=True)
class Application:
    """One Deployment; with its autoscaler, where it has one."""

    namespace: str
    name: str
    selector: str
    """Of its pods, as the API takes it."""
    autoscaler: Manifest | None

    @property
    def pods_path(self) -> str:
        """Where its pods are."""
        return f"/api/v1/namespaces/{self.namespace}/pods"

    def pods(self, api: Api) -> list[Manifest]:
        """Its pods that are not on their way out."""
        pods = api.items(self.pods_path, {"labelSelector": self.selector})
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def wanted(self, api: Api) -> int:
        """How many pods it is to have."""
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{self.name}"
        return int(api.get(path)["spec"].get("replicas", 1))


def found(api: Api, namespace: str | None = None) -> Application:
    """The application of the cluster: the Deployment with an autoscaler, else the first that has pods."""
    within = f"/namespaces/{namespace}" if namespace else ""
    scalers = api.items(f"/apis/autoscaling/v2{within}/horizontalpodautoscalers")
    deployments = [each for each in api.items(f"/apis/apps/v1{within}/deployments") if each["spec"].get("replicas", 1)]
    targets = {(each["metadata"]["namespace"], each["spec"]["scaleTargetRef"]["name"]): each for each in scalers}
    deployments.sort(key=lambda each: (each["metadata"]["namespace"], each["metadata"]["name"]) not in targets)
    if not deployments:
        raise NoApplicationError("No Deployment runs in this cluster: bring the stack up before drilling it.")
    metadata, spec = deployments[0]["metadata"], deployments[0]["spec"]
    selector = ",".join(f"{name}={value}" for name, value in spec["selector"]["matchLabels"].items())
    autoscaler = targets.get((metadata["namespace"], metadata["name"]))
    return Application(metadata["namespace"], metadata["name"], selector, autoscaler)


def is_ready(pod: Manifest) -> bool:
    """Whether a pod serves."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def ready_by_zone(pods: list[Manifest], zones: dict[str, str]) -> Counter[str]:
    """How many ready pods each zone has; `zones` tells those of the nodes."""
    return Counter(zones.get(pod["spec"].get("nodeName", ""), "no node") for pod in pods if is_ready(pod))


def until(condition: Callable[[], bool], seconds: float, every: float = 1.0) -> bool:
    """Looks again and again until something holds; whether it did in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True
