"""What a node group's simulated nodes promise: number, spread, size, labels, taints, and to be gone when removed."""

from collections import Counter
from collections.abc import Iterator

import pytest

from rehearsal.control_plane import ControlPlane
from rehearsal.control_plane.api import Api, Manifest
from rehearsal.control_plane.simulated_nodes import (
    SimulatedNodeGroup,
    SimulatedNodesError,
    node_name,
    reconcile,
    remove,
)

from .conftest import Eventually

ZONES = ("eu-west-3a", "eu-west-3b", "eu-west-3c")
GROUP = SimulatedNodeGroup("workers", "m7g.large", 3, ZONES, {"role": "application"})


@pytest.fixture(autouse=True)
def _no_nodes_are_left(control_plane: ControlPlane) -> Iterator[None]:
    yield
    remove(control_plane.kubeconfig, GROUP.name)


def nodes(api: Api) -> dict[str, Manifest]:
    """The nodes of the group under test, by name."""
    found = api.items("/api/v1/nodes", {"labelSelector": f"eks.amazonaws.com/nodegroup={GROUP.name}"})
    return {node["metadata"]["name"]: node for node in found}


def zones(api: Api) -> Counter[str]:
    """How many nodes of the group each zone has."""
    return Counter(node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes(api).values())


def pod(name: str, **spec: object) -> Manifest:
    """A pod that goes to nodes of the group under test, and nowhere else."""
    return {
        "metadata": {"name": name},
        "spec": {
            "nodeSelector": {"eks.amazonaws.com/nodegroup": GROUP.name},
            "containers": [{"name": "app", "image": "example.invalid/app:1"}],
            **spec,
        },
    }


def changed(**fields: object) -> SimulatedNodeGroup:
    """The group under test with other values."""
    return SimulatedNodeGroup(**{**vars(GROUP), **fields})


def test_nodes_are_ready_and_spread_over_the_zones(control_plane: ControlPlane, api: Api) -> None:
    names = reconcile(control_plane.kubeconfig, changed(count=7))
    assert zones(api) == {"eu-west-3a": 3, "eu-west-3b": 2, "eu-west-3c": 2}
    found = nodes(api)
    assert set(found) == set(names)
    for node in found.values():
        ready = [entry["status"] for entry in node["status"]["conditions"] if entry["type"] == "Ready"]
        assert ready == ["True"]


def test_a_node_looks_as_eks_would_make_it(control_plane: ControlPlane, api: Api) -> None:
    [name, *_] = reconcile(control_plane.kubeconfig, GROUP)
    node = nodes(api)[name]
    labels = node["metadata"]["labels"]
    assert (
        labels.items()
        >= {
            "eks.amazonaws.com/nodegroup": "workers",
            "kubernetes.io/arch": "arm64",
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "node.kubernetes.io/instance-type": "m7g.large",
            "role": "application",
            "topology.kubernetes.io/region": "eu-west-3",
            "topology.kubernetes.io/zone": "eu-west-3a",
        }.items()
    )
    assert node["status"]["capacity"]["cpu"] == "2"
    assert node["status"]["allocatable"] == {
        "cpu": "1930m",
        "memory": "6012Mi",
        "pods": "110",
        "ephemeral-storage": "17Gi",
    }
    assert node["status"]["nodeInfo"]["kubeletVersion"].startswith("v1.36.")
    assert node["spec"]["providerID"].startswith("aws:///eu-west-3a/i-")


def test_a_changed_count_keeps_the_nodes_that_stay(control_plane: ControlPlane, api: Api) -> None:
    three = reconcile(control_plane.kubeconfig, GROUP)
    uids = {name: node["metadata"]["uid"] for name, node in nodes(api).items()}
    five = reconcile(control_plane.kubeconfig, changed(count=5))
    assert set(three) < set(five)
    assert zones(api) == {"eu-west-3a": 2, "eu-west-3b": 2, "eu-west-3c": 1}
    assert reconcile(control_plane.kubeconfig, GROUP) == three
    assert {name: node["metadata"]["uid"] for name, node in nodes(api).items()} == uids
    assert reconcile(control_plane.kubeconfig, changed(count=0)) == []
    assert nodes(api) == {}


