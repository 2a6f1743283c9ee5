"""Starting, finding and stopping one control plane."""

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rehearsal.control_plane import manifests
from rehearsal.control_plane.api import Api, ApiError, Manifest
from rehearsal.control_plane.certificates import Certificates
from rehearsal.control_plane.components import (
    API_CLIENTS,
    API_SERVER,
    COMPONENTS,
    CONTROLLER_MANAGER,
    ETCD,
    FORWARDER,
    KWOK,
    METRICS_SERVER,
    SCHEDULER,
    SIMULATED_NODE_ANNOTATION,
    STOP_ORDER,
    Components,
    Pace,
)
from rehearsal.control_plane.errors import ControlPlaneError
from rehearsal.control_plane.ports import Ports, reserved
from rehearsal.control_plane.processes import Processes, homes
from rehearsal.control_plane.simulated_nodes import LOCAL_NODES, reconcile
from rehearsal.control_plane.waiting import wait
from rehearsal.say import Say

FIELD_MANAGER = "marlinspike-control-plane"
METRICS_API = "/apis/metrics.k8s.io/v1beta1"
# Generous: on two cores that a build keeps busy the API server has been seen to take 40 s; alone it takes 4.
API_SERVER_SECONDS = 180.0
OTHERS_SECONDS = 90.0


def _silent(_: str) -> None:
    """Reports nothing."""


@dataclass(frozen=True)
class ControlPlane:
    """A control plane that runs in `directory`, and goes on when whoever started it ends.

    `stop` finds it again by its pid files. `kubeconfig` is its administrator's; `port_base` the first of its eight
    ports on 127.0.0.1. `directory` holds everything that it writes: the store (`etcd/`), certificates (`pki/`), output
    (`log/`) and pid files (`run/`).

    What was stored survives `stop` and a crash: a control plane that is started again in the same directory goes on
    with it. Delete the directory, after `stop`, to forget it.
    """

    directory: Path
    kubeconfig: Path
    port_base: int

    @classmethod
    def start(
        cls,
        directory: Path,
        binaries: Path,
        *,
        port_base: int | None = None,
        simulated_nodes: bool = False,
        namespace: Path | None = None,
        pace: Pace | None = None,
        progress: Say = _silent,
    ) -> "ControlPlane":
        """Makes sure that a control plane runs in `directory`; returns when it takes pods and serves metrics (in 5 s).

        One that runs there already and answers is taken over as it is; what a crash left behind is ended first.
        `binaries` holds the programs. `port_base` None takes the first of MARLINSPIKE_PORT_BASE, the ports that the
        control plane had before, and a free block. With `simulated_nodes` three nodes in three zones join it.
        With `namespace` all programs run in the network namespace that this file keeps, and the API is forwarded.
        `progress` is told each step in a few words.

        Raises ControlPlaneError with the reason (a missing program, a port in use, the last words of a program that
        ended, nodes that are not ready); nothing that it started is left running then, nor after Ctrl-C.
        """
        directory = directory.absolute()
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(directory, progress):
            running = cls.running(directory)
            if running is not None:
                progress(f"the control plane runs already, on {running.server}")
                if simulated_nodes:
                    running.add_nodes(progress)
                return running
            processes = Processes(directory)
            _stop(processes)  # whatever a crash has left
            try:
                started = _started(directory, binaries, port_base, pace or Pace(), namespace, progress)
                if simulated_nodes:
                    started.add_nodes(progress)
            except BaseException:  # Ctrl-C too: half a control plane is of no use to anybody
                _stop(processes)
                raise
            return started

    @classmethod
    def running(cls, directory: Path) -> "ControlPlane | None":
        """The control plane of `directory`, if all of its programs run and its API answers; otherwise None."""
        directory = directory.absolute()
        processes = Processes(directory)
        port_base = _recorded_port_base(directory)
        if port_base is None or any(processes.find(name) is None for name in COMPONENTS):
            return None
        found = cls(directory, directory / "kubeconfig", port_base)
        try:
            with Api(found.kubeconfig) as api:
                # Busy is not broken: it may take its time to answer.
                api.get("/readyz", timeout_seconds=15)
        except ApiError:
            return None
        return found

    @property
    def server(self) -> str:
        """Where the API server answers."""
        return f"https://127.0.0.1:{Ports(self.port_base).api_server}"

    def add_nodes(self, progress: Say = _silent) -> None:
        """Joins three simulated nodes in three zones (once) and their disks, for stacks that bring no nodes of their own."""
        reconcile(self.kubeconfig, LOCAL_NODES)
        with Api(self.kubeconfig) as api:
            for manifest in manifests.simulated_volumes():
                api.apply(manifest, FIELD_MANAGER)
        progress(f"{LOCAL_NODES.count} simulated nodes in {len(LOCAL_NODES.zones)} zones are ready")

    def stop(self) -> None:
        """Ends the programs, the store last, if they still run. What was stored stays in `directory`."""
        stop(self.directory)


