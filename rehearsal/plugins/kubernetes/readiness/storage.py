"""Volumes and claims: ready when they are bound, or only wait for their first consumer."""

from typing import Any

from rehearsal.plugins.kubernetes.api import ApiServer
from rehearsal.plugins.kubernetes.objects import Kind
from rehearsal.plugins.kubernetes.readiness.pods import warnings_about
from rehearsal.plugins.kubernetes.readiness.verdict import READY, Verdict

_STORAGE_CLASS = Kind("storage.k8s.io/v1", "StorageClass")


def persistent_volume(_: ApiServer, live: dict[str, Any]) -> Verdict:
    """Available or bound."""
    phase = live.get("status", {}).get("phase", "Pending")
    if phase in ("Available", "Bound"):
        return READY
    return Verdict(
        False,
        "Waiting for PersistentVolume to be available",
        lambda: [f"PersistentVolume is {phase}"],
        hopeless=phase == "Failed",
    )


def persistent_volume_claim(server: ApiServer, live: dict[str, Any]) -> Verdict:
    """Bound; one whose storage class binds only with a pod counts as ready before."""
    phase = live.get("status", {}).get("phase", "Pending")
    if phase == "Bound" or _waits_for_consumer(server, live):
        return READY
    line = f"PersistentVolumeClaim is not ready. status.phase currently at: {phase}"
    return Verdict(
        False, "Waiting for PersistentVolumeClaim to be bound", lambda: [line, *warnings_about(server, live)]
    )


def _waits_for_consumer(server: ApiServer, live: dict[str, Any]) -> bool:
    name = live["spec"].get("storageClassName")
    found = server.get(_STORAGE_CLASS, "", name) if name else None
    return found is not None and found.get("volumeBindingMode") == "WaitForFirstConsumer"
