"""The drills that a rehearsal does on request, on prod's own objects: what they measure, and that they leave no trace."""

import json
from pathlib import Path

import pytest

from rehearsal import drills
from rehearsal.control_plane import ControlPlane
from rehearsal.control_plane.simulated_nodes import again
from rehearsal.drills.autoscaling import USAGE, shortened
from tests.cluster.conftest import Eventually
from tests.cluster.workloads import AUTOSCALER, ZONES, Application

MOST = 6


def test_both_drills_measure_what_the_controllers_do_and_leave_the_stack_as_it_was(
    control_plane: ControlPlane, application: Application, eventually: Eventually, tmp_path: Path
) -> None:
    application.manifests[f"{AUTOSCALER}/{application.name}"]["spec"]["maxReplicas"] = MOST
    names = application.nodes(6)
    application.deploy()
    eventually("the smallest number of pods is available", 60, lambda: application.rolled_out(3))
    eventually("the autoscaler has its status", 60, lambda: bool(application.autoscaler().get("status")))
    before = application.autoscaler()
    said: list[str] = []

    drills.run(control_plane.kubeconfig, tmp_path, said.append, application.namespace)

    measured = json.loads((tmp_path / "drills.json").read_text())
    zone, scaling = measured["zone"], measured["autoscaling"]
    assert zone["lost"] in ZONES
    totals = [sum(counts.values()) for _, counts in zone["samples"]]
    assert totals[0] == totals[-1] == zone["pods"] == 3
    assert min(totals) in (2, 3)  # one pod in each zone; on a busy machine its successor comes between two looks
    last = zone["samples"][-1][1]
    assert zone["lost"] not in last  # nothing moves back by itself
    wanted = [sample[1] for sample in scaling["samples"]]
    assert (wanted[0], max(wanted), wanted[-1]) == (3, MOST, 3)
    assert min(sample[2] for sample in scaling["samples"]) >= 3
    assert len(said) == 2

    after = application.autoscaler()
    assert after["spec"] == before["spec"]
    owners = [entry["manager"] for entry in after["metadata"]["managedFields"] if "subresource" not in entry]
    assert owners == ["drill"]  # the tests' own; the program's next change meets no conflict
    assert not [pod for pod in application.pods() if USAGE in (pod["metadata"].get("annotations") or {})]
    assert set(names) <= {node["metadata"]["name"] for node in application.api.items("/api/v1/nodes")}


def test_a_cluster_without_a_deployment_is_nothing_to_drill(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    with pytest.raises(drills.NoApplicationError, match="bring the stack up"):
        drills.run(control_plane.kubeconfig, tmp_path, print, namespace)
    assert not (tmp_path / "drills.json").exists()


def test_windows_and_periods_become_shorter_and_percentages_stay() -> None:
    rules = {
        "scaleDown": {
            "stabilizationWindowSeconds": 300,
            "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}],
        }
    }
    [short] = shortened(rules).values()
    assert short == {
        "stabilizationWindowSeconds": 30,
        "policies": [{"type": "Percent", "value": 50, "periodSeconds": 6}],
    }


def test_a_node_comes_back_as_it_was_given_without_what_controllers_put_on_it() -> None:
    own = {"key": "CriticalAddonsOnly", "effect": "NoSchedule"}
    found = {
        "metadata": {"name": "n", "uid": "1", "resourceVersion": "2", "labels": {"a": "b"}, "annotations": {}},
        "spec": {
            "providerID": "aws:///x",
            "taints": [own, {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}],
        },
        "status": {"capacity": {"cpu": "4"}, "allocatable": {"cpu": "4"}, "conditions": [], "nodeInfo": {}},
    }
    made = again(found)
    assert made["metadata"] == {"name": "n", "labels": {"a": "b"}, "annotations": {}}
    assert made["spec"]["taints"] == [own]
    assert made["status"] == {"capacity": {"cpu": "4"}, "allocatable": {"cpu": "4"}, "nodeInfo": {}}
