"""The nodes: their groups, what keeps pods off them, and how one group takes over from another."""

from typing import Any

import pytest
from pydantic import ValidationError

from infra.nodes import NodeGroupSettings, TaintSettings, by_served_name
from infra.placement import ANY_NODE, placement_on
from rehearsal.control_plane.instance_types import INSTANCE_TYPES
from tests.unit.plan import AWS_STACKS, planned, planned_with

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
LABEL = "marlinspike.io/node-group"

SIZES: dict[str, Any] = {"minimum": 1, "desired": 1, "maximum": 1}
SPOT = TaintSettings(key="spot", effect="NoExecute")
SYSTEM = TaintSettings(key="CriticalAddonsOnly", value="true", effect="NoSchedule")


def group(**fields: Any) -> NodeGroupSettings:
    return NodeGroupSettings(**{"instance_types": ("m7g.large",), **SIZES, **fields})


@pytest.mark.parametrize(
    ("stack", "sizes"),
    [
        ("dev", {"application": (2, 2, 4)}),
        ("staging", {"application": (3, 3, 6)}),
        ("prod", {"system": (2, 2, 3), "application": (3, 3, 10)}),
    ],
)
def test_node_groups_have_the_sizes_of_their_environment(stack: str, sizes: dict[str, tuple[int, int, int]]) -> None:
    found = {}
    for group in planned(stack).of(NODE_GROUP):
        scaling = group.inputs["scalingConfig"]
        name = group.name.removeprefix(f"marlinspike-{stack}-")
        found[name] = (scaling["minSize"], scaling["desiredSize"], scaling["maxSize"])
    assert found == sizes


def test_prods_application_nodes_have_four_processors_and_eight_gibibytes() -> None:
    [kind] = planned("prod").only(NODE_GROUP, "marlinspike-prod-application").inputs["instanceTypes"]
    assert (INSTANCE_TYPES[kind].vcpus, INSTANCE_TYPES[kind].memory_gibibytes) == (4, 8)


def test_dev_runs_on_spot_and_the_others_do_not() -> None:
    capacity = {stack: {g.inputs["capacityType"] for g in planned(stack).of(NODE_GROUP)} for stack in AWS_STACKS}
    assert capacity == {"dev": {"SPOT"}, "staging": {"ON_DEMAND"}, "prod": {"ON_DEMAND"}}


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_pods_cannot_reach_the_instance_metadata_and_disks_are_encrypted(stack: str) -> None:
    for template in planned(stack).of(LAUNCH_TEMPLATE):
        options = template.inputs["metadataOptions"]
        assert (options["httpTokens"], options["httpPutResponseHopLimit"]) == ("required", 1)
        [disk] = template.inputs["blockDeviceMappings"]
        assert (disk["deviceName"], disk["ebs"]["volumeSize"]) == ("/dev/xvda", 50)
        assert (disk["ebs"]["encrypted"], disk["ebs"]["volumeType"]) == ("true", "gp3")
        assert disk["ebs"]["kmsKeyId"] == planned(stack).key_arn


def test_what_auto_scaling_starts_carries_the_environments_tags() -> None:
    for template in planned("prod").of(LAUNCH_TEMPLATE):
        specifications = template.inputs["tagSpecifications"]
        assert [specification["resourceType"] for specification in specifications] == ["instance", "volume"]
        assert {specification["tags"]["Environment"] for specification in specifications} == {"prod"}


def test_bottlerocket_keeps_what_pods_write_on_an_encrypted_disk_of_its_own() -> None:
    plan = planned_with("dev", {"nodes.application.operating_system": "bottlerocket", "nodes.application.disk_gib": 80})
    assert plan.only(NODE_GROUP).inputs["amiType"] == "BOTTLEROCKET_ARM_64"
    disks = {disk["deviceName"]: disk["ebs"] for disk in plan.only(LAUNCH_TEMPLATE).inputs["blockDeviceMappings"]}
    assert {device: disk.get("volumeSize") for device, disk in disks.items()} == {"/dev/xvda": None, "/dev/xvdb": 80}
    for disk in disks.values():
        assert (disk["encrypted"], disk["volumeType"], disk["kmsKeyId"]) == ("true", "gp3", plan.key_arn)


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_cluster_autoscaler_and_not_pulumi_has_the_last_word_on_the_number_of_nodes(stack: str) -> None:
    for found in planned(stack).of(NODE_GROUP):
        assert found.ignore_changes == ("scalingConfig.desiredSize",)


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_nodes_are_updated_a_third_at_a_time_and_repaired_by_eks(stack: str) -> None:
    for found in planned(stack).of(NODE_GROUP):
        assert found.inputs["updateConfig"] == {"maxUnavailablePercentage": 33}
        assert found.inputs["nodeRepairConfig"] == {"enabled": True}


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_groups_and_templates_have_automatic_names_so_that_the_new_one_comes_first(stack: str) -> None:
    for found in planned(stack).of(NODE_GROUP):
        assert not found.inputs.keys() & {"nodeGroupName", "nodeGroupNamePrefix"}
    for found in planned(stack).of(LAUNCH_TEMPLATE):
        assert not found.inputs.keys() & {"name", "namePrefix"}


