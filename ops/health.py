"""`health`: whether the application is well, as its own readiness endpoint, its pods and what looks after them say."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from infra.workload_settings import MAINTENANCE_PAGE
from ops import trouble
from ops.command import Result, Session
from ops.errors import OpsError
from ops.stack import Stack
from ops.workload import LOOK_SECONDS, unfinished

ANSWER_SECONDS = 10.0

PATIENCE_SECONDS = 180.0
"""After an update: a new autoscaler has no figures before the second scrape of its pods (metrics-server asks every 15 s), and the
disruption budget counts behind."""


def health(session: Session) -> Result:
    """Say whether all is well; status 1 and the reasons when it is not. Changes nothing.

    Asked are: the workloads and their pods, the autoscaler, the disruption budget, jobs, and the public /readyz (not in a
    rehearsal, whose domain is nobody's).

    Examples: `python -m ops health --stack prod`, `python -m ops health --stack dev --rehearsed --json`
    """
    stack = session.stack
    document = look(stack)
    session.report.table(
        f"Deployments of {stack.namespace}",
        ["name", "ready"],
        [(name, f"{each['ready']} of {each['wanted']}") for name, each in document["deployments"].items()],
    )
    for line in document["notes"]:
        session.report.say(line)
    if document["reasons"]:
        lines = "\n".join(f"  {reason}" for reason in document["reasons"])
        raise OpsError(f"{stack.name} is not well:\n{lines}\nSee: python -m ops status --stack {stack.name}", document)
    session.report.say(f"{stack.name} is well")
    return document


def look(stack: Stack) -> dict[str, Any]:
    """What is found: `well`, the `reasons` why not, `notes` that keep nobody from working, and the `deployments`."""
    cluster, namespace = stack.cluster, stack.namespace
    deployments = cluster.apps.list_namespaced_deployment(namespace).items
    reasons = [
        *_deployments(deployments),
        *_stateful_sets(stack),
        *_pods(stack),
        *_jobs(stack),
        *_budgets(stack),
        *_public(stack),
    ]
    limited, notes = _autoscalers(stack)
    if any(each.metadata.name == MAINTENANCE_PAGE for each in deployments):
        notes.append(
            f"{MAINTENANCE_PAGE} answers in the application's place; end that by: python -m ops maintenance off"
        )
    return {
        "well": not (reasons or limited),
        "reasons": [*reasons, *limited],
        "notes": notes,
        "deployments": {
            each.metadata.name: {"wanted": each.spec.replicas, "ready": each.status.ready_replicas or 0}
            for each in deployments
        },
    }


def as_well_as_now(stack: Stack, seconds: float = PATIENCE_SECONDS) -> Callable[[], None]:
    """What to call after an update: it returns once nothing is wrong that is not wrong now already.

    An old job that failed is no reason to turn a release back. It raises OpsError with the new reasons after so many seconds.
    """
    known = {*look(stack)["reasons"]}

    def require() -> None:
        until = time.monotonic() + seconds
        while new := [reason for reason in look(stack)["reasons"] if reason not in known]:
            if time.monotonic() > until:
                raise OpsError(f"{stack.name} is not well after {seconds:.0f} s: {'; '.join(new)}")
            time.sleep(LOOK_SECONDS)

    return require


def _deployments(deployments: list[Any]) -> Iterator[str]:
    if not deployments:
        yield "there is no Deployment"
    for each in deployments:
        ready, wanted = each.status.ready_replicas or 0, each.spec.replicas
        if ready < wanted:
            yield f"Deployment {each.metadata.name}: {ready} of {wanted} pods are ready"
        elif why := unfinished(each):
            yield f"Deployment {why}"


def _stateful_sets(stack: Stack) -> Iterator[str]:
    sets = stack.cluster.apps.list_namespaced_stateful_set(stack.namespace)
    for each in sets.items:
        ready, wanted = each.status.ready_replicas or 0, each.spec.replicas
        if ready < wanted:
            yield f"StatefulSet {each.metadata.name}: {ready} of {wanted} pods are ready"


def _pods(stack: Stack) -> Iterator[str]:
    """Pods that will not become ready by themselves, and why."""
    for pod in stack.cluster.core.list_namespaced_pod(stack.namespace).items:
        yield from trouble.short(pod)


def _jobs(stack: Stack) -> Iterator[str]:
    for job in stack.cluster.batch.list_namespaced_job(stack.namespace).items:
        for condition in job.status.conditions or []:
            if condition.type == "Failed" and condition.status == "True":
                yield f"job {job.metadata.name} failed: {condition.message or condition.reason}"


def _budgets(stack: Stack) -> Iterator[str]:
    budgets = stack.cluster.policy.list_namespaced_pod_disruption_budget(stack.namespace)
    for each in budgets.items:
        status = each.status
        if (status.current_healthy or 0) < (status.desired_healthy or 0):
            yield (
                f"disruption budget {each.metadata.name}: {status.current_healthy} pods are healthy, "
                f"{status.desired_healthy} are promised"
            )


def _autoscalers(stack: Stack) -> tuple[list[str], list[str]]:
    """Those that can't work, and those at their limit."""
    reasons: list[str] = []
    notes: list[str] = []
    scalers = stack.cluster.autoscaling.list_namespaced_horizontal_pod_autoscaler(stack.namespace)
    for each in scalers.items:
        name, current, most = each.metadata.name, each.status.current_replicas or 0, each.spec.max_replicas
        reasons.extend(
            f"autoscaler {name}: {condition.message}"
            for condition in each.status.conditions or []
            if condition.type in ("AbleToScale", "ScalingActive") and condition.status == "False"
        )
        if current >= most > each.spec.min_replicas:
            notes.append(f"autoscaler {name} is at its most, {most} pods; raise it by: python -m ops scale --max")
    return reasons, notes


def _public(stack: Stack) -> Iterator[str]:
    """The way that people come. In a rehearsal the domain is nobody's, and nobody is asked."""
    url = stack.outputs.get("url")
    if stack.rehearsed or not url:
        return
    try:
        answer = httpx.get(f"{url}/readyz", timeout=ANSWER_SECONDS)
    except httpx.HTTPError as error:
        yield f"{url}/readyz does not answer: {error}"
        return
    if answer.status_code != httpx.codes.OK:
        yield f"{url}/readyz answers {answer.status_code}"
