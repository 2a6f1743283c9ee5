"""Whether everything in the application's namespace is there: workloads, their pods, and the Services' lists of them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from kubernetes import client

from ops.cluster import holds
from ops.stack import Stack

SERVICE_LABEL = "kubernetes.io/service-name"

CONTROLLERS = ("ReplicaSet", "StatefulSet")
"""Owners whose pods serve; a Job's come to an end."""


@dataclass(frozen=True)
class Look:
    """What was there at one moment."""

    wanted: int
    """Pods that the Deployments and StatefulSets ask for."""
    ready: dict[str, str]
    """The pods that are ready and not on their way out, by uid: their names."""
    short: tuple[str, ...]
    """What is missing, for people; a Service that lists other pods than those that are ready belongs to it."""

    def well_without(self, gone: Collection[str]) -> bool:
        """Whether all that is wanted is ready, and none of the pods (uids) in `gone` is counted."""
        return not self.short and not set(gone) & self.ready.keys()


def is_ready(pod: Any) -> bool:
    """Whether a pod is among those that serve: ready, and not on its way out."""
    return holds(pod, "Ready") and pod.metadata.deletion_timestamp is None


def serves(pod: Any) -> bool:
    """Whether a pod belongs to something that makes another in its place."""
    return any(owner.kind in CONTROLLERS for owner in pod.metadata.owner_references or [])


def look(stack: Stack) -> Look:
    """The present state. Raises what the Kubernetes client raises."""
    namespace, cluster = stack.namespace, stack.cluster
    workloads = [
        *cluster.apps.list_namespaced_deployment(namespace).items,
        *cluster.apps.list_namespaced_stateful_set(namespace).items,
    ]
    pods = [pod for pod in cluster.core.list_namespaced_pod(namespace).items if serves(pod) and is_ready(pod)]
    short = [
        f"{each.metadata.name} ({each.status.ready_replicas or 0} of {each.spec.replicas} ready)"
        for each in workloads
        if not _complete(each)
    ]
    wanted = sum(each.spec.replicas for each in workloads)
    if len(pods) < wanted and not short:  # the controllers have not noticed yet
        short.append(f"{len(pods)} of {wanted} pods are ready")
    return Look(
        wanted=wanted,
        ready={pod.metadata.uid: pod.metadata.name for pod in pods},
        short=(*short, *_services_behind(stack, pods)),
    )


def _complete(workload: Any) -> bool:
    status, wanted = workload.status, workload.spec.replicas
    if (status.observed_generation or 0) < workload.metadata.generation:
        return False
    counts = (status.ready_replicas or 0, status.updated_replicas or 0)
    return all(count >= wanted for count in counts)


def _services_behind(stack: Stack, pods: list[Any]) -> list[str]:
    """The Services whose list of endpoints is not that of the ready pods."""
    namespace = stack.namespace
    slices = client.DiscoveryV1Api(stack.cluster.api).list_namespaced_endpoint_slice(namespace).items
    listed: dict[str, set[str]] = {}
    for found in slices:
        uids = listed.setdefault((found.metadata.labels or {}).get(SERVICE_LABEL, ""), set())
        for endpoint in found.endpoints or []:
            if endpoint.conditions.ready and endpoint.target_ref is not None:
                uids.add(endpoint.target_ref.uid)
    services = stack.cluster.core.list_namespaced_service(namespace).items
    behind = []
    for service in services:
        selector = service.spec.selector
        if not selector or service.spec.publish_not_ready_addresses:
            continue
        expected = {pod.metadata.uid for pod in pods if selector.items() <= (pod.metadata.labels or {}).items()}
        if listed.get(service.metadata.name, set()) != expected:
            behind.append(f"Service {service.metadata.name} (its endpoints are not the ready pods)")
    return behind
