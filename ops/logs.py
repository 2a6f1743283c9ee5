"""`logs`: what all pods said, events and descriptions, in one archive without secrets, to be read elsewhere and passed on."""

import base64
import io
import re
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from ops.cluster import Unreachable, reason
from ops.command import Result, Session
from ops.errors import OpsError
from ops.redaction import Redaction, is_secret
from ops.trouble import containers, when_of

UNITS = {"m": 60, "h": 3600, "d": 86400}

MOST_BYTES = 10_000_000
"""Of one container: the oldest lines beyond are left out by the API server."""


def logs(
    session: Session,
    since: Annotated[str, typer.Option(help="How far back: 30m, 2h, 1d.")] = "2h",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The archive; else in out/<stack>/.")] = None,
    namespace: Annotated[
        list[str] | None,
        typer.Option("--namespace", "-n", help="Besides the application's; may be said more than once."),
    ] = None,
) -> Result:
    """Collect the logs of all pods (before a container's restart too), events and descriptions into one .tar.gz.

    Passwords, tokens, authorization headers, addresses with passwords, and the values of the namespace's Secrets are replaced by
    ***; the Secrets themselves are not in it. Look through it all the same before you pass it on. Changes nothing.

    Examples: `python -m ops logs --stack prod --since 30m`,
    `python -m ops logs --stack prod --namespace monitoring --namespace kube-system -o /tmp/prod.tar.gz`
    """
    seconds, stack = seconds_of(since), session.stack
    now = datetime.now(UTC)
    name = f"logs-{stack.name}-{now:%Y%m%dT%H%M%SZ}"
    target = output or stack.folder / "out" / stack.name / f"{name}.tar.gz"
    namespaces = list(dict.fromkeys([stack.namespace, *(namespace or [])]))
    if session.would(f"collect the logs of the last {since} of {', '.join(namespaces)} into {target}"):
        return {"archive": str(target), "files": []}
    collection = _Collection(session, seconds)
    files = [entry for each in namespaces for entry in collection.of(each)]
    write(target, name, [*files, ("about.txt", collection.about(since, now))], now.timestamp())
    session.report.say(f"{len(files)} files, {target.stat().st_size / 1e6:.1f} MB: {target}")
    for fault in collection.faults:
        session.report.say(f"left out: {fault}")
    return {"archive": str(target), "files": [path for path, _ in files], "left_out": collection.faults}


def seconds_of(since: str) -> int:
    """`30m` is 1800. Raises OpsError."""
    if not re.fullmatch(r"[1-9][0-9]*[mhd]", since):
        raise OpsError(f"--since {since}: write a number and m, h or d, as in 30m, 2h, 1d")
    return int(since[:-1]) * UNITS[since[-1]]


