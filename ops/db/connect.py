"""`db connect`: psql in a pod of its own, which goes when psql ends."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from app.exports.place import name_for
from infra import versions
from infra.exports import programs
from ops.cluster import TIMEOUT_SECONDS, Cluster, Unreachable
from ops.command import Result, Session
from ops.errors import OpsError

MIGRATE = "database-migrate"
"""Its pods reach the database and nothing else; a pod with its labels and service account may do just that."""

LIFE_SECONDS = 4 * 3600
"""After which Kubernetes ends the pod, whatever became of whoever asked for it."""

READY_SECONDS = 180.0
"""For two images to be pulled."""


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
    with _pod(stack.cluster, stack.namespace, name):
        report.say(f"pod {name} in {stack.namespace}")
        if stack.rehearsed:
            report.say("rehearsed: the pod is simulated, and there is no psql in it")
            return {"pod": name, "rehearsed": True}
        return {"pod": name, "status": _psql(stack.cluster, stack.namespace, name, command)}


@contextmanager
def _pod(cluster: Cluster, namespace: str, name: str) -> Iterator[None]:
    """A pod that is ready within, and gone after it, also on Ctrl-C. Raises OpsError where it doesn't come up."""
    try:
        jobs = cluster.batch.list_namespaced_job(
            namespace, label_selector=f"app.kubernetes.io/name={MIGRATE}", _request_timeout=TIMEOUT_SECONDS
        ).items
        if not jobs:
            raise OpsError(
                f"there is no Job {MIGRATE} in {namespace}, of which psql's pod would be made; bring the stack up first"
            )
        newest = max(jobs, key=lambda job: job.metadata.creation_timestamp)
        cluster.core.create_namespaced_pod(
            namespace, pod_of(cluster.api.sanitize_for_serialization(newest), name), _request_timeout=TIMEOUT_SECONDS
        )
    except Unreachable as error:
        raise OpsError(f"the pod can't be made: {error}") from None
    try:
        _wait_until_ready(cluster, namespace, name)
        yield
    finally:
        with suppress(*Unreachable):
            cluster.core.delete_namespaced_pod(name, namespace, grace_period_seconds=0)


def pod_of(job: dict[str, Any], name: str) -> dict[str, Any]:
    """The pod: as the migration's, which logs in first, and PostgreSQL's programs beside it."""
    template = job["spec"]["template"]
    spec: dict[str, Any] = template["spec"]
    [own] = spec["containers"]
    shared = {"name": "exchange", "mountPath": programs.EXCHANGE}
    where = {"name": "EXPORTS_EXCHANGE", "value": programs.EXCHANGE}
    files = {"PGSERVICEFILE": "pg_service.conf", "PGPASSFILE": "passwords", "PSQL_HISTORY": ".history"}
    login = {
        **own,
        "name": "login",
        "args": ["-m", "app.exports.login"],
        "env": [*own["env"], where],
        "volumeMounts": [*own["volumeMounts"], shared],
    }
    psql = {
        "name": "psql",
        "image": versions.POSTGRESQL_CLIENT_IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sleep", str(LIFE_SECONDS)],
        "env": [
            {"name": "PGSERVICE", "value": "database"},
            *({"name": key, "value": f"{programs.EXCHANGE}/{file}"} for key, file in files.items()),
        ],
        "resources": own["resources"],
        "securityContext": own["securityContext"],
        "volumeMounts": [shared],
    }
    labels = {
        key: value for key, value in template["metadata"]["labels"].items() if key.startswith("app.kubernetes.io")
    }
    memory = {"name": "exchange", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {
            **spec,
            "activeDeadlineSeconds": LIFE_SECONDS,
            "terminationGracePeriodSeconds": 0,
            "initContainers": [login],
            "containers": [psql],
            "volumes": [*spec["volumes"], memory],
        },
    }


def _wait_until_ready(cluster: Cluster, namespace: str, name: str) -> None:
    until = time.monotonic() + READY_SECONDS
    while True:
        try:
            status = cluster.core.read_namespaced_pod_status(name, namespace, _request_timeout=TIMEOUT_SECONDS).status
        except Unreachable as error:
            raise OpsError(f"the pod {name} can't be seen: {error}") from None
        ready = [each for each in status.conditions or [] if each.type == "Ready" and each.status == "True"]
        if status.phase == "Running" and ready:
            return
        if status.phase == "Failed" or time.monotonic() > until:
            words = "; ".join(f"{each.type}: {each.message}" for each in status.conditions or [] if each.message)
            raise OpsError(f"the pod {name} is {status.phase}, and was not ready in {READY_SECONDS:.0f} s. {words}")
        time.sleep(0.5)


def _psql(cluster: Cluster, namespace: str, pod: str, sql: str | None) -> int:
    """Run psql there, with this terminal; returns its status."""
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = Path(folder) / "kubeconfig"
        kubeconfig.touch(0o600)
        kubeconfig.write_text(yaml.safe_dump(cluster.kubeconfig))
        words = [
            "kubectl",
            "--kubeconfig",
            str(kubeconfig),
            "exec",
            "--namespace",
            namespace,
            pod,
            "--container",
            "psql",
        ]
        words += (
            ["--", "psql", "--set", "ON_ERROR_STOP=1", "--command", sql] if sql else ["--stdin", "--tty", "--", "psql"]
        )
        try:
            status = subprocess.run(words, check=False).returncode
        except FileNotFoundError:
            raise OpsError("there is no kubectl on PATH; install it (kubernetes.io, 'Install Tools')") from None
    if status:
        raise OpsError(f"psql ended with status {status}")
    return status
