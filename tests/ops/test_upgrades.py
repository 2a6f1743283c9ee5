"""Upgrades of the cluster and of its nodes: what would stop one is said before it begins, all at once."""

import re

import pytest

from infra import versions
from ops.draining import nodes
from ops.readiness import look
from ops.upgrades.apis import Deprecated, ask_for_the_programs, deprecated_in, requested
from ops.upgrades.cluster import api_faults, skew_faults, version_faults
from ops.upgrades.eks import running_version
from tests.ops.conftest import RehearsedStack
from tests.ops.test_drills import blocking_budget, nowhere_else

HERE = versions.KUBERNETES
MINOR = int(HERE.split(".")[1])
NEXT = f"1.{MINOR + 1}"


@pytest.mark.parametrize(
    ("running", "target", "faults"),
    [
        (f"1.{MINOR - 1}", HERE, []),
        (HERE, HERE, []),
        (f"1.{MINOR - 2}", HERE, [f"so to 1.{MINOR - 1} first"]),
        (NEXT, HERE, [f"EKS knows no way back to {HERE}"]),
        (HERE, NEXT, ["begins with infra/versions.py"]),
        (f"1.{MINOR - 1}", NEXT, ["begins with infra/versions.py", f"so to {HERE} first"]),
        (HERE, "newest", ["newest is no minor version"]),
    ],
)
def test_only_the_next_minor_version_that_the_program_is_pinned_for_is_taken(
    running: str, target: str, faults: list[str]
) -> None:
    found = version_faults(running, target)
    assert len(found) == len(faults)
    assert all(expected in said for expected, said in zip(faults, found, strict=True)), found


def test_a_kubelet_may_be_three_minor_versions_older_and_no_more() -> None:
    kubelets = {"young": "v1.36.1-eks-1", "three": "v1.34.9-eks-1", "four": "v1.33.2-eks-1"}
    [found] = skew_faults(kubelets, "1.37")
    assert found.startswith("node four: kubelet v1.33.2-eks-1 is 4 minor versions behind 1.37; 3 are allowed")


METRICS = """# HELP apiserver_requested_deprecated_apis [STABLE] Gauge of deprecated APIs that have been requested
# TYPE apiserver_requested_deprecated_apis gauge
apiserver_requested_deprecated_apis{group="",removed_release="",resource="componentstatuses",subresource="",version="v1"} 1
apiserver_requested_deprecated_apis{group="example.io",removed_release="1.37",resource="old",subresource="",version="v1beta1"} 1
apiserver_requested_deprecated_apis{group="example.io",removed_release="1.40",resource="new",subresource="status",version="v1"} 1
apiserver_request_total{code="200"} 1
"""


def test_an_api_that_the_target_has_removed_is_a_fault_and_a_later_one_is_to_know() -> None:
    found = deprecated_in(METRICS)
    assert found == [
        Deprecated("example.io/v1 new/status", "1.40"),
        Deprecated("example.io/v1beta1 old", "1.37"),
        Deprecated("v1 componentstatuses", ""),
    ]
    faults, notes = api_faults(found, "1.37")
    assert faults == [
        "somebody asks for example.io/v1beta1 old, which Kubernetes 1.37 removed; find out who (procedure)"
    ]
    assert notes == [
        "somebody asks for example.io/v1 new/status, which goes in 1.40",
        "somebody asks for v1 componentstatuses, which is deprecated",
    ]


def test_the_api_server_says_who_was_asked_for_what_is_deprecated_and_the_program_asks_for_nothing_of_it(
    rehearsed_stack: RehearsedStack,
) -> None:
    with rehearsed_stack.opened() as stack:
        assert ask_for_the_programs(stack) == []
        before = {each.name for each in requested(stack)}
        assert [name for name in before if re.search("deployments|services|horizontal|budgets|networkpol", name)] == []
        stack.cluster.core.list_component_status()
        assert "v1 componentstatuses" in {each.name for each in requested(stack)}