def write(target: Path, folder: str, files: list[tuple[str, str]], when: float) -> None:
    """The archive, readable by its owner only; it appears as a whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        unfinished.touch(0o600)
        with tarfile.open(unfinished, "w:gz") as archive:
            for path, text in files:
                content = text.encode()
                entry = tarfile.TarInfo(f"{folder}/{path}")
                entry.size, entry.mtime, entry.mode = len(content), int(when), 0o600
                archive.addfile(entry, io.BytesIO(content))
        unfinished.rename(target)
    finally:
        unfinished.unlink(missing_ok=True)


class _Collection:
    """What is read from a cluster, one namespace after the other."""

    def __init__(self, session: Session, seconds: int) -> None:
        self._cluster, self._say, self._seconds = session.stack.cluster, session.report.say, seconds
        self.faults: list[str] = []
        """What could not be read, and why."""

    def of(self, namespace: str) -> list[tuple[str, str]]:
        """Path in the archive, and content."""
        pods = self._cluster.core.list_namespaced_pod(namespace).items
        self._redaction = Redaction([*self._secrets(namespace), *_telling_values(pods)])
        self._say(f"reading {len(pods)} pods of {namespace}")
        files = [(f"{namespace}/events.txt", self._events(namespace))]
        files += [(f"{namespace}/{kind}.yaml", text) for kind, text in self._descriptions(namespace)]
        for pod in pods:
            files += [(f"{namespace}/pods/{pod.metadata.name}/{file}", text) for file, text in self._logs(pod)]
        return files

    def about(self, since: str, now: datetime) -> str:
        """What the archive is, and what is not in it."""
        left_out = "\n".join(f"  {fault}" for fault in self.faults) or "  nothing"
        return (
            f"Logs of the last {since} before {now:%Y-%m-%d %H:%M:%S} UTC, at most {MOST_BYTES} bytes a container.\n"
            f"Secrets were replaced by ***. What could not be read:\n{left_out}\n"
        )

    def _secrets(self, namespace: str) -> Iterator[str]:
        try:
            found = self._cluster.core.list_namespaced_secret(namespace).items
        except Unreachable as error:
            self.faults.append(f"values of the Secrets of {namespace}, to look for them in the logs: {reason(error)}")
            return
        for secret in found:
            for value in (secret.data or {}).values():
                yield base64.b64decode(value).decode(errors="replace")
                yield value  # as it is written in the object

    def _logs(self, pod: Any) -> Iterator[tuple[str, str]]:
        for state in containers(pod):
            yield f"{state.name}.log", self._log(pod, state.name, previous=False)
            if state.restart_count:
                yield f"{state.name}.previous.log", self._log(pod, state.name, previous=True)

    def _log(self, pod: Any, container: str, *, previous: bool) -> str:
        since = {} if previous else {"since_seconds": self._seconds}  # why it ended matters, however long ago
        try:
            answer = self._cluster.core.read_namespaced_pod_log(
                pod.metadata.name,
                pod.metadata.namespace,
                container=container,
                previous=previous,
                timestamps=True,
                limit_bytes=MOST_BYTES,
                _preload_content=False,
                **since,
            )
        except Unreachable as error:
            which = "the container before the restart" if previous else "container"
            fault = f"{which} {container} of {pod.metadata.namespace}/{pod.metadata.name}: {reason(error)}"
            self.faults.append(fault)
            return f"could not be read: {reason(error)}\n"
        return self._redaction.text(answer.data.decode(errors="replace"))

    def _events(self, namespace: str) -> str:
        events = self._cluster.core.list_namespaced_event(namespace).items
        found = sorted(events, key=when_of)
        return "".join(
            f"{when_of(event)} {event.type} {event.reason} {event.involved_object.kind}/{event.involved_object.name} "
            f"(x{event.count or 1}): {self._redaction.text(event.message or '')}\n"
            for event in found
        )

    def _descriptions(self, namespace: str) -> Iterator[tuple[str, str]]:
        cluster = self._cluster
        kinds = {
            "pods": cluster.core.list_namespaced_pod,
            "services": cluster.core.list_namespaced_service,
            "config-maps": cluster.core.list_namespaced_config_map,
            "volume-claims": cluster.core.list_namespaced_persistent_volume_claim,
            "quotas": cluster.core.list_namespaced_resource_quota,
            "deployments": cluster.apps.list_namespaced_deployment,
            "replica-sets": cluster.apps.list_namespaced_replica_set,
            "stateful-sets": cluster.apps.list_namespaced_stateful_set,
            "daemon-sets": cluster.apps.list_namespaced_daemon_set,
            "jobs": cluster.batch.list_namespaced_job,
            "autoscalers": cluster.autoscaling.list_namespaced_horizontal_pod_autoscaler,
            "disruption-budgets": cluster.policy.list_namespaced_pod_disruption_budget,
        }
        for kind, listed in kinds.items():
            try:
                found = listed(namespace).items
            except Unreachable as error:
                self.faults.append(f"{kind} of {namespace}: {reason(error)}")
                continue
            yield kind, yaml.safe_dump_all([self._redaction.document(self._plain(each)) for each in found])

    def _plain(self, item: Any) -> dict[str, Any]:
        content: dict[str, Any] = self._cluster.api.sanitize_for_serialization(item)
        content["metadata"].pop("managedFields", None)
        # Holds the whole object once more, as text.
        (content["metadata"].get("annotations") or {}).pop("kubectl.kubernetes.io/last-applied-configuration", None)
        return content


def _telling_values(pods: list[Any]) -> Iterator[str]:
    """Values of variables that are named like secrets: nobody should write them so, and somebody will."""
    for pod in pods:
        for container in [*(pod.spec.init_containers or []), *pod.spec.containers]:
            for variable in container.env or []:
                if variable.value and is_secret(variable.name):
                    yield variable.value
