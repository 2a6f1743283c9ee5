"""What nobody needs any more: in the cluster, jobs that ended and pods that are over."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops.stack import Stack

JOB = "kubernetes:batch/v1:Job"


@dataclass(frozen=True)
class Leftover:
    """One thing that can go, and how."""

    kind: str
    name: str
    since: datetime
    """When it ended, or was made where that is not known."""
    why: str
    delete: Callable[[], object]
    gigabytes: float | None = None
    usd_a_month: float | None = None


def in_the_cluster(stack: Stack, before: datetime) -> Iterator[Leftover]:
    """Jobs that ended before a moment, and pods that are over and belong to none.

    What the program made is its own: a Job that is gone would be made, and run, again.
    """
    namespace, batch, core = stack.namespace, stack.cluster.batch, stack.cluster.core
    own = {
        ((each.get("outputs") or {}).get("metadata") or {}).get("name")
        for each in stack.resources
        if each["type"] == JOB
    }
    for job in batch.list_namespaced_job(namespace).items:
        name, ended = job.metadata.name, _end(job)
        if ended and ended[0] < before and name not in own:
            yield Leftover("job", name, ended[0], ended[1], _deletion(batch.delete_namespaced_job, name, namespace))
    for pod in core.list_namespaced_pod(namespace).items:
        name, made = pod.metadata.name, pod.metadata.creation_timestamp
        of_a_job = any(owner.kind == "Job" for owner in pod.metadata.owner_references or [])
        if pod.status.phase in ("Failed", "Succeeded") and not of_a_job and made < before:
            why = str(pod.status.reason or pod.status.phase).lower()
            yield Leftover("pod", name, made, why, _deletion(core.delete_namespaced_pod, name, namespace))


def _end(job: Any) -> tuple[datetime, str] | None:
    for condition in job.status.conditions or []:
        if condition.type in ("Complete", "Failed") and condition.status == "True":
            return job.status.completion_time or condition.last_transition_time, condition.type.lower()
    return None


def _deletion(delete: Callable[..., object], name: str, namespace: str) -> Callable[[], object]:
    return lambda: delete(name, namespace, propagation_policy="Background")
