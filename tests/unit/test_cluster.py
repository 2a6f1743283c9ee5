"""The control plane and its nodes."""

import pulumi
import pytest
from pydantic import ValidationError

from infra.cluster import ClusterSettings, _creator_is_no_administrator, _entry_name
from infra.nodes import NodeGroupSettings
from tests.unit.plan import AWS_STACKS, planned

CLUSTER = "eks:index:Cluster"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
ADD_ON = "aws:eks/addon:Addon"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_api_is_entered_by_access_entries_only_and_from_listed_networks_only(stack: str) -> None:
    cluster = planned(stack).only(CLUSTER).inputs
    assert cluster["authenticationMode"] == "API"
    assert cluster["endpointPrivateAccess"] is True
    assert cluster["endpointPublicAccess"] is True
    assert cluster["publicAccessCidrs"] == ["203.0.113.0/24"]


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_secrets_are_encrypted_with_the_platforms_key(stack: str) -> None:
    plan = planned(stack)
    assert plan.only(CLUSTER).inputs["encryptionConfigKeyArn"] == plan.key_arn


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_all_control_plane_logs_go_to_a_group_that_was_there_before_and_forgets(stack: str) -> None:
    plan = planned(stack)
    assert len(plan.only(CLUSTER).inputs["enabledClusterLogTypes"]) == 5
    logs = plan.only("aws:cloudwatch/logGroup:LogGroup", f"marlinspike-{stack}-logs")
    assert logs.inputs["name"] == f"/aws/eks/marlinspike-{stack}/cluster"
    assert logs.inputs["retentionInDays"] in (30, 90)
    assert logs.key in plan.only(CLUSTER).depends_on


def test_network_policies_are_enforced_and_not_only_stored() -> None:
    options = planned("prod").only(CLUSTER).inputs["vpcCniOptions"]
    assert options["enableNetworkPolicy"] is True
    assert options["enablePrefixDelegation"] is True


@pytest.mark.parametrize(("stack", "protected"), [("dev", False), ("staging", False), ("prod", True)])
def test_only_prod_resists_deletion(stack: str, protected: bool) -> None:
    assert planned(stack).only(CLUSTER).inputs["deletionProtection"] is protected


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


def test_dev_runs_on_spot_and_the_others_do_not() -> None:
    capacity = {stack: {g.inputs["capacityType"] for g in planned(stack).of(NODE_GROUP)} for stack in AWS_STACKS}
    assert capacity == {"dev": {"SPOT"}, "staging": {"ON_DEMAND"}, "prod": {"ON_DEMAND"}}


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_pods_cannot_reach_the_instance_metadata_and_disks_are_encrypted(stack: str) -> None:
    for template in planned(stack).of(LAUNCH_TEMPLATE):
        options = template.inputs["metadataOptions"]
        assert (options["httpTokens"], options["httpPutResponseHopLimit"]) == ("required", 1)
        [disk] = template.inputs["blockDeviceMappings"]
        assert (disk["ebs"]["encrypted"], disk["ebs"]["volumeType"]) == ("true", "gp3")


def test_no_node_starts_before_its_network_and_its_pods_credentials_are_there() -> None:
    plan = planned("prod")
    earlier = [
        "Addon/marlinspike-prod-pod-identity-agent",
        "Cluster/marlinspike-prod",
        "Route/marlinspike-prod-private-c-default",
        "RouteTableAssociation/marlinspike-prod-private-b",
        *(association.key for association in plan.of(ASSOCIATION)),
    ]
    assert len(earlier) == 10
    for group in plan.of(NODE_GROUP):
        assert [key for key in earlier if not plan.comes_before(key, group.key)] == []


def test_nodes_do_not_wait_for_the_database() -> None:
    plan = planned("prod")
    assert not plan.comes_before(
        "Instance/marlinspike-prod-database-instance", "NodeGroup/marlinspike-prod-application"
    )


def test_cluster_dns_and_metrics_come_after_the_nodes_at_pinned_versions() -> None:
    plan = planned("prod")
    for add_on in ("coredns", "metrics-server"):
        found = plan.only(ADD_ON, f"marlinspike-prod-{add_on}")
        assert found.inputs["addonVersion"].startswith("v")
        assert plan.comes_before("NodeGroup/marlinspike-prod-application", found.key)


def test_whoever_creates_the_cluster_is_no_administrator_by_that_alone() -> None:
    child = pulumi.ResourceTransformArgs(
        custom=True,
        type_="aws:eks/cluster:Cluster",
        name="eksCluster",
        props={"accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": True}},
        opts=pulumi.ResourceOptions(),
    )
    changed = _creator_is_no_administrator(child)
    assert changed is not None
    assert changed.props["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": False,
    }
    assert len(planned("prod").only(CLUSTER).inputs["accessEntries"]) == 1


def test_administrators_of_the_same_name_on_different_paths_are_both_let_in() -> None:
    names = {_entry_name(f"arn:aws:iam::111122223333:role/{path}/Admin") for path in ("x", "y")}
    assert len(names) == 2


def test_what_auto_scaling_starts_carries_the_environments_tags() -> None:
    for template in planned("prod").of(LAUNCH_TEMPLATE):
        for specification in template.inputs["tagSpecifications"]:
            assert specification["tags"]["Environment"] == "prod"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"public_access_cidrs": ("0.0.0.0/0",)}, "opens the Kubernetes API to"),
        ({"public_access_cidrs": ("10.20.0.0/16",)}, "is no public range"),
        ({"public_access_cidrs": ("office",)}, "write a network such as 203.0.113.0/24"),
        ({"administrators": ("alice",)}, "String should match pattern"),
        ({"administrators": ()}, "at least 1"),
        ({"administrators": ("arn:aws:iam::111122223333:role/a",) * 2}, "names a role twice"),
    ],
)
def test_a_wrong_cluster_setting_is_refused_with_its_reason(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        ClusterSettings(**{"administrators": ("arn:aws:iam::111122223333:role/a",), **wrong})


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"minimum": 3, "desired": 2, "maximum": 4}, "must not decrease"),
        ({"minimum": 1, "desired": 1, "maximum": 1, "instance_types": ("m7g.large", "m7i.large")}, "mixes ARM"),
        ({"minimum": 1, "desired": 1, "maximum": 1, "instance_types": ("a1.large",)}, "the first Graviton"),
        ({"minimum": 1, "desired": 1, "maximum": 1, "disk_gib": 5}, "greater than or equal to 20"),
    ],
)
def test_a_wrong_node_group_is_refused_with_its_reason(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        NodeGroupSettings(**{"instance_types": ("m7g.large",), **wrong})


def test_the_operating_systems_image_fits_the_processors() -> None:
    sizes = {"minimum": 1, "desired": 1, "maximum": 1}
    assert NodeGroupSettings(instance_types=("c7g.xlarge",), **sizes).ami_type == "AL2023_ARM_64_STANDARD"
    assert NodeGroupSettings(instance_types=("g5.xlarge",), **sizes).ami_type == "AL2023_x86_64_STANDARD"
