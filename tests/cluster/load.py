"""Simulated work for an application's pods."""

import threading
from dataclasses import dataclass
from typing import Self

from rehearsal.control_plane.api import Api, ApiError
from tests.cluster.workloads import Application, is_ready


@dataclass
class Load:
    """Work for all pods together, which they share; a pod does no more than its CPU limit lets it.

    KWOK reports what each pod's annotation says; new pods are told within half a second.
    """

    application: Application
    millicores: int

    def __enter__(self) -> Self:
        [container] = self.application.deployment_manifest["spec"]["template"]["spec"]["containers"]
        self._limit = int(container["resources"]["limits"]["cpu"].removesuffix("m"))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._share)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _share(self) -> None:
        application = self.application
        with Api(application.control_plane.kubeconfig) as api:
            while not self._ended.wait(0.5):
                pods = api.items(application.pods_path, {"labelSelector": "app.kubernetes.io/name=app"})
                ready = [pod for pod in pods if is_ready(pod)]
                usage = (
                    f"{max(1, min(self._limit, self.millicores // max(1, len(ready))))}m"  # nothing at all is no metric
                )
                for pod in ready:
                    if (pod["metadata"].get("annotations") or {}).get("kwok.x-k8s.io/usage-cpu") != usage:
                        annotation = {"metadata": {"annotations": {"kwok.x-k8s.io/usage-cpu": usage}}}
                        try:
                            api.merge(f"{application.pods_path}/{pod['metadata']['name']}", annotation)
                        except ApiError as error:
                            if error.status != 404:  # gone meanwhile
                                raise
