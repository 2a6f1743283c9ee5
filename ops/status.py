"""`status`: what runs, where, since when and for how much, on one screen."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ops import alerts
from ops.cluster import Unreachable, holds, reason
from ops.command import Result, Session
from ops.cost import cost
from ops.errors import OpsError
from ops.stack import Stack
from ops.trouble import when_of
from ops.versions import versions

ZONE = "topology.kubernetes.io/zone"
MOST_EVENTS = 5
DAY, HOUR, MINUTE = 86400, 3600, 60

Part = Callable[[Stack], Any]


def status(session: Session) -> Result:
    """Show pods, nodes, autoscalers, events, alerts, versions, the last update and the cost. Changes nothing.

    A part that can't be asked says why, and the others are shown all the same. Whether all is well: `health`.

    Examples: `python -m ops status --stack prod`, `python -m ops status --stack dev --rehearsed --json`
    """
    stack, report = session.stack, session.report
    found = {name: _asked(part, stack) for name, part in PARTS.items()}
    for name, columns in TABLES.items():
        _show(session, name, columns, found[name])
    _show(session, "alerts", ("name", "severity", "since", "summary"), found["alerts"])
    for name in ("versions", "last update", "cost"):
        part = found[name]
        report.say(f"{name}: " + ", ".join(f"{key} {value}" for key, value in part.items() if value not in (None, "")))
    unreachable = [name for name, part in found.items() if isinstance(part, dict) and "error" in part]
    if {"pods", "nodes"} <= {*unreachable}:
        raise OpsError(f"the cluster of {stack.name} can't be asked: {found['pods']['error']}", found)
    return {"stack": stack.name, "rehearsed": stack.rehearsed, **found}


def _asked(part: Part, stack: Stack) -> Any:
    try:
        return part(stack)
    except Unreachable as error:
        return {"error": reason(error)}
    except OpsError as error:
        return {"error": str(error)}


def _show(session: Session, name: str, columns: tuple[str, ...], part: Any) -> None:
    if isinstance(part, dict):
        session.report.say(f"{name}: {part.get('error') or part.get('off')}")
    else:
        session.report.table(name, columns, [[each[column] for column in columns] for each in part])


def age(moment: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit, as kubectl shows it."""
    if moment is None:
        return ""
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _pods(stack: Stack) -> list[dict[str, Any]]:
    now, found = datetime.now(UTC), []
    for pod in stack.cluster.core.list_namespaced_pod(stack.namespace).items:
        states = pod.status.container_statuses or []
        found.append(
            {
                "name": pod.metadata.name,
                "state": _state(pod),
                "ready": f"{sum(state.ready for state in states)} of {len(pod.spec.containers)}",
                "restarts": sum(state.restart_count for state in states),
                "age": age(pod.metadata.creation_timestamp, now),
                "node": pod.spec.node_name,
            }
        )
    return found


def _state(pod: Any) -> str:
    """Kubernetes' phase, or the more telling reason of a container that waits."""
    if pod.metadata.deletion_timestamp:
        return "Leaving"
    for container in pod.status.container_statuses or []:
        if container.state and container.state.waiting and container.state.waiting.reason:
            return str(container.state.waiting.reason)
    return str(pod.status.reason or pod.status.phase)


def _nodes(stack: Stack) -> list[dict[str, Any]]:
    found = []
    pods = stack.cluster.core.list_pod_for_all_namespaces(field_selector="status.phase=Running")
    running = [pod.spec.node_name for pod in pods.items]
    for node in stack.cluster.core.list_node().items:
        labels = node.metadata.labels or {}
        state = ("Ready" if holds(node, "Ready") else "NotReady") + (", cordoned" if node.spec.unschedulable else "")
        found.append(
            {
                "name": node.metadata.name,
                "state": state,
                "zone": labels.get(ZONE, ""),
                "type": labels.get("node.kubernetes.io/instance-type", ""),
                "pods": running.count(node.metadata.name),
                "version": node.status.node_info.kubelet_version,
            }
        )
    return found


def _autoscalers(stack: Stack) -> list[dict[str, Any]]:
    scalers = stack.cluster.autoscaling.list_namespaced_horizontal_pod_autoscaler(stack.namespace)
    return [
        {
            "name": each.metadata.name,
            "pods": f"{each.status.current_replicas or 0} of {each.spec.min_replicas} to {each.spec.max_replicas}",
            "use": ", ".join(_use(metric) for metric in each.status.current_metrics or []) or "unknown",
        }
        for each in scalers.items
    ]


def _use(metric: Any) -> str:
    measured = metric.resource or metric.container_resource
    if measured:
        return f"{measured.name} {measured.current.average_utilization} %"
    return f"{metric.external.metric.name} {metric.external.current.average_value}" if metric.external else metric.type


def _events(stack: Stack) -> list[dict[str, Any]]:
    """The last warnings; what is normal would hide them."""
    now = datetime.now(UTC)
    events = stack.cluster.core.list_namespaced_event(stack.namespace, field_selector="type=Warning").items
    latest = sorted(events, key=when_of, reverse=True)[:MOST_EVENTS]
    return [
        {
            "age": age(when_of(event), now),
            "object": f"{event.involved_object.kind}/{event.involved_object.name}",
            "reason": event.reason,
            "message": event.message,
        }
        for event in latest
    ]


def _alerts(stack: Stack) -> Any:
    monitoring = getattr(stack.platform, "monitoring", None)
    if monitoring is None or not monitoring.enabled:
        return {"off": "nobody watches: monitoring.mode is off"}
    return [vars(alert) for alert in alerts.firing(stack.cluster)]


def _last_update(stack: Stack) -> Mapping[str, Any]:
    history = stack.engine.history()
    if not history:
        return {"error": "there was none"}
    last = history[0]
    changes = ", ".join(f"{count} {kind}" for kind, count in (last.get("resourceChanges") or {}).items())
    return {
        "kind": last.get("kind"),
        "result": last.get("result"),
        "at": last.get("startTime"),
        "commit": str((last.get("environment") or {}).get("git.head", ""))[:12],
        "resources": changes,
    }


TABLES: Mapping[str, tuple[str, ...]] = {
    "pods": ("name", "state", "ready", "restarts", "age", "node"),
    "nodes": ("name", "state", "zone", "type", "pods", "version"),
    "autoscalers": ("name", "pods", "use"),
    "events": ("age", "object", "reason", "message"),
}

PARTS: Mapping[str, Part] = {
    "pods": _pods,
    "nodes": _nodes,
    "autoscalers": _autoscalers,
    "events": _events,
    "alerts": _alerts,
    "versions": versions,
    "last update": _last_update,
    "cost": cost,
}
"""In the order in which they are shown."""
