"""Jobs that must have finished before a new version serves: the database's user, then its schema."""

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

from infra import service_account as accounts
from infra.naming import object_labels
from infra.placement import ANY_NODE, Placement
from infra.pods import Runtime, mounts, one_off_container, one_off_pod, volumes

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
            before.append(accounts.service_account(name, namespace, self))
        container = one_off_container(name, image, runtime.environment, mounts(runtime))
        container["args"] = arguments
        pod = one_off_pod(service_account, [container], volumes(runtime), kubernetes_token=kubernetes_token)
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
