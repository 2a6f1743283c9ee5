"""`db connect`: psql in a pod of its own, which goes when psql ends."""

import subprocess
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from app.exports.place import name_for
from infra.exports import programs
from ops.cluster import Cluster
from ops.command import Result, Session
from ops.db.pods import (
    EXCHANGE,
    EXCHANGE_VOLUME,
    LIFE_SECONDS,
    READY_SECONDS,
    Compose,
    client_image,
    conditions,
    executing,
    pod,
    status,
)
from ops.errors import OpsError


def db_connect(
    session: Session,
    command: Annotated[
        str | None, typer.Option("--command", "-c", help="Run this SQL and end; without it psql asks for more.")
    ] = None,
) -> Result:
    """Open psql on the database as the application's user, in a pod beside the application that is deleted at the end.

    On AWS it logs in with a token, which is made in the pod. What is typed there is yours: psql changes what it is told to.

    Examples: `python -m ops db connect --stack dev`,
    `python -m ops db connect --command "SELECT count(*) FROM quotes" --stack prod --confirm prod`
    """
    stack, report = session.stack, session.report
    name = f"psql-{name_for(datetime.now(tz=UTC))}"
    if session.would(f"make the pod {name} in {stack.namespace}, and run psql there"):
        return {"pod": name}
    if stack.protected:
        session.confirm("open psql, with the application's right to change everything,")
    with pod(stack.cluster, stack.namespace, name, _composing(client_image(stack.platform))):
        _wait_until_ready(stack.cluster, stack.namespace, name)
        report.say(f"pod {name} in {stack.namespace}")
        if stack.rehearsed:
            report.say("rehearsed: the pod is simulated, and there is no psql in it")
            return {"pod": name, "rehearsed": True}
        return {"pod": name, "status": _psql(stack.cluster, stack.namespace, name, command)}


def _composing(image: str) -> Compose:
    """The pod: as the migration's, which logs in first, and PostgreSQL's programs beside it."""

    def compose(spec: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
        where = {"name": "EXPORTS_EXCHANGE", "value": programs.EXCHANGE}
        files = {"PGSERVICEFILE": "pg_service.conf", "PGPASSFILE": "passwords", "PSQL_HISTORY": ".history"}
        login = {
            **own,
            "name": "login",
            "args": ["-m", "app.exports.login"],
            "env": [*own["env"], where],
            "volumeMounts": [*own["volumeMounts"], EXCHANGE],
        }
        psql = {
            "name": "psql",
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["sleep", str(LIFE_SECONDS)],
            "env": [
                {"name": "PGSERVICE", "value": "database"},
                *({"name": key, "value": f"{programs.EXCHANGE}/{file}"} for key, file in files.items()),
            ],
            "resources": own["resources"],
            "securityContext": own["securityContext"],
            "volumeMounts": [EXCHANGE],
        }
        return {"initContainers": [login], "containers": [psql], "volumes": [*spec["volumes"], EXCHANGE_VOLUME]}

    return compose


def _wait_until_ready(cluster: Cluster, namespace: str, name: str) -> None:
    until = time.monotonic() + READY_SECONDS
    while True:
        found = status(cluster, namespace, name)
        ready = [each for each in found.conditions or [] if each.type == "Ready" and each.status == "True"]
        if found.phase == "Running" and ready:
            return
        if found.phase == "Failed" or time.monotonic() > until:
            raise OpsError(
                f"the pod {name} is {found.phase}, and was not ready in {READY_SECONDS:.0f} s. {conditions(found)}"
            )
        time.sleep(0.5)


def _psql(cluster: Cluster, namespace: str, name: str, sql: str | None) -> int:
    """Run psql there, with this terminal; returns its status."""
    terminal = [] if sql else ["--stdin", "--tty"]
    words = ["--set", "ON_ERROR_STOP=1", "--command", sql] if sql else []
    with executing(cluster, namespace, name, "psql", *terminal) as kubectl:
        try:
            ended = subprocess.run([*kubectl, "psql", *words], check=False).returncode
        except FileNotFoundError:
            raise OpsError("there is no kubectl on PATH; install it (kubernetes.io, 'Install Tools')") from None
    if ended:
        raise OpsError(f"psql ended with status {ended}")
    return ended
