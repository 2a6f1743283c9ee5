"""A single-pod server with a disk: how PostgreSQL and Valkey run inside a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions

from infra.in_cluster.credentials import Credentials
from infra.naming import object_labels, object_metadata, selector_labels
from infra.pods import (
    TEMPORARY_FOLDER,
    ResourcesSettings,
    container_security,
    environment,
    pod_security,
    scratch_volume,
    secret_mount,
    secret_volume,
)


@dataclass(frozen=True)
class Server:
    """What distinguishes one server from another."""

    image: str
    port: int
    user_id: int
    arguments: list[str]
    data_folder: str
    probe: list[str]
    """Command that succeeds when the server answers."""
    environment: Mapping[str, str] = field(default_factory=dict)
    writable: tuple[str, ...] = ()
    """Folders that need an `emptyDir`, beside `/tmp`."""


class InClusterServer(pulumi.ComponentResource):
    """A StatefulSet of one pod with a persistent volume, and its Service.

    Type token: `marlinspike:in-cluster:Server`. For clusters without AWS; nothing here is highly available.
    """

    host: Output[str]

    def __init__(
        self,
        name: str,
        server: Server,
        storage_gib: int,
        resources: ResourcesSettings,
        namespace: Input[str],
        credentials: Credentials,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:in-cluster:Server", name, {}, opts)
        metadata = object_metadata(name, namespace)
        service = kubernetes.core.v1.Service(
            f"{name}-service",
            metadata={**metadata, "annotations": {"pulumi.com/skipAwait": "true"}},  # its pods come after it
            spec={
                "selector": selector_labels(name),
                "ports": [{"name": "server", "port": server.port, "target_port": "server", "protocol": "TCP"}],
            },
            opts=ResourceOptions(parent=self),
        )
        kubernetes.apps.v1.StatefulSet(
            f"{name}-server",
            metadata=metadata,
            spec={
                "service_name": name,
                "replicas": 1,
                "selector": {"match_labels": selector_labels(name)},
                "template": {
                    "metadata": {"labels": object_labels(name)},
                    "spec": _pod_spec(name, server, resources, credentials.secret_name),
                },
                "volume_claim_templates": [
                    {
                        "metadata": {"name": "data"},
                        "spec": {
                            "access_modes": ["ReadWriteOnce"],
                            "resources": {"requests": {"storage": f"{storage_gib}Gi"}},
                        },
                    }
                ],
            },
            opts=ResourceOptions(parent=self, depends_on=[service, credentials.job]),
        )
        self.host = Output.concat(name, ".", namespace, ".svc.cluster.local")
        self.register_outputs({"host": self.host})


def _pod_spec(
    name: str, server: Server, resources: ResourcesSettings, secret_name: str
) -> kubernetes.core.v1.PodSpecArgsDict:
    folders = {"tmp": TEMPORARY_FOLDER} | {f"run-{i}": path for i, path in enumerate(server.writable)}
    timing: kubernetes.core.v1.ProbeArgsDict = {"period_seconds": 5, "timeout_seconds": 3, "failure_threshold": 6}
    probe: kubernetes.core.v1.ProbeArgsDict = {**timing, "exec_": {"command": server.probe}}
    return {
        "automount_service_account_token": False,
        "enable_service_links": False,
        "security_context": pod_security(server.user_id),
        "termination_grace_period_seconds": 60,
        "volumes": [*(scratch_volume(volume) for volume in folders), secret_volume(secret_name)],
        "containers": [
            {
                "name": name,
                "image": server.image,
                "args": server.arguments,
                "env": environment(server.environment),
                "ports": [{"name": "server", "container_port": server.port, "protocol": "TCP"}],
                "resources": resources.requirements(),
                "security_context": container_security(),
                # A first start makes the database, and one after a crash replays its log.
                "startup_probe": {**probe, "failure_threshold": 60},
                "readiness_probe": probe,
                # Its process lives as long as it takes connections: one that recovers, and answers nobody yet, is left to it.
                "liveness_probe": {**timing, "tcp_socket": {"port": "server"}},
                "volume_mounts": [
                    {"name": "data", "mount_path": server.data_folder},
                    secret_mount(),
                    *(_mount(volume, path) for volume, path in folders.items()),
                ],
            }
        ],
    }


def _mount(volume: str, path: str) -> kubernetes.core.v1.VolumeMountArgsDict:
    return {"name": volume, "mount_path": path}
