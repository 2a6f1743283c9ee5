"""`health`: whether the application is well, as its own readiness endpoint and its pods say."""

from ops.cluster import TIMEOUT_SECONDS, Unreachable
from ops.command import Result, Session
from ops.errors import OpsError

APPLICATION = "app.kubernetes.io/name=app"


def health(session: Session) -> Result:
    """Say whether every wanted pod of the application is ready; status 1 when it isn't. Changes nothing."""
    stack = session.stack
    try:
        deployments = stack.cluster.apps.list_namespaced_deployment(
            stack.namespace, _request_timeout=TIMEOUT_SECONDS
        ).items
    except Unreachable as error:
        raise OpsError(f"the cluster of {stack.name} doesn't answer: {error}") from None
    found = {
        each.metadata.name: {"wanted": each.spec.replicas, "ready": each.status.ready_replicas or 0}
        for each in deployments
    }
    session.report.table(
        f"Deployments of {stack.namespace}",
        ["name", "ready"],
        [(name, f"{each['ready']} of {each['wanted']}") for name, each in found.items()],
    )
    short = [name for name, each in found.items() if each["ready"] < each["wanted"]]
    if short or not found:
        raise OpsError(
            f"not well: {', '.join(short) or 'there is no Deployment'}; see: python -m ops status --stack {stack.name}"
        )
    return {"deployments": found}