def test_labels_and_taints_are_the_groups_own_in_ekss_words() -> None:
    taint = {"key": "spot", "value": "", "effect": "PreferNoSchedule"}
    plan = planned_with("dev", {"nodes.application.labels": {"tier": "cheap"}, "nodes.application.taints": [taint]})
    inputs = plan.only(NODE_GROUP).inputs
    assert inputs["labels"] == {"tier": "cheap", LABEL: "application"}
    assert inputs["taints"] == [{"key": "spot", "value": "", "effect": "PREFER_NO_SCHEDULE"}]


def test_only_prod_keeps_its_system_nodes_for_what_asks_for_them() -> None:
    tainted = {
        found.name: [(taint["key"], taint["effect"]) for taint in found.inputs["taints"]]
        for stack in AWS_STACKS
        for found in planned(stack).of(NODE_GROUP)
        if found.inputs.get("taints")
    }
    assert tainted == {"marlinspike-prod-system": [("CriticalAddonsOnly", "NO_SCHEDULE")]}


def test_the_application_and_its_jobs_tolerate_the_taint_of_the_group_that_they_chose() -> None:
    plan = planned_with("prod", {"app.node_group": "system"})
    jobs = plan.of("kubernetes:batch/v1:Job")
    assert len(jobs) == 2
    for owner in (*jobs, plan.only("kubernetes:apps/v1:Deployment")):
        pod = owner.inputs["spec"]["template"]["spec"]
        assert pod["nodeSelector"] == {LABEL: "system"}
        assert "CriticalAddonsOnly" in [toleration["key"] for toleration in pod["tolerations"]]
    for owner in planned("prod").of("kubernetes:apps/v1:Deployment"):
        tolerated = owner.inputs["spec"]["template"]["spec"].get("tolerations", [])
        assert not [toleration for toleration in tolerated if toleration["effect"] == "NoSchedule"]


def test_a_second_group_that_serves_the_first_takes_its_workloads() -> None:
    second = {"instance_types": ["m8g.xlarge"], "minimum": 3, "desired": 3, "maximum": 10, "serves": "application"}
    both = planned_with("prod", {"nodes.application-m8g": second})
    labels = {found.name: found.inputs["labels"][LABEL] for found in both.of(NODE_GROUP)}
    assert labels == {
        "marlinspike-prod-system": "system",
        "marlinspike-prod-application": "application",
        "marlinspike-prod-application-m8g": "application",
    }
    alone = planned_with("prod", {"nodes.application-m8g": second, "nodes.application": None})
    pods = [plan.only("kubernetes:apps/v1:Deployment").inputs["spec"]["template"] for plan in (both, alone)]
    assert pods[0] == pods[1]


def test_pods_tolerate_the_taints_of_every_group_that_serves_theirs() -> None:
    groups = {"batch": group(taints=(SYSTEM,)), "batch-spot": group(taints=(SPOT, SYSTEM), serves="batch")}
    assert by_served_name(groups) == {"batch": list(groups.values())}
    placement = placement_on(groups, "batch")
    assert [toleration["key"] for toleration in placement.tolerations] == ["CriticalAddonsOnly", "spot"]
    assert placement_on(groups, None) is ANY_NODE


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"minimum": 3, "desired": 2, "maximum": 4}, "must not decrease"),
        ({"instance_types": ("m7g.large", "m7i.large")}, "mixes ARM"),
        ({"instance_types": ("a1.large",)}, "the first Graviton"),
        ({"disk_gib": 5}, "greater than or equal to 20"),
        ({"labels": {"node.kubernetes.io/pool": "a"}}, "has a prefix that EKS keeps for itself"),
        ({"labels": {"eks.amazonaws.com/pool": "a"}}, "has a prefix that EKS keeps for itself"),
        ({"labels": {LABEL: "a"}}, "set `serves` for another value"),
        ({"labels": {"tier": "not cheap"}}, "String should match pattern"),
        ({"taints": (SPOT, SPOT)}, "has a key and effect twice"),
        ({"serves": "Application"}, "String should match pattern"),
        ({"operating_system": "windows"}, "Input should be 'amazon-linux-2023' or 'bottlerocket'"),
    ],
)
def test_a_wrong_node_group_is_refused_with_its_reason(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        group(**wrong)


def test_the_operating_systems_image_fits_the_processors() -> None:
    found = {
        group(instance_types=(kind,), operating_system=system).ami_type
        for kind in ("c7g.xlarge", "g5.xlarge")
        for system in ("amazon-linux-2023", "bottlerocket")
    }
    assert found == {"AL2023_ARM_64_STANDARD", "AL2023_x86_64_STANDARD", "BOTTLEROCKET_ARM_64", "BOTTLEROCKET_x86_64"}
    assert group(instance_types=("c7g.xlarge",)).ami_type == "AL2023_ARM_64_STANDARD"
