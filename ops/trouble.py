"""Why pods do not come up, in Kubernetes' words and in their own: the scheduler's, the kubelet's, and the end of the log."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from ops.cluster import Cluster, Unreachable, holds, reason
from ops.redaction import Redaction
from ops.stack import Stack

BEGINS = ("ContainerCreating", "PodInitializing")
"""What containers wait for that may still run by themselves."""

LAST_LINES = 10
"""Of a container's log, beside what is wrong with it."""

LOG_LINES = 200
"""Of a log that is told whole: more than the pods of a copy write."""

MOST = 5
"""Kinds of trouble that are told at length."""


def short(pod: Any) -> list[str]:
    """Why a pod will not become ready by itself; empty where it may, or has ended."""
    if pod.metadata.deletion_timestamp or pod.status.phase in ("Succeeded", "Failed"):
        return []
    found = [f"pod {pod.metadata.name} has no node: {words}" for words in _unscheduled(pod)]
    for container in containers(pod):
        waiting = container.state and container.state.waiting
        if waiting and waiting.reason not in BEGINS:
            found.append(f"pod {pod.metadata.name}: {waiting.reason}")
    return found


def containers(pod: Any) -> list[Any]:
    """The status of each of a pod's containers, those first that run first."""
    return [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]


def when_of(event: Any) -> datetime:
    """When an event happened last."""
    found: datetime = event.last_timestamp or event.event_time or event.metadata.creation_timestamp
    return found


def since_now(stack: Stack) -> Callable[[], str]:
    """What to call when an update has failed: it returns why those pods do not serve that do so now, or are not there yet.

    Some lines, each with an end of line before it; empty where no pod is the reason.
    """
    known = {pod.metadata.uid for pod in _not_ready(stack)}

    def why() -> str:
        try:
            told = [
                *_refused(stack),
                *_told(stack, [each for each in _not_ready(stack) if each.metadata.uid not in known]),
            ]
        except Unreachable as error:
            told = [f"what became of the pods, the cluster doesn't say: {reason(error)}"]
        return "".join(f"\n{line}" for line in told)

    return why


def log_of(
    cluster: Cluster, namespace: str, pod: str, container: str, lines: int = LOG_LINES, *, previous: bool = False
) -> str:
    """The end of what a container has written; empty where it has not begun, or where no kubelet has it."""
    try:
        answer = cluster.core.read_namespaced_pod_log(
            pod,
            namespace,
            container=container,
            previous=previous,
            tail_lines=lines,
            _preload_content=False,  # the client would make text of it as Python writes bytes: b'...'
        )
    except Unreachable:
        return ""
    text: str = answer.data.decode(errors="replace")
    return text


def _unscheduled(pod: Any) -> list[str]:
    conditions = pod.status.conditions or []
    return [str(each.message) for each in conditions if each.type == "PodScheduled" and each.status == "False"]


def _not_ready(stack: Stack) -> list[Any]:
    """The pods that do not serve and have not done their work, the newest first."""
    found = stack.cluster.core.list_namespaced_pod(stack.namespace).items
    found.sort(key=lambda pod: pod.metadata.creation_timestamp, reverse=True)
    return [
        pod
        for pod in found
        if not (pod.metadata.deletion_timestamp or pod.status.phase == "Succeeded" or holds(pod, "Ready"))
    ]


def _refused(stack: Stack) -> Iterator[str]:
    """Pods that the API server does not let be: a quota, or a policy."""
    deployments = stack.cluster.apps.list_namespaced_deployment(stack.namespace)
    for each in deployments.items:
        for condition in each.status.conditions or []:
            if condition.type == "ReplicaFailure" and condition.status == "True":
                yield f"Deployment {each.metadata.name} gets no pods: {condition.message}"


def _told(stack: Stack, pods: list[Any]) -> Iterator[str]:
    """At length, each kind of trouble once: twenty pods of a version fail alike."""
    alike: dict[tuple[str, ...], list[Any]] = {}
    for pod in pods:
        owner = (pod.metadata.owner_references or [pod.metadata])[0].uid
        kinds = (each.state.waiting.reason for each in containers(pod) if each.state and each.state.waiting)
        alike.setdefault((owner, *_unscheduled(pod), *kinds), []).append(pod)
    for same in list(alike.values())[:MOST]:
        others = f" (and {len(same) - 1} like it)" if len(same) > 1 else ""
        for line in _at_length(stack.cluster, same[0]):
            yield f"pod {same[0].metadata.name}{others} {line}"
    if len(alike) > MOST:
        yield f"and others in {len(alike) - MOST} more ways: python -m ops status --stack {stack.name}"


def _at_length(cluster: Cluster, pod: Any) -> Iterator[str]:
    yield from (f"has no node: {words}" for words in _unscheduled(pod))
    if pod.status.reason:  # evicted, or over its deadline
        yield f"is {pod.status.phase}, {pod.status.reason}: {pod.status.message}"
    for container in containers(pod):
        if words := _of_container(container):
            warning = _warning(cluster, pod)
            end = _end_of_log(cluster, pod, container)
            yield f"{container.name}: {words}{warning}{end}"


def _of_container(container: Any) -> str:
    """What is wrong with it; empty when nothing is, or another one is to blame."""
    state = container.state
    before = container.last_state and container.last_state.terminated
    earlier = f"; {_end(before)} before" if before else ""
    if state and state.terminated:
        return _end(state.terminated) if state.terminated.exit_code else ""
    if state and state.waiting:
        if state.waiting.reason == "PodInitializing":
            return ""
        return ": ".join(filter(None, (state.waiting.reason, state.waiting.message))) + earlier
    return "" if container.ready else f"runs, and is not ready{earlier}"


def _end(terminated: Any) -> str:
    return f"ended with status {terminated.exit_code} ({terminated.reason})"


def _warning(cluster: Cluster, pod: Any) -> str:
    """The last warning about a pod: a probe that fails, a volume that is not there."""
    about = f"involvedObject.uid={pod.metadata.uid},type=Warning"
    events = cluster.core.list_namespaced_event(pod.metadata.namespace, field_selector=about).items
    if not events:
        return ""
    last = max(events, key=when_of)
    return f"; {last.reason}: {Redaction().text(last.message or '')}"


def _end_of_log(cluster: Cluster, pod: Any, container: Any) -> str:
    """Indented, without secrets: of the container before the restart, where this one only waits."""
    before = bool(container.restart_count and container.state and container.state.waiting)
    lines = (
        Redaction()
        .text(log_of(cluster, pod.metadata.namespace, pod.metadata.name, container.name, LAST_LINES, previous=before))
        .splitlines()
    )
    return "".join(f"\n    | {line}" for line in lines)
