"""What every pod of the platform has in common: no privileges, a read-only disk, secrets as files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi_kubernetes as kubernetes
from pulumi import Input
from pydantic import model_validator

from infra.settings import Mebibytes, Millicores, Section, mebibytes, millicores

USER_ID = 10001
"""Of the application's image. Scanners ask for 10,000 and above, clear of the host's users."""

SECRETS_FOLDER = "/var/run/secrets/marlinspike"

SECRET_KEY = "value"  # noqa: S105 - the name of a key
"""The one key of a Secret that comes from a store outside (infra/secret_store.py)."""

TEMPORARY_FOLDER = "/tmp"  # noqa: S108 - a volume of the pod's own


class ResourcesSettings(Section):
    """Requests and limits of one container."""

    cpu_request: Millicores = "100m"
    cpu_limit: Millicores = "500m"
    memory_request: Mebibytes = "128Mi"
    memory_limit: Mebibytes = "256Mi"
    ephemeral_storage_request: Mebibytes = "64Mi"
    ephemeral_storage_limit: Mebibytes = "256Mi"

    @model_validator(mode="after")
    def _nothing_is_requested_beyond_its_limit(self) -> "ResourcesSettings":
        pairs = {
            "cpu": (millicores(self.cpu_request), millicores(self.cpu_limit)),
            "memory": (mebibytes(self.memory_request), mebibytes(self.memory_limit)),
            "ephemeral_storage": (mebibytes(self.ephemeral_storage_request), mebibytes(self.ephemeral_storage_limit)),
        }
        above = [f"{name}_request is above {name}_limit" for name, (request, limit) in pairs.items() if request > limit]
        if above:
            raise ValueError(f"{'; '.join(above)}: raise the limit, or lower the request")
        return self

    def requirements(self) -> kubernetes.core.v1.ResourceRequirementsArgsDict:
        """The same in Kubernetes' form."""
        return {
            "requests": {
                "cpu": self.cpu_request,
                "memory": self.memory_request,
                "ephemeral-storage": self.ephemeral_storage_request,
            },
            "limits": {
                "cpu": self.cpu_limit,
                "memory": self.memory_limit,
                "ephemeral-storage": self.ephemeral_storage_limit,
            },
        }


AWAY_SECONDS = 60
"""After which pods on a node that is silent, or not ready, are made anew elsewhere. A node counts as silent after 50 s (its
controller's grace), and Kubernetes' own 300 s on top are more than the five minutes in which the platform recovers."""


@dataclass(frozen=True)
class SecretKey:
    """One key of a Secret that somebody else made."""

    secret: str
    key: str


@dataclass(frozen=True)
class Runtime:
    """What a container of the application is told: environment, and the Secret whose keys it finds as files."""

    environment: Mapping[str, Input[str]]
    secret_name: Input[str] | None = None
    keys: Mapping[str, "SecretKey"] = field(default_factory=dict)
    """Single keys of further Secrets, by the name of the file."""
    arguments: Sequence[str] = ()
    """In the place of the image's own; none leaves these."""


def pod_security(user_id: int = USER_ID) -> kubernetes.core.v1.PodSecurityContextArgsDict:
    """The pod's half of what the `restricted` standard asks for."""
    return {
        "run_as_non_root": True,
        "run_as_user": user_id,
        "run_as_group": user_id,
        "fs_group": user_id,
        "fs_group_change_policy": "OnRootMismatch",
        "seccomp_profile": {"type": "RuntimeDefault"},
    }


def container_security() -> kubernetes.core.v1.SecurityContextArgsDict:
    """The container's half."""
    return {
        "allow_privilege_escalation": False,
        "read_only_root_filesystem": True,
        "run_as_non_root": True,
        "capabilities": {"drop": ["ALL"]},
    }


def environment(values: Mapping[str, Input[str]]) -> list[Input[kubernetes.core.v1.EnvVarArgsDict]]:
    """Environment variables in a fixed order, so that nothing rolls because a mapping was built differently."""
    return [{"name": name, "value": values[name]} for name in sorted(values)]


def secret_volume(secret_name: Input[str]) -> kubernetes.core.v1.VolumeArgsDict:
    """The keys of a Secret as files that only the pod's user and group can read."""
    return {"name": "secrets", "secret": {"secret_name": secret_name, "default_mode": 0o440}}