def stop(directory: Path) -> bool:
    """Ends the control plane of a directory, or what is left of it; whether there was anything to end.

    Raises ControlPlaneError when a program can't be ended.
    """
    directory = directory.absolute()
    if not directory.is_dir():
        if directory not in left_running(directory):
            return False
        directory.mkdir(parents=True, mode=0o700)  # somebody has deleted the folder of what still runs
    with _locked(directory, _silent):
        return _stop(Processes(directory))


def start_forwarder(name: str, directory: Path, arguments: list[str]) -> None:
    """Starts the forwarder, out here, under a name of its own by which it is found again: a link to Python."""
    program = directory / "bin" / name
    program.parent.mkdir(exist_ok=True)
    program.unlink(missing_ok=True)
    program.symlink_to(Path(sys.executable).resolve())
    Processes(directory).start(name, program, arguments)


def left_running(below: Path) -> set[Path]:
    """The directories at or below `below` of control planes that run, also those that somebody has deleted meanwhile."""
    return {home for home in homes(COMPONENTS) if home.is_relative_to(below.absolute())}


def _stop(processes: Processes) -> bool:
    ran = any(processes.find(name) for name in COMPONENTS)
    for group in STOP_ORDER:
        # A graceful API server waits for its watchers for up to a minute; nobody is left who would mind.
        processes.stop(group, patience_seconds=3)
    return ran


def _started(
    directory: Path, binaries: Path, port_base: int | None, pace: Pace, namespace: Path | None, progress: Say
) -> ControlPlane:
    missing = [name for name in COMPONENTS if not os.access(binaries / name, os.X_OK)]
    if missing:
        raise ControlPlaneError(
            f"no {' and no '.join(missing)} in {binaries}: `make setup` gets the programs of the control plane"
        )
    with reserved(port_base, preferred=_recorded_port_base(directory)) as ports:
        (directory / "port-base").write_text(f"{ports.base}\n")
        certificates = Certificates(directory / "pki")
        certificates.ensure()
        launch = _Launch(
            Components(directory, ports, certificates, pace, namespace),
            binaries,
            Processes(directory, namespace),
            directory / "kubeconfig",
            progress,
        )
        launch.run()
    return ControlPlane(directory, directory / "kubeconfig", ports.base)


