"""What the control plane promises to whoever starts, finds and stops it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.control_plane import ControlPlane, ControlPlaneError
from rehearsal.control_plane.api import Api, Manifest
from rehearsal.control_plane.components import COMPONENTS
from rehearsal.control_plane.control_plane import left_running, stop
from rehearsal.control_plane.ports import ADDRESS, BLOCK, Ports, _require_loopback
from rehearsal.control_plane.processes import Processes

from .conftest import Eventually

ZONE = "topology.kubernetes.io/zone"
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A place for a control plane of the test's own; whatever runs there at the end is stopped."""
    try:
        yield tmp_path / "control-plane"
    finally:
        stop(tmp_path / "control-plane")


def pids(directory: Path) -> dict[str, int]:
    """The running programs of a control plane."""
    found = {name: Processes(directory).find(name) for name in COMPONENTS}
    return {name: process.pid for name, process in found.items() if process}


def is_gone(pid: int) -> bool:
    """Whether a process has ended (as seen by the kernel, not by our pid files)."""
    try:
        return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True


def spread_deployment(replicas: int) -> Manifest:
    """A Deployment whose pods must be spread evenly over the zones."""
    labels = {"app": "spread"}
    constraint = {
        "maxSkew": 1,
        "topologyKey": ZONE,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": labels},
    }
    pod = {"topologySpreadConstraints": [constraint], "containers": [{"name": "app", "image": "example.invalid/app:1"}]}
    return {
        "metadata": {"name": "spread"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def test_pods_are_scheduled_evenly_over_three_zones(api: Api, namespace: str, eventually: Eventually) -> None:
    api.create(f"/apis/apps/v1/namespaces/{namespace}/deployments", spread_deployment(6))

    def ready_pods() -> list[Manifest]:
        found = api.items(f"/api/v1/namespaces/{namespace}/pods")
        return [pod for pod in found if pod["status"]["phase"] == "Running"]

    eventually("6 pods run", 30, lambda: len(ready_pods()) == 6)
    zone_of = {node["metadata"]["name"]: node["metadata"]["labels"][ZONE] for node in api.items("/api/v1/nodes")}
    zones = sorted(zone_of[pod["spec"]["nodeName"]] for pod in ready_pods())
    assert zones == ["eu-west-3a"] * 2 + ["eu-west-3b"] * 2 + ["eu-west-3c"] * 2


def test_the_metrics_api_knows_the_usage_of_every_node(api: Api, eventually: Eventually) -> None:
    local = {"labelSelector": "eks.amazonaws.com/nodegroup=local"}
    nodes = {node["metadata"]["name"] for node in api.items("/api/v1/nodes", local)}

    def measured() -> set[str]:
        usages = api.items("/apis/metrics.k8s.io/v1beta1/nodes")
        return {usage["metadata"]["name"] for usage in usages if usage["usage"]["cpu"] not in ("0", "0n")}

    assert len(nodes) == 3
    eventually("usage of all three nodes", 60, lambda: nodes <= measured())


def test_a_pod_that_breaks_pod_security_is_refused(api: Api, namespace: str) -> None:
    enforce = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    api.merge(f"/api/v1/namespaces/{namespace}", enforce)
    privileged = {"name": "app", "image": "example.invalid/app:1", "securityContext": {"privileged": True}}
    with pytest.raises(ControlPlaneError, match='violates PodSecurity "restricted:latest": privileged'):
        api.create(
            f"/api/v1/namespaces/{namespace}/pods", {"metadata": {"name": "bad"}, "spec": {"containers": [privileged]}}
        )


def test_a_second_one_runs_side_by_side_and_leaves_nothing_when_stopped(
    control_plane: ControlPlane, binaries: Path, directory: Path, api: Api
) -> None:
    second = ControlPlane.start(directory, binaries)
    assert abs(second.port_base - control_plane.port_base) >= BLOCK
    with Api(second.kubeconfig) as its_api:
        its_api.create("/api/v1/namespaces", {"metadata": {"name": "only-in-the-second"}})
    assert "only-in-the-second" not in {found["metadata"]["name"] for found in api.items("/api/v1/namespaces")}

    running = pids(directory)
    assert set(running) == set(COMPONENTS)
    second.stop()
    assert [name for name, pid in running.items() if not is_gone(pid)] == []
    assert Ports(second.port_base).first_taken() is None
    assert ControlPlane.running(directory) is None
    assert ControlPlane.running(control_plane.directory) == control_plane


def test_a_running_one_is_taken_over_as_it_is(control_plane: ControlPlane, binaries: Path) -> None:
    before = pids(control_plane.directory)
    assert ControlPlane.start(control_plane.directory, binaries) == control_plane
    assert pids(control_plane.directory) == before


def test_after_a_crash_it_starts_again_with_what_was_stored(
    binaries: Path, directory: Path, eventually: Eventually
) -> None:
    crashed = ControlPlane.start(directory, binaries, simulated_nodes=True)
    with Api(crashed.kubeconfig) as api:
        api.create("/api/v1/namespaces", {"metadata": {"name": "kept"}})
    for pid in pids(directory).values():
        os.kill(pid, signal.SIGKILL)
    eventually("all of them are gone", 10, lambda: not pids(directory))
    assert ControlPlane.running(directory) is None

    # On other ports this time: the nodes must learn where their kubelet is now.
    with socket.create_server((ADDRESS, Ports(crashed.port_base).etcd)):
        again = ControlPlane.start(directory, binaries)
    assert again.port_base != crashed.port_base
    with Api(again.kubeconfig) as api:
        assert api.get("/api/v1/namespaces/kept")["metadata"]["name"] == "kept"
        nodes = api.items("/api/v1/nodes")
        told = {node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"] for node in nodes}
        assert (len(nodes), told) == (3, {Ports(again.port_base).kwok})


def test_half_a_control_plane_is_started_anew(binaries: Path, directory: Path) -> None:
    whole = ControlPlane.start(directory, binaries)
    before = pids(directory)
    os.kill(before["kube-apiserver"], signal.SIGKILL)
    assert ControlPlane.start(directory, binaries) == whole  # on the same ports, as the remains were ended first
    after = pids(directory)
    assert set(after) == set(COMPONENTS)
    assert set(after.values()).isdisjoint(before.values())


def test_one_whose_directory_was_deleted_is_found_and_ended(binaries: Path, directory: Path) -> None:
    ControlPlane.start(directory, binaries)
    running = pids(directory)
    shutil.rmtree(directory)
    found = pids(directory)
    assert found
    assert found.items() <= running.items()  # one that had not read all of its files yet may have ended by itself
    assert left_running(directory.parent) == {directory}
    assert stop(directory)
    assert all(is_gone(pid) for pid in running.values())
    assert left_running(directory.parent) == set()


def test_a_machine_that_does_not_reach_itself_is_told_so() -> None:
    with socket.socket() as deaf:
        deaf.bind((ADDRESS, 0))
        with pytest.raises(ControlPlaneError, match=r"does not reach itself on 127\.0\.0\.1"):
            _require_loopback(deaf)


def test_a_port_in_use_is_refused_by_name(binaries: Path, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = 25360
    with socket.create_server((ADDRESS, base + 3)):
        with pytest.raises(ControlPlaneError, match=f"port {base + 3} .* is in use, .*MARLINSPIKE_PORT_BASE"):
            ControlPlane.start(directory, binaries, port_base=base)
        monkeypatch.setenv("MARLINSPIKE_PORT_BASE", str(base))
        with pytest.raises(ControlPlaneError, match=f"port {base + 3} .* is in use"):
            ControlPlane.start(directory, binaries)
    assert pids(directory) == {}


@pytest.mark.parametrize("base", ["80", "65530", "many"])
def test_an_impossible_port_base_is_refused(
    base: str, binaries: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARLINSPIKE_PORT_BASE", base)
    with pytest.raises(ControlPlaneError, match=f"{base}.*must"):
        ControlPlane.start(directory, binaries)


def test_it_outlives_whoever_started_it_and_is_stopped_from_elsewhere(binaries: Path, directory: Path) -> None:
    command = [sys.executable, "-m", "rehearsal.control_plane"]
    started = subprocess.run(
        [*command, "start", str(directory), "--binaries", str(binaries)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert started.returncode == 0, started.stderr
    assert f"export KUBECONFIG={directory / 'kubeconfig'}" in started.stdout
    running = pids(directory)
    assert set(running) == set(COMPONENTS)
    assert ControlPlane.running(directory) is not None

    stopped = subprocess.run(
        [*command, "stop", str(directory)], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert (stopped.returncode, stopped.stdout) == (0, "stopped\n")
    assert [name for name, pid in running.items() if not is_gone(pid)] == []


def test_ctrl_c_while_it_starts_leaves_nothing_behind(binaries: Path, directory: Path, eventually: Eventually) -> None:
    # `env`: who runs the tests in the background of a script hands down that Ctrl-C is for others.
    start = [sys.executable, "-m", "rehearsal.control_plane", "start", str(directory), "--binaries", str(binaries)]
    starting = subprocess.Popen(
        ["/usr/bin/env", "--default-signal=INT", *start],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        eventually("the API server is starting", 30, lambda: "kube-apiserver" in pids(directory))
        running = pids(directory)
        starting.send_signal(signal.SIGINT)
        _, said = starting.communicate(timeout=60)
    finally:
        starting.kill()
        starting.wait()
    assert (starting.returncode, said) == (130, "interrupted; what was started has been stopped\n")
    assert running
    assert [name for name, pid in running.items() if not is_gone(pid)] == []


def test_a_program_that_ends_by_itself_is_named_with_its_last_words(binaries: Path, tmp_path: Path) -> None:
    broken = tmp_path / "programs"
    broken.mkdir()
    for name in COMPONENTS:
        (broken / name).symlink_to(binaries / name)
    (broken / "etcd").unlink()
    (broken / "etcd").write_text("#!/bin/sh\necho the disk is on fire\nexit 3\n")
    (broken / "etcd").chmod(0o755)
    with pytest.raises(ControlPlaneError, match=r"(?s)etcd has ended by itself; .*the disk is on fire"):
        ControlPlane.start(tmp_path / "control-plane", broken)
    assert pids(tmp_path / "control-plane") == {}


def test_missing_programs_are_named(tmp_path: Path) -> None:
    with pytest.raises(ControlPlaneError, match=r"no etcd and no kube-apiserver .*make setup"):
        ControlPlane.start(tmp_path / "control-plane", tmp_path)


def test_a_stranger_that_got_the_process_id_later_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        born = int(Path(f"/proc/{stranger.pid}/stat").read_text().rpartition(")")[2].split()[19])
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "kwok.pid").write_text(f"{stranger.pid} {born - 1}\n")
        assert stop(tmp_path) is False
        time.sleep(0.2)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
