"""A pod of a command's own beside the application: it reaches the database as migrations do, and goes when the command ends.

Pods of the migration reach the database and nothing else; one with their labels and service account may do just that.
"""

import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

import yaml

from infra import versions
from infra.exports import programs
from ops.cluster import Cluster, Unreachable, reason
from ops.errors import OpsError
from stacks.names import MIGRATE
from stacks.settings import AwsSettings, LocalSettings

LIFE_SECONDS = 4 * 3600
"""After which Kubernetes ends the pod, whatever became of whoever asked for it."""

READY_SECONDS = 180.0
"""For two images to be pulled."""

EXCHANGE = {"name": "exchange", "mountPath": programs.EXCHANGE}
EXCHANGE_VOLUME = {"name": "exchange", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}}
"""The folder by which PostgreSQL's programs log in (app/exports/exchange.py)."""

READ_BYTES = 1024 * 1024

Compose = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]
"""Makes what differs of a pod's specification: of the migration's own, and of its only container."""


def client_image(settings: AwsSettings | LocalSettings) -> str:
    """With PostgreSQL's programs, of the server's version: on AWS that of the dumps, else the server's own, which a node has."""
    if isinstance(settings, AwsSettings):
        return settings.exports.postgresql_image if settings.exports else versions.POSTGRESQL_CLIENT_IMAGE
    operated = versions.CLOUDNATIVE_PG_IMAGE if settings.database.operator else versions.POSTGRESQL_IMAGE
    return settings.database.image or operated


@contextmanager
def pod(cluster: Cluster, namespace: str, name: str, compose: Compose) -> Iterator[None]:
    """A pod that is there within, and gone after it, also on Ctrl-C. Raises OpsError where it can't be made."""
    try:
        jobs = cluster.batch.list_namespaced_job(namespace, label_selector=f"app.kubernetes.io/name={MIGRATE}").items
        if not jobs:
            raise OpsError(
                f"there is no Job {MIGRATE} in {namespace}, of which the pod {name} would be made; bring the stack up first"
            )
        newest = max(jobs, key=lambda job: job.metadata.creation_timestamp)
        body = _composed(cluster.api.sanitize_for_serialization(newest), name, compose)
        cluster.core.create_namespaced_pod(namespace, body)
    except Unreachable as error:
        raise OpsError(f"the pod can't be made: {reason(error)}") from None
    try:
        yield
    finally:
        with suppress(*Unreachable):
            cluster.core.delete_namespaced_pod(name, namespace, grace_period_seconds=0)


def _composed(job: dict[str, Any], name: str, compose: Compose) -> dict[str, Any]:
    template = job["spec"]["template"]
    spec: dict[str, Any] = template["spec"]
    [own] = spec["containers"]
    labels = {
        key: value for key, value in template["metadata"]["labels"].items() if key.startswith("app.kubernetes.io")
    }
    lifetime = {"activeDeadlineSeconds": LIFE_SECONDS, "terminationGracePeriodSeconds": 0}
    return {"metadata": {"name": name, "labels": labels}, "spec": {**spec, **lifetime, **compose(spec, own)}}


def status(cluster: Cluster, namespace: str, name: str) -> Any:
    """What Kubernetes says of the pod. Raises OpsError where it says nothing."""
    try:
        return cluster.core.read_namespaced_pod_status(name, namespace).status
    except Unreachable as error:
        raise OpsError(f"the pod {name} can't be seen: {reason(error)}") from None


def conditions(found: Any) -> str:
    """In words, what keeps a pod from running."""
    return "; ".join(f"{each.type}: {each.message}" for each in found.conditions or [] if each.message) or (
        found.message or ""
    )


@contextmanager
def executing(cluster: Cluster, namespace: str, name: str, container: str, *options: str) -> Iterator[list[str]]:
    """The words of `kubectl exec` up to its `--`; a file that they name may be there within only."""
    with tempfile.TemporaryDirectory() as folder:
        reach = [*cluster.kubectl]
        if cluster.kubeconfig:
            file = Path(folder) / "kubeconfig"
            file.touch(0o600)
            file.write_text(yaml.safe_dump(cluster.kubeconfig))
            reach = ["--kubeconfig", str(file)]
        exec_ = ["exec", "--namespace", namespace, name, "--container", container, *options, "--"]
        yield ["kubectl", *reach, *exec_]


def received(words: list[str]) -> Iterator[bytes]:
    """What a command in a pod writes. Raises OpsError at its end unless it has succeeded."""
    with _started(words, stdout=subprocess.PIPE) as process:
        pipe = cast(IO[bytes], process.stdout)
        while chunk := pipe.read(READ_BYTES):
            yield chunk
        _succeeded(process)


def sent(words: list[str], chunks: Iterable[bytes]) -> None:
    """Let a command in a pod read this. Raises OpsError unless it has succeeded."""
    with _started(words, stdin=subprocess.PIPE) as process:
        pipe = cast(IO[bytes], process.stdin)
        with suppress(BrokenPipeError):  # the command has failed: its status says so
            pipe.writelines(chunks)
            pipe.close()
        _succeeded(process)


@contextmanager
def _started(words: list[str], **pipes: int) -> Iterator["subprocess.Popen[bytes]"]:
    try:
        process = subprocess.Popen(words, stderr=subprocess.PIPE, **pipes)  # type: ignore[call-overload]
    except FileNotFoundError:
        raise OpsError("there is no kubectl on PATH; install it (kubernetes.io, 'Install Tools')") from None
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()


def _succeeded(process: "subprocess.Popen[bytes]") -> None:
    said = cast(IO[bytes], process.stderr).read().decode(errors="replace").strip()
    if process.wait():
        raise OpsError(f"kubectl exec failed with status {process.returncode}: {said}")
