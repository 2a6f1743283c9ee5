"""The pods of a workload: one container, probed, spread, without privileges, with time to leave."""

from collections.abc import Mapping

import pulumi_kubernetes as kubernetes
from pulumi import Input

from infra.affinity import affinity
from infra.naming import object_labels
from infra.placement import Placement
from infra.pods import (
    Runtime,
    container_security,
    environment,
    http_probe,
    lost_nodes,
    mounts,
    pod_security,
    spread_over,
    volumes,
)
from infra.workload_settings import WorkloadSettings

FILES = "files"


def pod_template(
    name: str,
    settings: WorkloadSettings,
    image: str,
    labels: Mapping[str, str],
    runtime: Runtime,
    files_name: str | None,
    placement: Placement,
    priority_class: Input[str] | None,
) -> kubernetes.core.v1.PodTemplateSpecArgsDict:
    """The template of one version; `labels` select its pods, `files_name` is its ConfigMap."""
    pod: kubernetes.core.v1.PodSpecArgsDict = {
        "service_account_name": name,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "security_context": pod_security(),
        "termination_grace_period_seconds": settings.shutdown.grace_seconds,
        "topology_spread_constraints": [
            spread_over("topology.kubernetes.io/zone", settings.spread.zones, labels),
            spread_over("kubernetes.io/hostname", settings.spread.hosts, labels),
        ],
        "tolerations": lost_nodes(),
        "volumes": [*volumes(runtime, settings.secrets), *_files_volume(files_name)],
        "containers": [_container(name, settings, image, runtime)],
    }
    priority = settings.priority or priority_class
    if priority is not None:
        pod["priority_class_name"] = priority
    wanted = affinity(settings.affinity)
    if wanted:
        pod["affinity"] = wanted
    return {"metadata": {"labels": {**object_labels(name), **labels}}, "spec": placement.applied_to(pod)}


def _container(
    name: str, settings: WorkloadSettings, image: str, runtime: Runtime
) -> kubernetes.core.v1.ContainerArgsDict:
    ports: list[Input[kubernetes.core.v1.ContainerPortArgsDict]] = [
        {"name": "http", "container_port": settings.port, "protocol": "TCP"}
    ]
    if settings.metrics_port is not None:
        ports.append({"name": "metrics", "container_port": settings.metrics_port, "protocol": "TCP"})
    alive, ready = settings.liveness_path, settings.readiness_path
    container: kubernetes.core.v1.ContainerArgsDict = {
        "name": name,
        "image": image,
        "image_pull_policy": "IfNotPresent",  # neither a digest nor a version's tag ever moves
        "ports": ports,
        "env": environment(runtime.environment),
        "resources": settings.resources.requirements(),
        "security_context": container_security(),
        "volume_mounts": [*mounts(runtime, settings.secrets), *_files_mounts(settings)],
        "startup_probe": http_probe(alive, "http", period=1, failures=30, timeout=2),
        "readiness_probe": http_probe(ready, "http", period=5, failures=2, timeout=2),
        "liveness_probe": http_probe(alive, "http", period=10, failures=6, timeout=5),
        # `sleep` needs no shell in the image (GA since Kubernetes 1.34, KEP-3960).
        "lifecycle": {"pre_stop": {"sleep": {"seconds": settings.shutdown.pre_stop_seconds}}},
    }
    if runtime.arguments:
        container["args"] = [*runtime.arguments]
    return container


def _files_volume(files_name: str | None) -> list[Input[kubernetes.core.v1.VolumeArgsDict]]:
    return [{"name": FILES, "config_map": {"name": files_name, "default_mode": 0o440}}] if files_name else []


def _files_mounts(settings: WorkloadSettings) -> list[Input[kubernetes.core.v1.VolumeMountArgsDict]]:
    return [
        {"name": FILES, "mount_path": path, "sub_path": f"file-{index}", "read_only": True}
        for index, path in enumerate(sorted(settings.files))
    ]
