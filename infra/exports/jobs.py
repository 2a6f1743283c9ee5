"""The pods that make copies: two that run daily, and one that waits to be asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

from infra.exports import programs
from infra.exports.reading import rules
from infra.exports.settings import ExportsSettings
from infra.naming import PROJECT, object_labels, object_metadata
from infra.placement import ANY_NODE, Placement
from infra.pods import TEMPORARY_FOLDER, one_off_container, one_off_pod, scratch_volume
from infra.service_account import service_account

DUMP = "database-dump"
RESTORE = "database-restore"
OBJECTS = "objects-export"
ACCOUNTS = (DUMP, RESTORE, OBJECTS)
"""CronJobs and their service accounts."""

DAILY = (DUMP, OBJECTS)

RESTORE_HOURS = 12
"""After which a restore has failed."""

KEPT_JOBS = 3
"""Of each outcome: enough to see since when it fails."""

START_SECONDS = 3600
"""How late a dump may still begin, for example after an upgrade of the control plane."""

_SHARED = "exchange"


@dataclass(frozen=True)
class Told:
    """What the pods are told, by CronJob."""

    environment: Mapping[str, Mapping[str, Input[str]]]
    image: str
    """Of the application, which logs in and knows where copies are kept."""


class Exports(pulumi.ComponentResource):
    """CronJobs for the database's dump and for Kubernetes' objects, and one for the restore, which never begins by itself.

    Type token: `marlinspike:exports:Exports`. `ops db restore` makes a Job of that one: what a restore may do is written and
    judged with everything else. Each has a service account of its own; the export's has a token and a role that lists all kinds
    but Secrets.
    """

    def __init__(
        self,
        name: str,
        settings: ExportsSettings,
        told: Told,
        namespace: Input[str],
        placement: Placement = ANY_NODE,
        depends_on: Sequence[pulumi.Resource] = (),
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:exports:Exports", name, {}, opts)
        self._settings, self._told, self._namespace, self._placement = settings, told, namespace, placement
        accounts = {account: service_account(account, namespace, self) for account in ACCOUNTS}
        self._let_read()
        pods = {
            DUMP: self._pod_with_postgresql(DUMP, "app.exports.dump", programs.DUMP),
            OBJECTS: self._pod(OBJECTS, "app.exports.cluster"),
            RESTORE: self._pod_with_postgresql(RESTORE, "app.exports.restore", programs.RESTORE),
        }
        schedules = {DUMP: f"0 {settings.start_hour} * * *", OBJECTS: f"30 {settings.start_hour} * * *"}
        for account, pod in pods.items():
            hours = RESTORE_HOURS if account == RESTORE else settings.deadline_hours
            kubernetes.batch.v1.CronJob(
                account,
                metadata=object_metadata(account, namespace),
                spec=self._spec(account, pod, schedules.get(account), hours),
                opts=ResourceOptions(parent=self, depends_on=[*depends_on, accounts[account]]),
            )
        self.register_outputs({})

    def _spec(
        self, account: str, pod: kubernetes.core.v1.PodSpecArgsDict, schedule: str | None, hours: int
    ) -> kubernetes.batch.v1.CronJobSpecArgsDict:
        labels = object_labels(account)
        return {
            # One that waits to be asked for needs a schedule all the same: on no day that exists.
            "schedule": schedule or "0 0 31 2 *",
            "suspend": schedule is None,
            "time_zone": "Etc/UTC",
            "concurrency_policy": "Forbid",
            "starting_deadline_seconds": START_SECONDS,
            "successful_jobs_history_limit": KEPT_JOBS,
            "failed_jobs_history_limit": KEPT_JOBS,
            "job_template": {
                "metadata": {"labels": labels},
                "spec": {
                    "backoff_limit": 0 if account == RESTORE else 2,
                    "active_deadline_seconds": hours * 3600,
                    "template": {
                        "metadata": {
                            "labels": labels,
                            # Half a dump is none: its node stays until it is done.
                            "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
                        },
                        "spec": self._placement.applied_to(pod),
                    },
                },
            },
        }

    def _pod(self, account: str, module: str) -> kubernetes.core.v1.PodSpecArgsDict:
        """A pod of the application's image. Only the export of objects asks the Kubernetes API."""
        own = self._own_container(account, module)
        return one_off_pod(account, [own], [scratch_volume("tmp")], kubernetes_token=account == OBJECTS)

    def _pod_with_postgresql(self, account: str, module: str, program: str) -> kubernetes.core.v1.PodSpecArgsDict:
        """The same, with PostgreSQL's own programs in a second container, and a folder in memory between the two."""
        shared: kubernetes.core.v1.VolumeMountArgsDict = {"name": _SHARED, "mount_path": programs.EXCHANGE}
        where = {"EXPORTS_EXCHANGE": programs.EXCHANGE}
        own = self._own_container(account, module, where, shared)
        theirs = one_off_container("postgresql", self._settings.postgresql_image, where, [shared])
        theirs["command"] = ["sh", "-c", program]
        exchange: kubernetes.core.v1.VolumeArgsDict = {
            "name": _SHARED,
            "empty_dir": {"medium": "Memory", "size_limit": "16Mi"},
        }
        return one_off_pod(account, [own, theirs], [scratch_volume("tmp"), exchange])

    def _own_container(
        self,
        account: str,
        module: str,
        more: Mapping[str, str] | None = None,
        *mounts: kubernetes.core.v1.VolumeMountArgsDict,
    ) -> kubernetes.core.v1.ContainerArgsDict:
        told = {**self._told.environment[account], **(more or {})}
        temporary: kubernetes.core.v1.VolumeMountArgsDict = {"name": "tmp", "mount_path": TEMPORARY_FOLDER}
        return {
            **one_off_container(account, self._told.image, told, [temporary, *mounts]),
            "args": ["-m", module],
        }

    def _let_read(self) -> None:
        """The role of the export, for the whole cluster."""
        child, name = ResourceOptions(parent=self), f"{PROJECT}:{OBJECTS}"
        labels = object_labels(OBJECTS)
        kubernetes.rbac.v1.ClusterRole(
            f"{OBJECTS}-role", metadata={"name": name, "labels": labels}, rules=rules(), opts=child
        )
        kubernetes.rbac.v1.ClusterRoleBinding(
            f"{OBJECTS}-binding",
            metadata={"name": name, "labels": labels},
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            subjects=[{"kind": "ServiceAccount", "name": OBJECTS, "namespace": self._namespace}],
            opts=child,
        )