def secret_files(runtime: Runtime, secrets: Sequence[str]) -> kubernetes.core.v1.VolumeArgsDict:
    """Like `secret_volume`, and beside its keys one file for each of `secrets`, with that secret's name, and the single keys.

    Never by `subPath`: such a file would keep the value that it had when the pod started.
    """
    whole: list[Input[kubernetes.core.v1.VolumeProjectionArgsDict]] = [{"secret": {"name": runtime.secret_name}}]
    keys = {secret: SecretKey(secret, SECRET_KEY) for secret in sorted({*secrets})} | dict(runtime.keys)
    files: list[Input[kubernetes.core.v1.VolumeProjectionArgsDict]] = [
        {"secret": {"name": found.secret, "items": [{"key": found.key, "path": path}]}} for path, found in keys.items()
    ]
    sources = files if runtime.secret_name is None else [*whole, *files]
    return {"name": "secrets", "projected": {"sources": sources, "default_mode": 0o440}}


def secret_mount() -> kubernetes.core.v1.VolumeMountArgsDict:
    """Where `secret_volume` appears in the container."""
    return {"name": "secrets", "mount_path": SECRETS_FOLDER, "read_only": True}


def scratch_volume(name: str) -> kubernetes.core.v1.VolumeArgsDict:
    """A small folder that can be written and goes with the pod."""
    return {"name": name, "empty_dir": {"size_limit": "64Mi"}}


def volumes(runtime: Runtime, secrets: Sequence[str] = ()) -> list[Input[kubernetes.core.v1.VolumeArgsDict]]:
    """A writable `/tmp`, and the Secrets where there are any."""
    if secrets or runtime.keys:
        return [scratch_volume("tmp"), secret_files(runtime, secrets)]
    return [scratch_volume("tmp"), *([] if runtime.secret_name is None else [secret_volume(runtime.secret_name)])]


def mounts(runtime: Runtime, secrets: Sequence[str] = ()) -> list[Input[kubernetes.core.v1.VolumeMountArgsDict]]:
    """Where `volumes` appear in the container."""
    any_secret = runtime.secret_name is not None or runtime.keys or secrets
    return [{"name": "tmp", "mount_path": TEMPORARY_FOLDER}, *([secret_mount()] if any_secret else [])]


def one_off_container(
    name: str,
    image: str,
    told: Mapping[str, Input[str]],
    mounted: Sequence[Input[kubernetes.core.v1.VolumeMountArgsDict]],
) -> kubernetes.core.v1.ContainerArgsDict:
    """A container that does one thing and ends; what it runs, and with which arguments, is to be added."""
    return {
        "name": name,
        "image": image,
        "image_pull_policy": "IfNotPresent",
        "env": environment(told),
        "resources": ResourcesSettings().requirements(),
        "security_context": container_security(),
        "volume_mounts": [*mounted],
    }


def one_off_pod(
    account: str,
    containers: Sequence[kubernetes.core.v1.ContainerArgsDict],
    volumes: Sequence[Input[kubernetes.core.v1.VolumeArgsDict]],
    *,
    kubernetes_token: bool = False,
) -> kubernetes.core.v1.PodSpecArgsDict:
    """The pod of a job: it is not begun again, another one takes its place."""
    return {
        "restart_policy": "Never",
        "service_account_name": account,
        "automount_service_account_token": kubernetes_token,
        "enable_service_links": False,
        "security_context": pod_security(),
        "volumes": [*volumes],
        "containers": [*containers],
    }


def spread_over(
    topology_key: str, when_unsatisfiable: str, labels: Mapping[str, str]
) -> kubernetes.core.v1.TopologySpreadConstraintArgsDict:
    """One topology spread constraint with a skew of 1 that counts only pods of the same revision.

    `nodeTaintsPolicy: Honor` and no `minDomains`: a tainted node is no empty domain, so `DoNotSchedule` never deadlocks
    on nodes where the pod could not run anyway (kubernetes#98215).
    """
    return {
        "max_skew": 1,
        "topology_key": topology_key,
        "when_unsatisfiable": when_unsatisfiable,
        "label_selector": {"match_labels": labels},
        "match_label_keys": ["pod-template-hash"],
        "node_affinity_policy": "Honor",
        "node_taints_policy": "Honor",
    }


def lost_nodes() -> list[Input[kubernetes.core.v1.TolerationArgsDict]]:
    """How long a pod stays with a node from which nobody hears; what Kubernetes adds to pods that do not say."""
    return [
        {
            "key": f"node.kubernetes.io/{reason}",
            "operator": "Exists",
            "effect": "NoExecute",
            "toleration_seconds": AWAY_SECONDS,
        }
        for reason in ("not-ready", "unreachable")
    ]


def http_probe(path: str, port: str, period: int, failures: int, timeout: int) -> kubernetes.core.v1.ProbeArgsDict:
    """An HTTP probe: every `period` seconds, given up after `failures` in a row, `timeout` seconds each."""
    return {
        "http_get": {"path": path, "port": port},
        "period_seconds": period,
        "failure_threshold": failures,
        "timeout_seconds": timeout,
    }