@dataclass(frozen=True)
class _Launch:
    """One start, step by step."""

    components: Components
    binaries: Path
    processes: Processes
    kubeconfig: Path
    progress: Say

    def run(self) -> None:
        components = self.components
        certificates = components.certificates
        server = components.api_server_url
        certificates.write_kubeconfig(self.kubeconfig, "admin", server)
        for component, client in API_CLIENTS.items():
            certificates.write_kubeconfig(components.kubeconfig_of(component), client, server)

        self.progress("starting etcd and the API server")
        self._start(ETCD, components.etcd())
        self._start(API_SERVER, components.api_server())
        if components.namespace:
            start_forwarder(FORWARDER, components.directory, components.forwarder())
        with Api(self.kubeconfig) as api:
            self._wait("answer", lambda: api.get("/readyz") == "ok", API_SERVER_SECONDS, ETCD, API_SERVER)
            self.progress(f"the API server is ready on {server}")

            self._start(CONTROLLER_MANAGER, components.controller_manager())
            self._start(SCHEDULER, components.scheduler())
            self._start(METRICS_SERVER, components.metrics_server())
            definitions = manifests.kwok_definitions()
            self._apply(api, definitions)
            self._wait("take in KWOK's kinds", lambda: _established(api, definitions), OTHERS_SECONDS, API_SERVER)
            self._apply(api, manifests.kwok_behaviour())
            self._start(KWOK, components.kwok(manifests.KWOK_METRICS))
            self._apply(api, manifests.metrics_api(components.ports, certificates))
            _tell_new_port(api, components.ports.kwok)

            # Pods are refused until their namespace has the account that they run under.
            account = "/api/v1/namespaces/default/serviceaccounts/default"
            self._wait("make service accounts", lambda: bool(api.get(account)), OTHERS_SECONDS, CONTROLLER_MANAGER)
            self._wait("serve the metrics API", lambda: bool(api.get(METRICS_API)), OTHERS_SECONDS, METRICS_SERVER)
        for name in COMPONENTS:
            self._must_run(name)
        self.progress("scheduler, controllers and the metrics API are ready")

    def _start(self, name: str, arguments: list[str]) -> None:
        self.processes.start(name, self.binaries / name, arguments)

    def _apply(self, api: Api, objects: list[Manifest]) -> None:
        """Applies objects, and again while the server is still making what they need (a kind, a namespace)."""
        for manifest in objects:
            self._wait(
                f"take {manifest['kind']} {manifest['metadata']['name']}",
                lambda manifest=manifest: bool(api.apply(manifest, FIELD_MANAGER)),  # type: ignore[misc]
                OTHERS_SECONDS,
                API_SERVER,
            )

    def _wait(self, what: str, holds: Callable[[], bool], seconds: float, *programs: str) -> None:
        wait(what, holds, seconds, self.processes, *programs)

    def _must_run(self, name: str) -> None:
        if self.processes.find(name) is None:
            raise ControlPlaneError(self.processes.ended(name))


def _established(api: Api, definitions: list[Manifest]) -> bool:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
    return all(_has(api.get(path + definition["metadata"]["name"]), "Established") for definition in definitions)


def _tell_new_port(api: Api, port: int) -> None:
    """Nodes of an earlier run are told where their kubelet, KWOK, is now; by itself it says so after 10 minutes."""
    for node in api.items("/api/v1/nodes"):
        metadata, told = node["metadata"], node.get("status", {}).get("daemonEndpoints", {}).get("kubeletEndpoint", {})
        if SIMULATED_NODE_ANNOTATION in metadata.get("annotations", {}) and told.get("Port") not in (None, port):
            endpoints = {"kubeletEndpoint": {"Port": port}}
            api.merge(f"/api/v1/nodes/{metadata['name']}/status", {"status": {"daemonEndpoints": endpoints}})


def _has(found: Manifest, condition: str) -> bool:
    conditions = found.get("status", {}).get("conditions") or []  # a list with nothing in it yet is sent as null
    return any(entry["type"] == condition and entry["status"] == "True" for entry in conditions)


def _recorded_port_base(directory: Path) -> int | None:
    """The port block of the last start in this directory."""
    try:
        return int((directory / "port-base").read_text())
    except (OSError, ValueError):
        return None


@contextmanager
def _locked(directory: Path, progress: Say) -> Iterator[None]:
    """One start or stop at a time in a directory; the kernel frees it when its holder ends, however it ends."""
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another start or stop of the same control plane")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
