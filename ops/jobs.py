"""Runs a Job of a CronJob's template now, as `kubectl create job --from` does, and tells what its pod says."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from kubernetes.client.exceptions import ApiException

from ops.cluster import Cluster, Unreachable, reason
from ops.errors import OpsError
from ops.trouble import log_of, short

KEPT_SECONDS = 24 * 3600
"""How long the Job and its log stay after its end."""

POLL_SECONDS = 2.0

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
        cluster.batch.create_namespaced_job(namespace, job)
    except Unreachable as error:
        raise OpsError(f"the Job {name} can't be made: {reason(error)}") from None
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
        found = cluster.batch.read_namespaced_cron_job(cron_job, namespace)
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
            namespace, label_selector=f"app.kubernetes.io/name={cron_job}"
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
    told, complained = 0, ""
    while True:
        try:
            status = cluster.batch.read_namespaced_job_status(name, namespace).status
        except Unreachable as error:
            say(f"the cluster doesn't answer, asked again: {reason(error)}")
            time.sleep(poll_seconds)
            continue
        lines = _log(cluster, namespace, name)[0].splitlines()
        for line in lines[told:]:
            say(line)
        told = max(told, len(lines))
        complaint = "; ".join(_complaints(cluster, namespace, name))
        if complaint not in ("", complained):
            say(complaint)
            complained = complaint
        for condition in status.conditions or []:
            if condition.status == "True" and condition.type == "Complete":
                return
            if condition.status == "True" and condition.type == "Failed":
                logs = "\n".join(log for log in _log(cluster, namespace, name) if log)
                raise OpsError(f"Job {name} failed: {condition.message}\n{logs}".rstrip())
        time.sleep(poll_seconds)


def _newest_pod(cluster: Cluster, namespace: str, job: str) -> list[Any]:
    """The Job's newest pod; none where there is none yet, or nobody says."""
    try:
        pods = cluster.core.list_namespaced_pod(namespace, label_selector=f"batch.kubernetes.io/job-name={job}").items
    except Unreachable:
        return []
    return sorted(pods, key=lambda pod: pod.metadata.creation_timestamp)[-1:]


def _complaints(cluster: Cluster, namespace: str, job: str) -> list[str]:
    """Why the Job's pod does not begin by itself."""
    return [line for pod in _newest_pod(cluster, namespace, job) for line in short(pod)]


def _log(cluster: Cluster, namespace: str, job: str) -> list[str]:
    """The end of what each container of the Job's newest pod has written."""
    return [
        log_of(cluster, namespace, pod.metadata.name, container.name)
        for pod in _newest_pod(cluster, namespace, job)
        for container in pod.spec.containers
    ] or [""]
