"""What can be said of the real node without one: who may have it, what is told of it, what its images are made of."""

from pathlib import Path

import pytest

from rehearsal import summary
from rehearsal.image import packages
from rehearsal.real_node import cgroups, requirements
from rehearsal.real_node.errors import RealNodeError
from rehearsal.run import REAL, SIMULATED, Rehearsal, RehearsalError
from tests.engine.test_summary import made, result


@pytest.mark.parametrize(
    ("stack", "node", "told"),
    [
        ("prod", REAL, "The real node is for stack local: make rehearse STACK=local NODE=real"),
        ("local", "docker", "there are only NODE=simulated and NODE=real"),
    ],
)
def test_a_node_that_can_not_be_is_refused_with_the_command_to_give(
    stack: str, node: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(RehearsalError, match=told):
        Rehearsal(stack, state=tmp_path, out=tmp_path, node=node)


@pytest.mark.parametrize(("present", "asked"), [("control-plane", REAL), ("real-node", SIMULATED)])
def test_a_rehearsal_keeps_the_nodes_that_it_began_with(present: str, asked: str, tmp_path: Path) -> None:
    (tmp_path / present).mkdir()
    with pytest.raises(RehearsalError, match="make destroy STACK=local"):
        Rehearsal("local", state=tmp_path, out=tmp_path, node=asked)
    again = Rehearsal("local", state=tmp_path, out=tmp_path)
    assert (again._cluster.node is not None) == (present == "real-node")


def test_a_machine_without_what_it_needs_is_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    with pytest.raises(RealNodeError, match="it needs Linux, and this is Darwin"):
        requirements.ensure(print)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(RealNodeError, match="it needs root"):
        requirements.ensure(print)


def test_what_differs_on_a_real_node_is_named(tmp_path: Path) -> None:
    outcome = result(made("kubernetes:core/v1:Namespace", "shop"), kubeconfig=tmp_path / "kubeconfig")
    text = "\n".join(
        summary.closing("local", type(outcome)(**{**vars(outcome), "real_node": ("PostgreSQL 15 in place of 18",)}))
    )
    assert "PostgreSQL 15 in place of 18" in text
    assert "KWOK" not in text
    assert "the node: containerd, kubelet, kube-proxy, CoreDNS, the running pods." in text


@pytest.mark.parametrize(
    ("in_the_package", "in_the_layer"),
    [
        ("./bin/sh", "usr/bin/sh"),
        ("./lib/x86_64-linux-gnu/libc.so.6", "usr/lib/x86_64-linux-gnu/libc.so.6"),
        ("./usr/bin/env", "usr/bin/env"),
        ("./etc/passwd", "etc/passwd"),
        ("./library", "library"),
        ("./", "."),
    ],
)
def test_packages_from_before_the_merge_of_usr_land_in_usr(in_the_package: str, in_the_layer: str) -> None:
    assert packages._merged(in_the_package) == in_the_layer


def test_a_group_that_is_not_there_is_as_good_as_removed() -> None:
    cgroups.remove("marlinspike-nobody")
