"""One workload's Deployments on the cluster: which there are, whether they are rolled out, and waiting until they are."""

import time
from collections.abc import Callable
from typing import Any

from ops.errors import OpsError
from ops.stack import Stack

LOOK_SECONDS = 1.0

APPLICATION = "app"


def deployments_of(stack: Stack, workload: str) -> list[Any]:
    """The Deployments of a workload: one, or one for each version that stands. Raises OpsError where there is none."""
    found: list[Any] = stack.cluster.apps.list_namespaced_deployment(
        stack.namespace, label_selector=f"app.kubernetes.io/name={workload}"
    ).items
    if not found:
        every = stack.cluster.apps.list_namespaced_deployment(stack.namespace).items
        names = sorted({(each.metadata.labels or {}).get("app.kubernetes.io/name", "") for each in every} - {""})
        raise OpsError(
            f"{stack.namespace} has no Deployment of a workload {workload}; there are: {', '.join(names) or 'none'}"
        )
    return found


def unfinished(deployment: Any) -> str:
    """Why a Deployment is not rolled out as it was asked for, as `kubectl rollout status` counts; empty when it is."""
    name, wanted, status = deployment.metadata.name, deployment.spec.replicas, deployment.status
    if (status.observed_generation or 0) < deployment.metadata.generation:
        return f"{name}: the change has not been seen yet"
    updated, total, available = status.updated_replicas or 0, status.replicas or 0, status.available_replicas or 0
    if updated < wanted:
        return f"{name}: {updated} of {wanted} pods are new"
    if total > updated:
        return f"{name}: {total - updated} old pods still leave"
    if available < updated:
        return f"{name}: {available} of {updated} new pods are available"
    return ""


def stuck(deployment: Any) -> str:
    """What the Deployment's controller says when it has given up; empty before."""
    for condition in deployment.status.conditions or []:
        if condition.type == "Progressing" and condition.status == "False":
            return str(condition.message)
    return ""


def wait_until_rolled_out(stack: Stack, workload: str, seconds: float, say: Callable[[str], None]) -> None:
    """Return once every Deployment of the workload is rolled out. Raises OpsError when one is given up, or takes longer."""
    until, told = time.monotonic() + seconds, ""
    while True:
        deployments = deployments_of(stack, workload)
        waiting = [why for each in deployments if (why := unfinished(each))]
        if not waiting:
            return
        given_up = [why for each in deployments if unfinished(each) and (why := stuck(each))]
        if given_up or time.monotonic() > until:
            reasons = given_up or [f"not within {seconds:.0f} s", *waiting]
            raise OpsError(f"{workload} is not rolled out: {'; '.join(reasons)}")
        if waiting[0] != told:
            told = waiting[0]
            say(told)
        time.sleep(LOOK_SECONDS)
