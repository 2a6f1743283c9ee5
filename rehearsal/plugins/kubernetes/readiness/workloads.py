"""Deployments, StatefulSets and DaemonSets: ready when their rollout is complete."""

from typing import Any

from rehearsal.plugins.kubernetes.api import ApiServer
from rehearsal.plugins.kubernetes.objects import namespace_of
from rehearsal.plugins.kubernetes.readiness.pods import faults_of_pods, warnings_about
from rehearsal.plugins.kubernetes.readiness.verdict import READY, Verdict, condition, is_observed, worded


def deployment(server: ApiServer, live: dict[str, Any]) -> Verdict:
    """All pods are new and available, and none of the old ones is left.

    Past its progress deadline it is given up at once.

    The real provider would keep waiting until its own time-out then, to fail with the same words.
    """
    spec, status = live["spec"], live.get("status", {})
    wanted = int(spec.get("replicas", 1))
    updated, available, total = (
        int(status.get(field, 0)) for field in ("updatedReplicas", "availableReplicas", "replicas")
    )
    if spec.get("paused"):
        return READY
    if is_observed(live) and updated >= wanted and available >= wanted and total <= updated:
        return READY

    def reasons() -> list[str]:
        conditions = [condition(live, "Progressing"), condition(live, "Available"), condition(live, "ReplicaFailure")]
        bad = ("False", "False", "True")
        told = [worded(found) for found, status in zip(conditions, bad, strict=True) if found.get("status") == status]
        return [
            f"{min(available, updated)}/{wanted} Pods available",
            *told,
            *faults_of_pods(server, namespace_of(live), spec["selector"]),
        ]

    late = condition(live, "Progressing")
    hopeless = is_observed(live) and late.get("status") == "False" and late.get("reason") == "ProgressDeadlineExceeded"
    status_line = f"Waiting for app ReplicaSet to be available ({min(available, updated)}/{wanted} Pods available)"
    return Verdict(False, status_line, reasons, hopeless)


def stateful_set(server: ApiServer, live: dict[str, Any]) -> Verdict:
    """All pods are ready and, with rolling updates, of the newest revision (those above the partition)."""
    spec, status = live["spec"], live.get("status", {})
    wanted, ready = int(spec.get("replicas", 1)), int(status.get("readyReplicas", 0))
    strategy = spec.get("updateStrategy") or {}
    partition = int((strategy.get("rollingUpdate") or {}).get("partition", 0))
    rolling = strategy.get("type", "RollingUpdate") == "RollingUpdate"
    # `updatedReplicas` is not kept once an update is complete, when the revisions are the same.
    rolled_out = status.get("currentRevision") == status.get("updateRevision") or int(
        status.get("updatedReplicas", 0)
    ) >= max(wanted - partition, 0)
    if is_observed(live) and ready >= wanted and (rolled_out or not rolling):
        return READY

    def reasons() -> list[str]:
        return [
            f"{ready}/{wanted} Pods ready",
            *warnings_about(server, live),
            *faults_of_pods(server, namespace_of(live), spec["selector"]),
        ]

    return Verdict(False, f"Waiting for StatefulSet to be ready ({ready}/{wanted} Pods ready)", reasons)


def daemon_set(server: ApiServer, live: dict[str, Any]) -> Verdict:
    """A new pod is available on every node that wants one."""
    spec, status = live["spec"], live.get("status", {})
    wanted, updated, available = (
        int(status.get(field, 0)) for field in ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    )
    on_delete = (spec.get("updateStrategy") or {}).get("type") == "OnDelete"
    if is_observed(live) and available >= wanted and (updated >= wanted or on_delete):
        return READY

    def reasons() -> list[str]:
        return [
            f"{available}/{wanted} Pods available",
            *warnings_about(server, live),
            *faults_of_pods(server, namespace_of(live), spec["selector"]),
        ]

    return Verdict(False, f"Waiting for DaemonSet to be available ({available}/{wanted} Pods available)", reasons)