def test_everything_that_stands_against_an_upgrade_is_said_at_once_and_nothing_is_touched(
    rehearsed_stack: RehearsedStack,
) -> None:
    before = rehearsed_stack.resources()
    with rehearsed_stack.opened() as stack, blocking_budget(stack), nowhere_else(stack):
        answer = rehearsed_stack.run("cluster", "upgrade", "1.99", "--yes")
    assert answer.exit_code == 1
    for expected in (
        "this program is pinned for Kubernetes",
        "EKS goes one minor version at a time",
        "minor versions behind 1.99; 3 are allowed",
        "is not ready, or closed",
        "PodDisruptionBudget marlinspike/blocks lets no pod go",
    ):
        assert expected in answer.output
    assert rehearsed_stack.resources() == before


def test_nodes_are_replaced_one_group_after_the_other_and_the_pods_are_back(rehearsed_stack: RehearsedStack) -> None:
    with rehearsed_stack.opened() as stack:
        before = {node.metadata.uid: node.metadata.name for node in nodes(stack)}
        zones = {node.metadata.name: node.metadata.labels for node in nodes(stack)}
        document = rehearsed_stack.document("nodes", "upgrade", "--yes")
        after = {node.metadata.uid: node.metadata.name for node in nodes(stack)}
        labels = {node.metadata.name: node.metadata.labels for node in nodes(stack)}
        assert look(stack).short == ()
    assert before.keys().isdisjoint(after.keys())
    assert sorted(before.values()) == sorted(after.values())
    assert labels == zones
    assert sum(group["replaced"] for group in document["groups"].values()) == len(before)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "PodDisruptionBudget marlinspike/blocks lets no pod go"),
        (["--group", "none"], "there is no node group none; there are marlinspike-dev-"),
    ],
)
def test_nodes_that_can_not_be_drained_are_not_begun_with(
    rehearsed_stack: RehearsedStack, words: list[str], reason: str
) -> None:
    with rehearsed_stack.opened() as stack, blocking_budget(stack):
        before = {node.metadata.uid for node in nodes(stack)}
        answer = rehearsed_stack.run("nodes", "upgrade", *words, "--yes")
        assert {node.metadata.uid for node in nodes(stack)} == before
    assert answer.exit_code == 1
    assert reason in answer.output


@pytest.fixture
def next_table(rehearsed_stack: RehearsedStack, monkeypatch: pytest.MonkeyPatch) -> str:
    """The copied program is pinned for the next version, and stays so: EKS knows no way back, and neither does its double."""
    table = rehearsed_stack.folder / "infra" / "versions.py"
    text = table.read_text()
    pinned = {
        "KUBERNETES: Final": NEXT,
        '"kube-proxy"': f"v{NEXT}.0-eksbuild.2",
        "CLUSTER_AUTOSCALER_IMAGE: Final": f"v{NEXT}.0",
    }
    for name, version in pinned.items():
        text = re.sub(rf'({re.escape(name)}[:=]? ?=? ?)"[^"]+"', rf'\g<1>"{version}"', text)
    table.write_text(text)
    monkeypatch.setattr(versions, "KUBERNETES", NEXT)
    monkeypatch.setattr(versions, "CLUSTER_AUTOSCALER_IMAGE", f"v{NEXT}.0")
    monkeypatch.setitem(versions.ADD_ONS, "kube-proxy", f"v{NEXT}.0-eksbuild.2")
    monkeypatch.setitem(versions.OLDEST_VPC_CNI, NEXT, (1, 22))
    return NEXT


def test_the_next_table_of_versions_is_brought_to_the_cluster_and_its_node_groups(
    rehearsed_stack: RehearsedStack, next_table: str
) -> None:
    told = rehearsed_stack.document("cluster", "upgrade", "--dry-run")
    assert (told["running"], told["target"]) == (HERE, next_table)
    assert any("EKS is played here" in note for note in told["notes"])
    with rehearsed_stack.opened() as stack:
        assert running_version(stack) == HERE
    assert rehearsed_stack.document("cluster", "upgrade", "--yes")["upgraded"] is True
    with rehearsed_stack.opened() as stack:
        assert running_version(stack) == next_table
    groups = [found for urn, found in rehearsed_stack.resources().items() if "aws:eks/nodeGroup:NodeGroup::" in urn]
    assert {group["version"] for group in groups} == {next_table}
    again = rehearsed_stack.run("cluster", "upgrade", "--yes")
    assert again.exit_code == 0
    assert f"dev runs Kubernetes {next_table} already" in again.output
