"""What becomes of an application's pods while something happens, change by change."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from rehearsal.control_plane.api import Api, Manifest
from tests.cluster.workloads import Application, is_ready


@dataclass
class Watch:
    """Follows a collection while it is open, change by change, so that no moment is missed between two looks."""

    application: Application
    least_ready: int = 1_000_000
    most_pods: int = 0
    replicas: list[tuple[float, int]] = field(default_factory=list)
    """(seconds since the beginning, pods that the Deployment asks for), at each change; times are late by 1 s at most."""

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._ended = threading.Event()
        self._pods = {pod["metadata"]["name"]: is_ready(pod) for pod in self.application.pods()}
        self._counted()
        self._failure: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._follow, args=(self.application.pods_path, self._pod_changed)),
            threading.Thread(
                target=self._follow,
                args=(
                    f"/apis/apps/v1/namespaces/{self.application.namespace}/deployments",
                    self._deployment_changed,
                ),
            ),
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        if self._failure:
            raise self._failure

    def sizes(self) -> list[int]:
        """The numbers of pods that the Deployment asked for, one after the other."""
        return [count for _, count in self.replicas]

    def _follow(self, path: str, changed: Callable[[str, Manifest], None]) -> None:
        try:
            with Api(self.application.control_plane.kubeconfig) as api:
                version = api.get(path)["metadata"]["resourceVersion"]
                while not self._ended.is_set():
                    # Short looks, each from where the last ended: the server keeps what happens in between.
                    query = {"watch": "1", "timeoutSeconds": "1", "resourceVersion": version}
                    answer = api.get(path, query, timeout_seconds=60)
                    for event in [answer] if isinstance(answer, dict) else map(json.loads, answer.splitlines()):
                        changed(event["type"], event["object"])
                        version = event["object"]["metadata"]["resourceVersion"]
        except BaseException as error:
            self._failure = error
            raise

    def _pod_changed(self, change: str, pod: Manifest) -> None:
        name = pod["metadata"]["name"]
        if change == "DELETED" or "deletionTimestamp" in pod["metadata"]:
            self._pods.pop(name, None)
        else:
            self._pods[name] = is_ready(pod)
        self._counted()

    def _counted(self) -> None:
        self.least_ready = min(self.least_ready, sum(self._pods.values()))
        self.most_pods = max(self.most_pods, len(self._pods))

    def _deployment_changed(self, _change: str, deployment: Manifest) -> None:
        replicas = deployment["spec"]["replicas"]
        if not self.replicas or self.replicas[-1][1] != replicas:
            self.replicas.append((round(time.monotonic() - self._began, 1), replicas))
