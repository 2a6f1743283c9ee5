"""`restart`: new pods of what runs, one after the other, as `kubectl rollout restart` makes them."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ops import trouble
from ops.command import Result, Session
from ops.errors import OpsError
from ops.workload import APPLICATION, deployments_of, wait_until_rolled_out

ANNOTATION = "kubectl.kubernetes.io/restartedAt"
"""On the pods' template, as kubectl writes it: another value is another revision."""


def restart(
    session: Session,
    workload: Annotated[str, typer.Argument(help="Whose pods; `app`, or one of section workloads.")] = APPLICATION,
    wait: Annotated[
        int, typer.Option("--wait", min=1, help="Seconds until it is given up, and turned back to the pods of before.")
    ] = 600,
) -> Result:
    """Replace the pods of a workload by new ones, never fewer than before, and wait until all are ready.

    Talks to the cluster; settings stay as they are. Refused while the workload has fewer healthy pods than its disruption budget
    promises: first see why.

    Examples: `python -m ops restart --stack dev --yes`, `python -m ops restart reports --stack prod --confirm prod`
    """
    stack = session.stack
    deployments = deployments_of(stack, workload)
    names = [each.metadata.name for each in deployments]
    for each in deployments:
        _require_an_order(each)
    _require_the_budget(session, deployments)
    pods = sum(each.spec.replicas for each in deployments)
    deed = f"replace the {pods} pods of {', '.join(names)} one after the other"
    if session.would(deed):
        return {"workload": workload, "deployments": names, "restarted": False}
    session.confirm(deed)
    before = {
        each.metadata.name: (each.spec.template.metadata.annotations or {}).get(ANNOTATION) for each in deployments
    }
    now = datetime.now(UTC).isoformat(timespec="seconds")
    why = trouble.since_now(stack)
    _annotate(session, dict.fromkeys(names, now))
    try:
        wait_until_rolled_out(stack, workload, wait, session.report.say)
    except OpsError as error:
        reasons = why()
        _annotate(session, before)
        raise OpsError(
            f"{error}{reasons}\nTurned back: the pods of before, which never stopped serving, stay."
        ) from None
    session.report.say(f"{workload} runs on new pods")
    return {"workload": workload, "deployments": names, "restarted": True, "at": now}


def _annotate(session: Session, values: dict[str, str | None]) -> None:
    for name, value in values.items():
        body = {"spec": {"template": {"metadata": {"annotations": {ANNOTATION: value}}}}}
        session.stack.cluster.apps.patch_namespaced_deployment(name, session.stack.namespace, body)


def _require_an_order(deployment: Any) -> None:
    rolling = deployment.spec.strategy.rolling_update
    if rolling is None or rolling.max_unavailable not in (0, "0", "0%"):
        raise OpsError(
            f"Deployment {deployment.metadata.name} takes pods away before there are new ones (its strategy is not the "
            "platform's maxUnavailable 0): run pulumi up, which puts that right, and repeat"
        )


def _require_the_budget(session: Session, deployments: list[Any]) -> None:
    """Below its budget a workload is in trouble already, and new pods would meet the same."""
    stack = session.stack
    found = stack.cluster.policy.list_namespaced_pod_disruption_budget(stack.namespace)
    for budget in found.items:
        selector = (budget.spec.selector.match_labels or {}).items()
        covered = any(selector <= (each.spec.template.metadata.labels or {}).items() for each in deployments)
        healthy, promised = budget.status.current_healthy or 0, budget.status.desired_healthy or 0
        if covered and healthy < promised:
            raise OpsError(
                f"disruption budget {budget.metadata.name} promises {promised} healthy pods and {healthy} are: a restart would "
                f"hide the reason. See it first: python -m ops health --stack {stack.name}. Nothing was done."
            )
