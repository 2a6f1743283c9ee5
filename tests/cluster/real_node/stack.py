"""The rehearsed stack as the tests handle it: bring it to other settings, look at it, load it, break it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.control_plane.api import Api
from rehearsal.real_node import RealNode
from rehearsal.run import Rehearsal, Result

NAMESPACE = "marlinspike"
APP = "app.kubernetes.io/name=app"
IMAGE = "localhost/marlinspike-app"


@dataclass
class Load:
    """What a load has met; filled when it ends."""

    figures: dict[str, Any] = field(default_factory=dict)
    answers: list[tuple[float, bool]] = field(default_factory=list)
    """When each request began, by the clock, and whether it was answered well."""

    @property
    def failed(self) -> int:
        return int(self.figures["failed"])

    @property
    def requests(self) -> int:
        return int(self.figures["requests"])


@dataclass
class Stack:
    """Stack `local` on a real node."""

    rehearsal: Rehearsal
    node: RealNode
    api: Api
    settings: dict[str, Any]
    """What holds when a test says nothing else."""

    def up(self, **changed: Any) -> Result:
        """Runs the engine with other settings: `app_log_level="info"` is `app.log_level`."""
        return self.rehearsal.up(config={**self.settings, **{k.replace("_", ".", 1): v for k, v in changed.items()}})

    def image(self, version: str, changed: dict[str, str]) -> str:
        """Makes another version of the application, with other files, known to the node; returns its name."""
        name = f"{IMAGE}:{version}"
        archive = self.node.images.write_application(self.node.directory, name, print, changed=changed)
        self.node.import_image(archive)
        archive.unlink()
        return name

    def pods(self, selector: str = APP) -> list[dict[str, Any]]:
        return self.api.items(f"/api/v1/namespaces/{NAMESPACE}/pods", {"labelSelector": selector})

    def ready(self, selector: str = APP) -> list[str]:
        """The names of the pods that are ready and not leaving."""
        return [
            pod["metadata"]["name"]
            for pod in self.pods(selector)
            if "deletionTimestamp" not in pod["metadata"]
            and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
        ]

    def deployment(self) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/app")
        return found

    def scale(self, replicas: object) -> None:
        """As `kubectl scale` does."""
        self.api.merge(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/app/scale", {"spec": {"replicas": replicas}})

    @property
    def address(self) -> str:
        """Of the application's Service, inside the namespace."""
        service = self.api.get(f"/api/v1/namespaces/{NAMESPACE}/services/app")
        return f"http://{service['spec']['clusterIP']}"

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command in the node's network namespace."""
        return subprocess.run(
            ["nsenter", f"--net={self.node.namespace}", *command],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def execute(self, pod: str, *command: str) -> str:
        """What a command in a pod's container prints; goes through the API server and the kubelet."""
        done = subprocess.run(
            [
                str(self.rehearsal.toolchain.control_plane / "kubectl"),
                f"--kubeconfig={self.rehearsal.kubeconfig}",
                "exec",
                f"--namespace={NAMESPACE}",
                pod,
                "--",
                *command,
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def load(self, path: str = "/quotes", workers: int = 4, pause: float = 0.05) -> Iterator[Load]:
        """Requests to the Service from within the namespace, for as long as the context lasts."""
        script = str(Path(__file__).with_name("load.py"))
        process = subprocess.Popen(
            [
                "nsenter",
                f"--net={self.node.namespace}",
                sys.executable,
                script,
                self.address + path,
                str(workers),
                str(pause),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        load = Load()
        try:
            time.sleep(1)
            yield load
            time.sleep(1)
        finally:
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=120)
        load.figures = json.loads(output)
        load.answers = load.figures.pop("answers")

    def serving(self, service: str = "app") -> set[str]:
        """The addresses behind a Service that take requests."""
        query = {"labelSelector": f"kubernetes.io/service-name={service}"}
        slices = self.api.items(f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices", query)
        endpoints = [endpoint for found in slices for endpoint in found["endpoints"] or []]
        return {endpoint["addresses"][0] for endpoint in endpoints if endpoint["conditions"]["ready"]}

    def kill(self, pod: dict[str, Any]) -> None:
        """Kills the first process of a pod's own container."""
        container = pod["status"]["containerStatuses"][0]["containerID"].partition("://")[2]
        told = self.node.containerd("tasks", "ls")
        pid = next(int(line.split()[1]) for line in told.splitlines() if line.startswith(container))
        os.kill(pid, signal.SIGKILL)

    def eventually(self, what: str, holds: Callable[[], object], seconds: float = 600) -> float:
        """Waits until something holds; returns how long that took."""
        began = time.monotonic()
        while not holds():
            if time.monotonic() - began > seconds:
                raise AssertionError(f"not within {seconds:.0f} s: {what}")
            time.sleep(0.2)
        return time.monotonic() - began
