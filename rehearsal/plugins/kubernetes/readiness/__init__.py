"""When an object counts as ready, as far as the real provider waits for it, and the waiting itself.

A probe looks at one live object. Only when the wait ends without success is it asked for its reasons, which may cost
more requests.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.plugins.kubernetes.api import ApiServer
from rehearsal.plugins.kubernetes.objects import (
    SKIP_AWAIT,
    TIMEOUT_SECONDS,
    Kind,
    annotation,
    is_annotated,
    name_of,
    namespace_of,
)
from rehearsal.plugins.kubernetes.readiness.acceptance import definition, quota
from rehearsal.plugins.kubernetes.readiness.jobs import job
from rehearsal.plugins.kubernetes.readiness.network import ingress, service
from rehearsal.plugins.kubernetes.readiness.pods import pod
from rehearsal.plugins.kubernetes.readiness.storage import persistent_volume, persistent_volume_claim
from rehearsal.plugins.kubernetes.readiness.verdict import READY, Probe, Verdict
from rehearsal.plugins.kubernetes.readiness.workloads import daemon_set, deployment, stateful_set

# The seconds that the real provider waits when nothing else is said (the DefaultXTimeoutMins of provider/pkg/await).
_PROBES: dict[Kind, tuple[Probe, float]] = {
    Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition"): (definition, 60),
    Kind("apps/v1", "DaemonSet"): (daemon_set, 600),
    Kind("apps/v1", "Deployment"): (deployment, 600),
    Kind("apps/v1", "StatefulSet"): (stateful_set, 600),
    Kind("batch/v1", "Job"): (job, 600),
    Kind("networking.k8s.io/v1", "Ingress"): (ingress, 600),
    Kind("v1", "PersistentVolume"): (persistent_volume, 300),
    Kind("v1", "PersistentVolumeClaim"): (persistent_volume_claim, 300),
    Kind("v1", "Pod"): (pod, 300),
    Kind("v1", "ResourceQuota"): (quota, 60),
    Kind("v1", "Service"): (service, 600),
}

_FIRST_POLL_SECONDS = 0.05
_SLOWEST_POLL_SECONDS = 0.5


class NotReadyError(Exception):
    """An object that exists did not become ready. `live` is its last known form."""

    def __init__(self, live: dict[str, Any], message: str, reasons: list[str]) -> None:
        super().__init__(message)
        self.live = live
        self.message = message
        self.reasons = reasons


def timeout_seconds(custom_timeout: float, inputs: Mapping[str, Any], default: float) -> float:
    """How long to wait.

    The resource option `custom_timeouts` first, then the annotation pulumi.com/timeoutSeconds, then the default.
    """
    if custom_timeout:
        return custom_timeout
    written = annotation(inputs, TIMEOUT_SECONDS)
    return float(written) if written.isdecimal() else default


def judge(server: ApiServer, live: dict[str, Any], inputs: Mapping[str, Any]) -> Verdict:
    """Whether a live object is ready at this moment; kinds that nobody waits for always are."""
    probe, _ = _PROBES.get(Kind(live["apiVersion"], live["kind"]), (None, 0))
    return READY if probe is None or is_annotated(inputs, SKIP_AWAIT) else probe(server, live)


def wait(
    server: ApiServer,
    live: dict[str, Any],
    inputs: Mapping[str, Any],
    custom_timeout: float,
    report: Callable[[str], None],
    cancelled: threading.Event,
) -> dict[str, Any]:
    """Waits until the object is ready; returns it as it is then. `report` is told what is being waited for.

    Raises `NotReadyError` when the time is up, when waiting longer would change nothing, or when the update is
    cancelled.
    """
    kind, name = Kind(live["apiVersion"], live["kind"]), name_of(live)
    probe, default = _PROBES.get(kind, (None, 0))
    if probe is None or is_annotated(inputs, SKIP_AWAIT):
        return live
    limit = timeout_seconds(custom_timeout, inputs, default)
    deadline = time.monotonic() + limit
    pause = _FIRST_POLL_SECONDS
    while True:
        now = probe(server, live)
        if now.ready:
            report("")
            return live
        report(now.status)
        if now.hopeless:
            raise NotReadyError(live, f"'{name}' failed to become ready", now.reasons())
        if time.monotonic() >= deadline:
            raise NotReadyError(live, f"'{name}' timed out after {limit:g} seconds waiting to be Ready", now.reasons())
        if cancelled.wait(min(pause, max(deadline - time.monotonic(), 0.01))):
            raise NotReadyError(live, f"Resource operation was cancelled for '{name}'", now.reasons())
        pause = min(pause * 1.5, _SLOWEST_POLL_SECONDS)
        current = server.get(kind, namespace_of(live), name)
        if current is None:
            raise NotReadyError(live, f"'{name}' was deleted while it was waited for", [])
        live = current
