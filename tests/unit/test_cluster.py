"""The control plane: who reaches it, what it keeps, and what comes before and after the nodes."""

import json

import pytest
from pydantic import ValidationError

from infra.access import access_entries
from infra.cluster import ClusterSettings
from tests.unit.plan import AWS_STACKS, planned

CLUSTER = "eks:index:Cluster"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
ADD_ON = "aws:eks/addon:Addon"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"

ROLE = "arn:aws:iam::111122223333:role/a"
OTHER = "arn:aws:iam::111122223333:role/b"


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


def test_no_node_starts_before_its_network_and_its_pods_credentials_are_there() -> None:
    plan = planned("prod")
    earlier = [
        "Addon/marlinspike-prod-pod-identity-agent",
        "RolePolicyAttachment/marlinspike-prod-network-add-on",
        "Cluster/marlinspike-prod",
        "Route/marlinspike-prod-private-c-default",
        "RouteTableAssociation/marlinspike-prod-private-b",
        *(association.key for association in plan.of(ASSOCIATION)),
    ]
    assert len(earlier) == 19
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


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_each_purpose_has_its_own_way_in(stack: str) -> None:
    found = {}
    for entry in planned(stack).only(CLUSTER).inputs["accessEntries"].values():
        [association] = entry["accessPolicies"].values()
        policy = association["policyArn"].rpartition("/")[2]
        found[entry["principalArn"].rpartition("/")[2]] = (policy, association["accessScope"])
    whole = {"type": "cluster"}
    assert found == {
        "platform-administrators": ("AmazonEKSClusterAdminPolicy", whole),
        f"marlinspike-{stack}-deploy": ("AmazonEKSClusterAdminPolicy", whole),
        f"marlinspike-{stack}-preview": ("AmazonEKSViewPolicy", whole),  # unlike AmazonEKSAdminViewPolicy: no Secrets
        "application-developers": ("AmazonEKSEditPolicy", {"type": "namespace", "namespaces": ["marlinspike"]}),
    }


def test_roles_of_the_same_name_on_different_paths_are_both_let_in() -> None:
    administrators = tuple(f"arn:aws:iam::111122223333:role/{path}/Admin" for path in ("x", "y"))
    assert len(access_entries(ClusterSettings(administrators=administrators))) == 2


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_a_version_at_its_end_is_upgraded_and_not_paid_for_six_times(stack: str) -> None:
    assert planned(stack).only(CLUSTER).inputs["upgradePolicy"] == {"supportType": "STANDARD"}


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_pods_get_their_addresses_by_a_role_that_nothing_else_on_the_node_has(stack: str) -> None:
    plan = planned(stack)
    own = plan.only(ASSOCIATION, f"marlinspike-{stack}-network-add-on").inputs
    role = plan.only("aws:iam/role:Role", f"marlinspike-{stack}-network-add-on")
    agent = plan.only(ADD_ON, f"marlinspike-{stack}-pod-identity-agent").inputs
    assert json.loads(agent["configurationValues"]) == {"tolerations": [{"operator": "Exists"}]}
    assert (own["namespace"], own["serviceAccount"]) == ("kube-system", "aws-node")
    assert own["roleArn"].endswith(role.name)
    attached = {
        (attachment.inputs["policyArn"].rpartition("/")[2], attachment.inputs["role"])
        for attachment in plan.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
        if "EKS" in attachment.inputs["policyArn"]
    }
    node = f"marlinspike-{stack}-node"
    assert attached == {("AmazonEKSWorkerNodePolicy", node), ("AmazonEKS_CNI_Policy", role.name)}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"public_access_cidrs": ("0.0.0.0/0",)}, "opens the Kubernetes API to"),
        ({"public_access_cidrs": ("10.20.0.0/16",)}, "is no public range"),
        ({"public_access_cidrs": ("office",)}, "write a network such as 203.0.113.0/24"),
        ({"administrators": ("alice",)}, "String should match pattern"),
        ({"administrators": ()}, "at least 1"),
        (
            {"administrators": (ROLE, ROLE)},
            "role/a is in administrators and administrators: EKS accepts one access entry",
        ),
        ({"readers": (ROLE,)}, "role/a is in administrators and readers: EKS accepts one access entry"),
        (
            {"deployers": (OTHER,), "namespace_editors": {OTHER: ("shop",)}},
            "role/b is in deployers and namespace_editors",
        ),
        ({"namespace_editors": {OTHER: ("kube-system",)}}, "acts as any of its service accounts"),
        ({"namespace_editors": {OTHER: ()}}, "at least 1"),
        ({"namespace_editors": {OTHER: ("Shop",)}}, "String should match pattern"),
        ({"version": "1.35"}, "1.35 is not the version that add-ons, nodes and charts are pinned for, 1.36"),
    ],
)
def test_a_wrong_cluster_setting_is_refused_with_its_reason(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        ClusterSettings(**{"administrators": (ROLE,), **wrong})
