"""Starting and ending one real node."""

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rehearsal import places
from rehearsal.control_plane import ControlPlane
from rehearsal.control_plane.api import Api
from rehearsal.control_plane.certificates import NODE_NAME, Certificates
from rehearsal.control_plane.components import FORWARDER_SCRIPT
from rehearsal.control_plane.control_plane import FIELD_MANAGER, start_forwarder
from rehearsal.control_plane.ports import Ports
from rehearsal.control_plane.processes import NSENTER, Process, Processes, homes
from rehearsal.control_plane.simulated_nodes import takes_pods
from rehearsal.control_plane.waiting import wait
from rehearsal.real_node import cgroups, cluster_dns, namespace, requirements, volumes
from rehearsal.real_node.configuration import KUBELET_FOLDER, Configuration
from rehearsal.real_node.errors import RealNodeError
from rehearsal.real_node.images import Images
from rehearsal.real_node.images import ensure as ensure_images
from rehearsal.remains import forget
from rehearsal.say import Say
from rehearsal.toolchain.cluster_dns import ensure_cluster_dns

CONTAINERD = "containerd"
KUBELET = "kubelet"
KUBE_PROXY = "kube-proxy"
SHIM = "containerd-shim-runc-v2"
FORWARDER = "application-forwarder"
PROGRAMS = (CONTAINERD, KUBELET, KUBE_PROXY)

PATIENCE_SECONDS = 120.0
"""Generous: alone each step takes a few seconds."""

NAMESPACE = "network-namespace"
WIPED = ("containerd", "kubelet", "etc", "pod-logs", "images")
"""What a new start makes anew. The volumes stay."""


