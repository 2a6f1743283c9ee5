"""Jobs that must have finished before a new version serves: the database's user, then its schema."""

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

from infra.naming import object_labels, object_metadata
from infra.placement import ANY_NODE, Placement
from infra.pods import (
    ResourcesSettings,
    Runtime,
    container_security,
    environment,
    mounts,
    pod_security,
    volumes,
)

DEADLINE_SECONDS = 600
"""A job that takes longer has failed; the release stops and the old version goes on serving."""


class ReleaseJob(pulumi.ComponentResource):
    """A Job of one image that runs again for each new image and must succeed.

    Type token: `marlinspike:jobs:ReleaseJob`. A Job never changes: another image or environment makes a new one under a
    new name, and what depends on it waits until that has completed. A service account is made unless one is named.
    `workload` is the name by which network policies know its pods, unless that is the job's own.
    """

    job: kubernetes.batch.v1.Job

    def __init__(
        self,
        name: str,
        image: str,
        arguments: list[str],
        namespace: Input[str],
        runtime: Runtime,
        service_account: str | None = None,
        placement: Placement = ANY_NODE,
        kubernetes_token: bool = False,
        workload: str | None = None,
        depends_on: list[pulumi.Resource] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:jobs:ReleaseJob", name, {}, opts)
        before, labels = list(depends_on or []), object_labels(workload or name)
        if service_account is None:
            service_account = name
            before.append(
                kubernetes.core.v1.ServiceAccount(
                    f"{name}-account",
                    metadata=object_metadata(name, namespace),
                    automount_service_account_token=False,
                    opts=ResourceOptions(parent=self),
                )
            )
        pod: kubernetes.core.v1.PodSpecArgsDict = {
            "restart_policy": "Never",
            "service_account_name": service_account,
            "automount_service_account_token": kubernetes_token,
            "enable_service_links": False,
            "security_context": pod_security(),
            "volumes": volumes(runtime),
            "containers": [
                {
                    "name": name,
                    "image": image,
                    "image_pull_policy": "IfNotPresent",
                    "args": arguments,
                    "env": environment(runtime.environment),
                    "resources": ResourcesSettings().requirements(),
                    "security_context": container_security(),
                    "volume_mounts": mounts(runtime),
                }
            ],
        }
        self.job = kubernetes.batch.v1.Job(
            name,
            metadata={"namespace": namespace, "labels": labels},
            spec={
                "backoff_limit": 2,
                "active_deadline_seconds": DEADLINE_SECONDS,
                "template": {"metadata": {"labels": labels}, "spec": placement.applied_to(pod)},
            },
            opts=ResourceOptions(
                parent=self,
                depends_on=before,
                custom_timeouts=pulumi.CustomTimeouts(create="12m"),
            ),
        )
        self.register_outputs({})