def test_another_instance_type_replaces_the_nodes(control_plane: ControlPlane, api: Api) -> None:
    reconcile(control_plane.kubeconfig, GROUP)
    uids = {node["metadata"]["uid"] for node in nodes(api).values()}
    reconcile(control_plane.kubeconfig, changed(instance_type="c7i.xlarge"))
    found = nodes(api).values()
    assert {node["metadata"]["labels"]["kubernetes.io/arch"] for node in found} == {"amd64"}
    assert {node["status"]["capacity"]["cpu"] for node in found} == {"4"}
    assert uids.isdisjoint(node["metadata"]["uid"] for node in found)


def test_changed_labels_and_taints_reach_the_nodes_that_stay(control_plane: ControlPlane, api: Api) -> None:
    taint = {"key": "dedicated", "value": "batch", "effect": "NoSchedule"}
    reconcile(control_plane.kubeconfig, changed(taints=(taint,)))
    reconcile(control_plane.kubeconfig, changed(labels={"tier": "spare"}))
    for node in nodes(api).values():
        assert node["metadata"]["labels"]["tier"] == "spare"
        assert "role" not in node["metadata"]["labels"]
        assert "taints" not in node["spec"]


def test_only_pods_that_tolerate_the_taint_are_scheduled(
    control_plane: ControlPlane, api: Api, namespace: str, eventually: Eventually
) -> None:
    taint = {"key": "dedicated", "value": "batch", "effect": "NoSchedule"}
    reconcile(control_plane.kubeconfig, changed(taints=(taint,)))
    pods = f"/api/v1/namespaces/{namespace}/pods"
    toleration = {"key": "dedicated", "operator": "Equal", "value": "batch", "effect": "NoSchedule"}
    api.create(pods, pod("refused"))
    api.create(pods, pod("tolerates", tolerations=[toleration]))
    eventually("the tolerating pod runs", 20, lambda: api.get(f"{pods}/tolerates")["status"]["phase"] == "Running")

    def reason() -> str:
        conditions = api.get(f"{pods}/refused")["status"].get("conditions", [])
        return "".join(condition.get("message", "") for condition in conditions)

    eventually("the scheduler's reason", 20, lambda: "untolerated taint" in reason())
    assert api.get(f"{pods}/refused")["status"]["phase"] == "Pending"


def test_removed_nodes_take_their_pods_with_them(
    control_plane: ControlPlane, api: Api, namespace: str, eventually: Eventually
) -> None:
    reconcile(control_plane.kubeconfig, GROUP)
    pods = f"/api/v1/namespaces/{namespace}/pods"
    api.create(pods, pod("lost"))
    eventually("the pod runs", 20, lambda: api.get(f"{pods}/lost")["status"]["phase"] == "Running")
    remove(control_plane.kubeconfig, GROUP.name)
    assert nodes(api) == {}
    assert api.items(pods) == []
    remove(control_plane.kubeconfig, GROUP.name)  # a second time is no error


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (
            {"instance_type": "m7g.huge"},
            r"does not know instance type m7g\.huge \(it knows m7g\.medium, .*instance_types",
        ),
        (
            {"instance_type": "x1.large"},
            r"does not know instance type x1\.large .*rehearsal/control_plane/instance_types\.py",
        ),
        ({"zones": ()}, "no zone to put its 3 nodes in"),
        ({"count": -1}, "give 0 or more"),
    ],
)
def test_an_impossible_group_is_refused(
    control_plane: ControlPlane, api: Api, fields: dict[str, object], says: str
) -> None:
    with pytest.raises(SimulatedNodesError, match=says):
        reconcile(control_plane.kubeconfig, changed(**fields))
    assert nodes(api) == {}


def test_any_name_of_a_node_group_makes_a_host_name() -> None:
    assert node_name("workers", "eu-west-3a", 1) == "workers-eu-west-3a-1"
    names = [node_name(group, "eu-west-3a", 1) for group in ("My_Group", "my-group", "g" * 63, "g" * 62)]
    assert len(set(names)) == 4
    for name in names:
        assert len(name) <= 63
        assert name.replace("-", "").isalnum()
        assert name == name.lower()
