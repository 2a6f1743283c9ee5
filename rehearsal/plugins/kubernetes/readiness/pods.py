"""Pods: when one is ready, and why those of a workload are not."""

from collections.abc import Mapping
from typing import Any

from rehearsal.plugins.kubernetes.api import ApiServer
from rehearsal.plugins.kubernetes.objects import Kind, name_of, namespace_of
from rehearsal.plugins.kubernetes.readiness.verdict import READY, Verdict, condition, worded

POD = Kind("v1", "Pod")
_EVENT = Kind("v1", "Event")
_AT_WORK = frozenset({"ContainerCreating", "PodInitializing"})  # reasons to be patient, not faults
_MOST_REASONS = 5  # a thousand pods fail for the same reason


def pod(_: ApiServer, live: dict[str, Any]) -> Verdict:
    """Ready, or done with success."""
    phase = live.get("status", {}).get("phase")
    if phase == "Succeeded" or condition(live, "Ready").get("status") == "True":
        return READY
    return Verdict(
        False,
        "Waiting for Pod to be ready",
        lambda: faults_of_pod(live) or ["Pod is not ready"],
        hopeless=phase == "Failed",
    )


def faults_of_pod(live: Mapping[str, Any]) -> list[str]:
    """Why a pod does not run: it finds no node, a container waits or ended. Empty while nothing is wrong with it."""
    status = live.get("status", {})
    found = []
    scheduled = condition(live, "PodScheduled")
    if scheduled.get("status") == "False":
        found.append(worded(scheduled))
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        state = container.get("state", {})
        waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
        if waiting and waiting.get("reason") not in _AT_WORK:
            found.append(f"container {container['name']}: {worded(waiting)}")
        elif ended and ended.get("exitCode"):
            found.append(
                f"container {container['name']}: {worded({'reason': 'Error', **ended})} (exit code {ended['exitCode']})"
            )
    unready = condition(live, "Ready")
    if not found and unready.get("status") == "False" and unready.get("message"):
        found.append(worded(unready))
    return [f"Pod {namespace_of(live)}/{name_of(live)}: {fault}" for fault in found]


def faults_of_pods(server: ApiServer, namespace: str, selector: Mapping[str, Any]) -> list[str]:
    """The faults of all pods that a label selector finds, the same one once."""
    found: dict[str, str] = {}
    for live in server.list(POD, namespace, labelSelector=as_query(selector)):
        for fault in faults_of_pod(live):
            found.setdefault(fault.partition(": ")[2], fault)
    return list(found.values())[:_MOST_REASONS]


def warnings_about(server: ApiServer, live: Mapping[str, Any]) -> list[str]:
    """The newest warning events about an object, the same one once.

    A quota that is used up, a policy that forbids its pods.
    """
    selector = f"involvedObject.kind={live['kind']},involvedObject.name={name_of(live)},type=Warning"
    events = server.list(_EVENT, namespace_of(live), fieldSelector=selector)
    ordered = sorted(
        events, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""), reverse=True
    )
    return list(dict.fromkeys(worded(event) for event in ordered))[:_MOST_REASONS]


def as_query(selector: Mapping[str, Any]) -> str:
    """A label selector object as the query parameter of a list request."""
    parts = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or []:
        key, operator, values = expression["key"], expression["operator"], ",".join(expression.get("values") or [])
        parts.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": key,
                "DoesNotExist": f"!{key}",
            }[operator]
        )
    return ",".join(parts)
