"""Fifty workloads on five hundred nodes, through the real engine: FULL=1 runs it."""

import json
import os
import time
from pathlib import Path

import pytest

from rehearsal import places
from rehearsal.control_plane import ControlPlane
from rehearsal.control_plane.api import Api
from rehearsal.control_plane.simulated_nodes import SimulatedNodeGroup, reconcile
from rehearsal.run import Rehearsal
from rehearsal.toolchain import Toolchain

MANY = Path(__file__).parent / "many"
NODES = 500
WORKLOADS = 50
PODS = 500
ZONES = ("eu-west-3a", "eu-west-3b", "eu-west-3c")


@pytest.mark.skipif(not os.environ.get("FULL"), reason="takes several minutes: FULL=1")
def test_fifty_workloads_on_five_hundred_nodes_come_up_and_a_preview_finds_no_change(
    tmp_path: Path, toolchain: Toolchain
) -> None:
    rehearsal = Rehearsal("dev", tmp_path / "state", tmp_path / "out", MANY, toolchain=toolchain)
    try:
        control_plane = ControlPlane.start(rehearsal.kubeconfig.parent, toolchain.control_plane)
        began = time.monotonic()
        reconcile(control_plane.kubeconfig, SimulatedNodeGroup("many", "m7g.large", NODES, ZONES), timeout_seconds=300)
        figures = {"seconds_until_nodes_are_ready": round(time.monotonic() - began, 1)}
        began = time.monotonic()
        up = rehearsal.up()
        figures["seconds_up"] = round(time.monotonic() - began, 1)
        assert up.succeeded, "\n".join(up.errors)
        with Api(rehearsal.kubeconfig) as api:
            pods = api.items("/api/v1/namespaces/many/pods")
        assert len(pods) == PODS
        assert {pod["status"]["phase"] for pod in pods} == {"Running"}
        began = time.monotonic()
        preview = rehearsal.preview(None, None, "--expect-no-changes")
        figures["seconds_preview"] = round(time.monotonic() - began, 1)
        assert preview.succeeded, "\n".join(preview.errors)
        assert preview.changes.keys() == {"same"}
        figures["resources"] = preview.changes["same"]
        assert figures["resources"] > WORKLOADS * 5
        # Work for each resource grows with their number only: a preview of all is no more than an update of all.
        assert figures["seconds_preview"] < figures["seconds_up"]
    finally:
        rehearsal.remove()
    print(json.dumps(figures))
    path = places.outputs() / "drills.json"
    path.parent.mkdir(exist_ok=True)
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**known, "fifty_workloads_on_five_hundred_nodes": figures}, indent=1, sort_keys=True))