@dataclass(frozen=True)
class RealNode:
    """The real node that has its files in `directory`, beside the control plane's; `say` hears each step."""

    directory: Path
    say: Say

    @property
    def namespace(self) -> Path:
        """The file that keeps the network namespace in which node and control plane run."""
        return self.directory / NAMESPACE

    @property
    def settings(self) -> dict[str, str]:
        """Settings of the stack that are different here, since images come from no registry."""
        made = self.images
        return {"database.image": made.postgresql, "cache.image": made.cache}

    def differences(self) -> tuple[str, ...]:
        """What is not as the stack asks for it, in a sentence each."""
        made = self.images
        return (
            f"PostgreSQL {made.postgresql_version} and {made.cache_version}, of this machine's Debian, in place of the images "
            "that infra/versions.py names: no registry is asked",
            "The application's image is built by buildah from app/Dockerfile, on Debian's Python in place of a registry's",
            "Network policies are stored, and not enforced: the node's network is a plain one",
        )

    def prepare(self) -> None:
        """Programs, images and the namespace, everything before the control plane starts. Raises RealNodeError."""
        requirements.ensure(self.say)
        _ = self.images
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not namespace.exists(self.namespace):  # never made, or the machine went down: nothing that runs is of use
            stop(self.directory)
            namespace.make(self.namespace)

    def join(self, control_plane: ControlPlane, binaries: Path, application: str) -> None:
        """Starts the node and waits until it is ready; one that runs and is ready stays as it is.

        `application` is the name of the image that is made of app/. Raises RealNodeError with the last words of the program
        that is at fault.
        """
        processes = self._processes()
        with Api(control_plane.kubeconfig) as api:
            if all(processes.find(name) for name in PROGRAMS) and _ready(api):
                return
            _end(self.directory)
            self._start_containerd(control_plane, application)
            self.say("starting the real node: kubelet and kube-proxy")
            configuration = self._configuration(control_plane)
            # In containerd's mount namespace: both see what the other mounts.
            mounts = f"--mount=/proc/{_running(processes, CONTAINERD).pid}/ns/mnt"
            processes.start(KUBELET, NSENTER, [mounts, "--", str(binaries / KUBELET), *configuration.kubelet()])
            processes.start(KUBE_PROXY, binaries / KUBE_PROXY, configuration.kube_proxy())
            self._wait("be ready for pods", lambda: _ready(api), KUBE_PROXY, KUBELET)
            for manifest in [*volumes.manifests(self.directory / "volumes"), *cluster_dns.manifests()]:
                api.apply(manifest, FIELD_MANAGER)
            self._wait("run the cluster's DNS", lambda: _serves_names(api), CONTAINERD, KUBE_PROXY, KUBELET)
        self.say(f"the node {NODE_NAME} is ready, and the cluster's DNS answers")

    def import_image(self, archive: Path) -> None:
        """Gives the node one more image."""
        self.containerd("images", "import", str(archive))

    def forward(self, control_plane: ControlPlane) -> str | None:
        """Makes the application's Service (the first with a port `http`) answer on this machine's loopback; the address."""
        with Api(control_plane.kubeconfig) as api:
            found = [
                (service["spec"]["clusterIP"], port["port"])
                for service in api.items("/api/v1/services")
                for port in service["spec"].get("ports", [])
                if port.get("name") == "http" and service["spec"].get("clusterIP", "None") != "None"
            ]
        outside = Processes(self.directory)
        outside.stop([FORWARDER])
        if not found:
            return None
        (host, port), listen = found[0], Ports(control_plane.port_base).forwarded
        script = str(FORWARDER_SCRIPT)
        start_forwarder(FORWARDER, self.directory, [script, str(self.namespace), f"{listen}={host}:{port}"])
        return f"http://127.0.0.1:{listen}"

    def _start_containerd(self, control_plane: ControlPlane, application: str) -> None:
        coredns = ensure_cluster_dns(places.cache(), self.say)
        for name in WIPED:
            (self.directory / name).mkdir(exist_ok=True)
        cgroups.make(_cgroup(self.directory))
        configuration = self._configuration(control_plane)
        configuration.write(control_plane.server)
        processes = self._processes()
        self.say("starting the real node: containerd")
        processes.start(CONTAINERD, Path("/usr/bin/unshare"), ["--mount", "--", "sh", "-c", configuration.containerd()])
        self._wait("answer", configuration.socket.exists, CONTAINERD)
        self._wait("answer", lambda: bool(self.containerd("version")), CONTAINERD)
        folder = self.directory / "images"
        made = self.images
        for archive in (
            *made.archives,
            made.write_cluster_dns(folder, coredns, self.say),
            made.write_application(folder, application, self.say),
        ):
            self.import_image(archive)
        shutil.rmtree(folder)
        self.say(f"images imported: PostgreSQL {made.postgresql_version}, {made.cache_version}, {application}")

    def containerd(self, *arguments: str) -> str:
        """What containerd's own command says; empty where it fails, but for images: then RealNodeError."""
        command = ["ctr", "--address", str(self.directory / "containerd.sock"), "--namespace", "k8s.io", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0 and arguments[0] == "images":
            raise RealNodeError(f"containerd does not take the image {arguments[-1]}: {done.stderr.strip()}")
        return done.stdout if done.returncode == 0 else ""

    @cached_property
    def images(self) -> Images:
        """The images, made now if they are not in the cache."""
        return ensure_images(self.say)

    def _processes(self) -> Processes:
        return Processes(self.directory, self.namespace)

    def _configuration(self, control_plane: ControlPlane) -> Configuration:
        return Configuration(self.directory, Certificates(control_plane.directory / "pki"), _cgroup(self.directory))

    def _wait(self, what: str, holds: Callable[[], bool], *programs: str) -> None:
        wait(what, holds, PATIENCE_SECONDS, self._processes(), *programs, refusal=RealNodeError)


def stop(directory: Path) -> bool:
    """Ends the node of a directory and its containers, whatever state it is in; whether there was anything to end.

    Call it before the control plane's `stop`, and before the directory is deleted. The data in its volumes stay.
    """
    directory = directory.absolute()
    if not directory.is_dir():
        if directory not in left_running(directory):
            return False
        directory.mkdir(parents=True, mode=0o700)
    found = _end(directory)
    namespace.remove(directory / NAMESPACE)
    return found


def left_running(below: Path) -> set[Path]:
    """The directories at or below `below` of real nodes that run, deleted ones too."""
    return {home for home in homes((*PROGRAMS, SHIM, FORWARDER)) if home.is_relative_to(below.absolute())}


def _end(directory: Path) -> bool:
    """Ends kubelet and kube-proxy, then all containers by their control group, then containerd; forgets its state."""
    processes = Processes(directory)
    found = any(processes.find(name) for name in PROGRAMS)
    processes.stop([KUBELET, KUBE_PROXY, FORWARDER])
    cgroups.remove(_cgroup(directory))
    processes.stop([CONTAINERD])
    while processes.find(SHIM):  # one for each pod, that outlive containerd
        processes.stop([SHIM], patience_seconds=0)
    cgroups.remove(_cgroup(directory))
    for folder in WIPED:
        forget(directory / folder)
    for file in directory.glob("containerd.*"):
        file.unlink()
    with suppress(OSError):  # made as a place for a mount, or a kubelet's own
        KUBELET_FOLDER.rmdir()
    return found


def _cgroup(directory: Path) -> str:
    """A name of the node's own: several rehearsals may run side by side."""
    return f"marlinspike-{hashlib.sha256(str(directory.absolute()).encode()).hexdigest()[:10]}"


def _running(processes: Processes, name: str) -> Process:
    process = processes.find(name)
    if process is None:
        raise RealNodeError(processes.ended(name))
    return process


def _ready(api: Api) -> bool:
    return takes_pods(api.get(f"/api/v1/nodes/{NODE_NAME}"))


def _serves_names(api: Api) -> bool:
    path = f"/apis/apps/v1/namespaces/{cluster_dns.SYSTEM}/deployments/{cluster_dns.NAME}"
    return bool(api.get(path).get("status", {}).get("readyReplicas"))
