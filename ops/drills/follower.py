"""What becomes of the pods while something is broken: looked at again and again, and followed change by change."""

import threading
from typing import Any, Self

from kubernetes import watch

from ops.cluster import TIMEOUT_SECONDS, Unreachable, reason
from ops.readiness import Look, is_ready, look, serves
from ops.stack import Stack

PAUSE_SECONDS = 0.25
"""Between two looks at everything; the number of ready pods is counted at every change in between too."""

WATCH_SECONDS = 1
"""Of one request for changes, so that the end is not long in coming."""


class Follower:
    """From before the strike until the end; a context manager."""

    def __init__(self, stack: Stack, first: Look) -> None:
        self._stack = stack
        self.latest: Look | None = first
        """None while the API does not answer."""
        self.least_ready = len(first.ready)
        self.unreachable = ""
        """The last refusal."""
        self._ready = set(first.ready)

    def __enter__(self) -> Self:
        self._ended = threading.Event()
        self._following = threading.Event()
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._look, self._follow)]
        for thread in self._threads:
            thread.start()
        self._following.wait(TIMEOUT_SECONDS)  # nothing is broken before the first change could be seen
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _look(self) -> None:
        while not self._ended.wait(PAUSE_SECONDS):
            try:
                self.latest = look(self._stack)
            except Unreachable as error:
                self.latest, self.unreachable = None, reason(error)

    def _follow(self) -> None:
        version = ""
        while not self._ended.is_set():
            try:
                version = self._changes(version) if version else self._listed()
            except Unreachable:  # what was missed meanwhile, the next list tells
                version = ""
                self._ended.wait(PAUSE_SECONDS)

    def _listed(self) -> str:
        pods = self._stack.cluster.core.list_namespaced_pod(self._stack.namespace)
        self._ready = {pod.metadata.uid for pod in pods.items if serves(pod) and is_ready(pod)}
        self._count()
        self._following.set()
        return str(pods.metadata.resource_version)

    def _changes(self, version: str) -> str:
        watcher = watch.Watch()
        for event in watcher.stream(
            self._stack.cluster.core.list_namespaced_pod,
            self._stack.namespace,
            resource_version=version,
            timeout_seconds=WATCH_SECONDS,
        ):
            self._changed(str(event["type"]), event["object"])
        return str(watcher.resource_version)

    def _changed(self, change: str, pod: Any) -> None:
        if change != "DELETED" and serves(pod) and is_ready(pod):
            self._ready.add(pod.metadata.uid)
        else:
            self._ready.discard(pod.metadata.uid)
        self._count()

    def _count(self) -> None:
        self.least_ready = min(self.least_ready, len(self._ready))
