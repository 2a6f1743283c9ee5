"""Runs a Job of a CronJob's template now, as `kubectl create job --from` does, and tells what its pod says."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from kubernetes.client.exceptions import ApiException

from ops.cluster import TIMEOUT_SECONDS, Cluster, Unreachable
from ops.errors import OpsError

KEPT_SECONDS = 24 * 3600
"""How long the Job and its log stay after its end."""

POLL_SECONDS = 2.0
TOLD_LINES = 20
"""Of each container's log, when it failed."""

NOT_FOUND = 404


def run(
    cluster: Cluster,
    namespace: str,
    cron_job: str,
    name: str,
    environment: Mapping[str, str],
    say: Callable[[str], None],
    poll_seconds: float = POLL_SECONDS,
) -> str:
    """Run it to its end; returns the log of its first container, empty where there is no kubelet that has one.

    `environment` is added to that container. The Job is deleted when whoever waits for it goes away, so that nothing goes on
    unseen. Raises OpsError where there is no such CronJob, where another Job of it runs, and with the log where it fails.
    """
    try:
        job = _job(cluster, namespace, cron_job, name, environment)
        cluster.batch.create_namespaced_job(namespace, job, _request_timeout=TIMEOUT_SECONDS)
    except Unreachable as error:
        raise OpsError(f"the Job {name} can't be made: {_words(error)}") from None
    ended = False
    try:
        say(f"Job {name} runs in {namespace}")
        _wait(cluster, namespace, name, say, poll_seconds)
        ended = True
        return _log(cluster, namespace, name)[0]
    except OpsError:
        ended = True
        raise
    finally:
        if not ended:
            cluster.batch.delete_namespaced_job(name, namespace, propagation_policy="Foreground")


def _job(cluster: Cluster, namespace: str, cron_job: str, name: str, environment: Mapping[str, str]) -> dict[str, Any]:
    try:
        found = cluster.batch.read_namespaced_cron_job(cron_job, namespace, _request_timeout=TIMEOUT_SECONDS)
    except ApiException as error:
        if error.status != NOT_FOUND:
            raise
        raise OpsError(
            f"there is no CronJob {cron_job}: the stack makes no copies. Add section exports to its file, as docs/settings.md "
            "says, and run pulumi up"
        ) from None
    running = [
        each.metadata.name
        for each in cluster.batch.list_namespaced_job(
            namespace, label_selector=f"app.kubernetes.io/name={cron_job}", _request_timeout=TIMEOUT_SECONDS
        ).items
        if each.status.active
    ]
    if running:
        raise OpsError(f"{running[0]} runs already; wait for its end, or delete it: kubectl delete job {running[0]}")
    template: dict[str, Any] = cluster.api.sanitize_for_serialization(found.spec.job_template)
    container = template["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [
        *(each for each in container.get("env", []) if each["name"] not in environment),
        *({"name": key, "value": value} for key, value in environment.items()),
    ]
    # The name of the copy is given: a second attempt would find it taken.
    spec = {**template["spec"], "backoffLimit": 0, "ttlSecondsAfterFinished": KEPT_SECONDS}
    metadata = template.get("metadata", {})
    return {
        "metadata": {
            "name": name,
            "labels": metadata.get("labels", {}),
            "annotations": {**metadata.get("annotations", {}), "cronjob.kubernetes.io/instantiate": "manual"},
        },
        "spec": spec,
    }


def _wait(cluster: Cluster, namespace: str, name: str, say: Callable[[str], None], poll_seconds: float) -> None:
    told = 0
    while True:
        try:
            status = cluster.batch.read_namespaced_job_status(name, namespace, _request_timeout=TIMEOUT_SECONDS).status
        except Unreachable as error:
            say(f"the cluster doesn't answer, asked again: {_words(error)}")
            time.sleep(poll_seconds)
            continue
        lines = _log(cluster, namespace, name)[0].splitlines()
        for line in lines[told:]:
            say(line)
        told = max(told, len(lines))
        for condition in status.conditions or []:
            if condition.status == "True" and condition.type == "Complete":
                return
            if condition.status == "True" and condition.type == "Failed":
                logs = "\n".join(log for log in _log(cluster, namespace, name) if log)
                raise OpsError(f"Job {name} failed: {condition.message}\n{logs}".rstrip())
        time.sleep(poll_seconds)


def _log(cluster: Cluster, namespace: str, job: str) -> list[str]:
    """The end of what each container of the Job's newest pod has written."""
    try:
        pods = cluster.core.list_namespaced_pod(
            namespace, label_selector=f"batch.kubernetes.io/job-name={job}", _request_timeout=TIMEOUT_SECONDS
        ).items
        if not pods:
            return [""]
        newest = max(pods, key=lambda pod: pod.metadata.creation_timestamp)
        return [
            written(cluster, namespace, newest.metadata.name, container.name) for container in newest.spec.containers
        ]
    except Unreachable:
        return [""]


def written(cluster: Cluster, namespace: str, pod: str, container: str) -> str:
    """The end of a container's log; nothing where there is none yet."""
    try:
        # The client takes text for a document: one line of JSON becomes Python's way to write it, everything else `b'...'`.
        answer = cluster.core.read_namespaced_pod_log(
            pod,
            namespace,
            container=container,
            tail_lines=TOLD_LINES * 10,
            _preload_content=False,
            _request_timeout=TIMEOUT_SECONDS,
        )
    except Unreachable:
        return ""  # not started yet, or a simulated node: it has no kubelet
    return bytes(answer.data).decode(errors="replace")


def _words(error: Exception) -> str:
    return f"{error.status} {error.reason}: {error.body}" if isinstance(error, ApiException) else str(error)
