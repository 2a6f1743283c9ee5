"""What the stand-in of pulumi-eks promises: refusals over the protocol, children and order through the real engine."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from pulumi.runtime.proto import provider_pb2

from rehearsal.control_plane.api import Api
from rehearsal.plugins.eks.addons import cni_configuration
from rehearsal.plugins.eks.authentication import RefusedArgumentsError
from rehearsal.plugins.eks.cluster import check
from rehearsal.plugins.wire import encode
from rehearsal.run import Rehearsal, Result
from rehearsal.toolchain import Toolchain
from tests.engine.plugin_client import Plugin

PROGRAM = Path(__file__).parent / "cloud"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
DATABASE = "aws:rds/instance:Instance"

# What pulumi-eks 4.4.0 makes for the arguments of the program (rehearsal/plugins/eks/CHILDREN.md).
CHILDREN = {
    "k-eksRole": "eks:index:ServiceRole",
    "k-eksRole-role": "aws:iam/role:Role",
    "k-eksRole-4b490823": "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "k-eksClusterSecurityGroup": "aws:ec2/securityGroup:SecurityGroup",
    "k-eksClusterInternetEgressRule": "aws:ec2/securityGroupRule:SecurityGroupRule",
    "k-eksCluster": "aws:eks/cluster:Cluster",
    "k-eks-k8s": "pulumi:providers:kubernetes",
    "k-kube-proxy": "aws:eks/addon:Addon",
    "k-admin": "aws:eks/accessEntry:AccessEntry",
    "k-admin-admin": "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    "k-nodeSecurityGroup": "aws:ec2/securityGroup:SecurityGroup",
    "k-eksNodeIngressRule": "aws:ec2/securityGroupRule:SecurityGroupRule",
    "k-eksNodeClusterIngressRule": "aws:ec2/securityGroupRule:SecurityGroupRule",
    "k-eksExtApiServerClusterIngressRule": "aws:ec2/securityGroupRule:SecurityGroupRule",
    "k-eksNodeInternetEgressRule": "aws:ec2/securityGroupRule:SecurityGroupRule",
    "k-eksClusterIngressRule": "aws:ec2/securityGroupRule:SecurityGroupRule",
}

ARGUMENTS: dict[str, Any] = {"vpcId": "vpc-1", "authenticationMode": "API", "skipDefaultNodeGroup": True}


# ---- refusals


@pytest.fixture(scope="module")
def eks() -> Iterator[Plugin]:
    with Plugin("eks", {}) as plugin:
        yield plugin


def construct(eks: Plugin, arguments: Mapping[str, Any], kind: str = "eks:index:Cluster") -> str:
    """What the plugin answers to arguments that it refuses before it speaks with the engine."""
    request = provider_pb2.ConstructRequest(project="p", stack="s", type=kind, name="k", inputs=encode(arguments))
    with pytest.raises(grpc.RpcError) as refused:
        eks.stub.Construct(request)
    details = dict(refused.value.trailing_metadata()).get("grpc-status-details-bin", b"")
    return f"{refused.value.details()} {details.decode(errors='replace')}"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"vpcIdd": "vpc-1"}, "did you mean 'vpcId'"),
        ({"authenticationMode": "APPI"}, "must be one of 'CONFIG_MAP', 'API', 'API_AND_CONFIG_MAP'"),
        ({"accessEntries": {"admin": {"accessPolicies": {}}}}, "missing required property 'principalArn'"),
        ({"vpcCniOptions": {"enableNetworkPolicy": "true"}}, "must be true or false, but is the string 'true'"),
        ({"upgradePolicy": {"support": "STANDARD"}}, "has no property 'support'"),
    ],
)
def test_arguments_that_the_real_component_does_not_take_are_refused(
    eks: Plugin, arguments: dict[str, Any], says: str
) -> None:
    assert says in construct(eks, {**ARGUMENTS, **arguments})


def test_another_component_of_the_package_is_refused_by_name(eks: Plugin) -> None:
    assert "does not simulate eks:index:ManagedNodeGroup" in construct(eks, {}, "eks:index:ManagedNodeGroup")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"instanceRoles": ["role"]}, "'instanceRoles' property does not support non-empty values when"),
        ({"roleMappings": [{}]}, "'roleMappings' property does not support non-empty values when"),
        ({"subnetIds": ["s"], "privateSubnetIds": ["s"]}, "mutually exclusive. Choose a single approach"),
        ({"nodeGroupOptions": {"gpu": True}, "minSize": 1}, "mutually exclusive. Choose a single approach"),
        ({"publicAccessCidrs": ["203.0.113.0/24"], "endpointPublicAccess": False}, "only be set when"),
        ({"skipDefaultNodeGroup": False}, "does not simulate a default node group"),
        ({"fargate": True, "autoMode": {"enabled": True}}, "Fargate profiles (fargate); EKS Auto Mode (autoMode)"),
        ({"authenticationMode": "CONFIG_MAP", "accessEntries": {"a": {}}}, "is not supported when"),
    ],
)
def test_a_combination_that_the_component_refuses_is_refused(arguments: dict[str, Any], says: str) -> None:
    check(ARGUMENTS)
    with pytest.raises(RefusedArgumentsError) as refused:
        check({**ARGUMENTS, **arguments})
    assert says in str(refused.value)


def test_network_policies_are_switched_on_by_a_word_as_the_add_on_wants_it() -> None:
    configuration = cni_configuration({"enableNetworkPolicy": True, "enablePrefixDelegation": True, "warmIpTarget": 5})
    assert configuration["enableNetworkPolicy"] == "true"
    assert configuration["env"]["ENABLE_PREFIX_DELEGATION"] == "true"
    assert configuration["env"]["WARM_IP_TARGET"] == "5"
    assert configuration["init"]["env"] == {"DISABLE_TCP_EARLY_DEMUX": "false"}


def test_the_programs_own_configuration_of_the_network_add_on_wins() -> None:
    own = {"enableNetworkPolicy": "false", "env": {"WARM_ENI_TARGET": "3"}, "init": {"env": {"A": "b"}}}
    configuration = cni_configuration({"enableNetworkPolicy": True, "configurationValues": own})
    assert configuration["enableNetworkPolicy"] == "false"
    assert configuration["env"]["WARM_ENI_TARGET"] == "3"
    assert configuration["init"]["env"] == {"A": "b", "DISABLE_TCP_EARLY_DEMUX": "false"}


# ---- through the real engine


@dataclass
class Cloud:
    """The program's rehearsal; `first` is the result of its first `up`."""

    rehearsal: Rehearsal
    folder: Path
    first: Result

    def resources(self) -> dict[str, dict[str, Any]]:
        """The stack's resources by type and name."""
        found = self.rehearsal.state()["deployment"].get("resources") or []
        return {f"{each['type']} {each['urn'].rsplit('::', 1)[-1]}": each for each in found}

    def faults(self, *faults: dict[str, Any]) -> dict[str, str]:
        file = self.folder / f"faults-{len(list(self.folder.glob('faults-*')))}.json"
        file.write_text(json.dumps(faults))
        return {"MARLINSPIKE_FAULTS": str(file)}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, toolchain: Toolchain) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud")
    rehearsal = Rehearsal("dev", folder / "state", folder / "out", PROGRAM, toolchain=toolchain, say=print)
    try:
        first = rehearsal.up()
        assert first.succeeded, "\n".join(first.errors)
        yield Cloud(rehearsal, folder, first)
    finally:
        rehearsal.remove()


def test_the_component_makes_the_children_that_pulumi_eks_makes(cloud: Cloud) -> None:
    below = {
        each["urn"].rsplit("::", 1)[-1]: each["type"]
        for each in cloud.resources().values()
        if "eks:index:Cluster$" in each["urn"] and each["type"] != "eks:index:VpcCniAddon"
    }
    add_on = {"k-vpc-cni": "aws:eks/addon:Addon"}
    assert below == {**CHILDREN, **add_on}
    assert "eks:index:VpcCniAddon k-vpc-cni" in cloud.resources()


def test_every_child_uses_the_programs_own_provider(cloud: Cloud) -> None:
    resources = cloud.resources().values()
    [own] = [f"{each['urn']}::{each['id']}" for each in resources if each["type"] == "pulumi:providers:aws"]
    assert {each["provider"] for each in resources if each["type"].startswith("aws:")} == {own}


def test_the_programs_transforms_reach_the_children(cloud: Cloud) -> None:
    made = cloud.resources()["aws:eks/cluster:Cluster k-eksCluster"]
    assert made["inputs"]["zonalShiftConfig"] == {"enabled": True}
    assert made["inputs"]["tags"] == {"Name": "k-eksCluster", "team": "platform"}
    assert made["inputs"]["accessConfig"]["authenticationMode"] == "API"
    assert made["outputs"]["tagsAll"]["project"] == "cloud"


def test_a_second_preview_shows_no_change(cloud: Cloud) -> None:
    again = cloud.rehearsal.preview(None, None, "--expect-no-changes")
    assert again.succeeded, again.errors
    assert set(again.changes) == {"same"}


def test_a_refresh_finds_no_change_either(cloud: Cloud) -> None:
    found = cloud.rehearsal.refresh()
    assert found.succeeded, found.errors
    assert found.events.changed == []


def test_no_secret_is_in_plain_text_in_state_account_or_log(cloud: Cloud) -> None:
    kubeconfig = yaml.safe_load(cloud.rehearsal.kubeconfig.read_text())
    client_key = kubeconfig["users"][0]["user"].get("client-key-data")
    secrets = ["hunter2hunter2", *([client_key] if client_key else [])]
    for folder in (cloud.folder / "state" / "backend", cloud.folder / "state" / "cloud", cloud.folder / "out"):
        for file in folder.rglob("*"):
            if file.is_file() and "kubeconfig" not in file.name:
                content = file.read_text(errors="replace")
                assert not [secret for secret in secrets if secret in content], file


def test_the_node_groups_nodes_are_ready_in_the_zones_of_its_subnets(cloud: Cloud) -> None:
    with Api(cloud.rehearsal.kubeconfig) as api:
        nodes = api.items("/api/v1/nodes")
    assert {node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes} == {
        "eu-west-3a",
        "eu-west-3b",
    }
    assert {taint["effect"] for node in nodes for taint in node["spec"]["taints"]} == {"NoSchedule"}
    assert {node["metadata"]["labels"]["pool"] for node in nodes} == {"app"}


def test_more_nodes_are_an_update_of_the_node_group_alone(cloud: Cloud) -> None:
    changed = cloud.rehearsal.up(None, {"nodes": 3})
    assert changed.succeeded, changed.errors
    assert {(step.operation, step.type) for step in changed.events.changed} == {("update", NODE_GROUP)}
    with Api(cloud.rehearsal.kubeconfig) as api:
        assert len(api.items("/api/v1/nodes")) == 3


def test_a_preview_tells_an_update_from_a_replacement(cloud: Cloud) -> None:
    planned = cloud.rehearsal.preview(None, {"nodes": 4, "encrypted": False}).events.changed
    kinds = {kind: {step.operation for step in planned if step.type == kind} for kind in (NODE_GROUP, DATABASE)}
    assert kinds[NODE_GROUP] == {"update"}
    assert kinds[DATABASE] & {"replace", "create-replacement"}


def test_a_failed_and_a_lost_answer_are_recovered_from_by_the_same_command(cloud: Cloud) -> None:
    update = {"operation": "update", "times": 1}
    faults = cloud.faults(
        {**update, "type": DATABASE, "effect": "lose-answer", "message": "connection reset"},
        {**update, "type": NODE_GROUP, "effect": "fail", "message": "Throttling: Rate exceeded"},
    )
    wanted = {"nodes": 2, "class": "db.m7g.large"}
    first = cloud.rehearsal.up(faults, wanted)
    assert not first.succeeded
    assert "connection reset" in "\n".join(first.errors) or "Rate exceeded" in "\n".join(first.errors)
    while not (again := cloud.rehearsal.up(faults, wanted)).succeeded:
        assert "Rate exceeded" in "\n".join(again.errors) or "connection reset" in "\n".join(again.errors)
    settled = cloud.rehearsal.preview(None, wanted, "--expect-no-changes")
    assert settled.succeeded, settled.errors


def test_roles_of_instances_are_refused_with_authentication_by_api(cloud: Cloud) -> None:
    refused = cloud.rehearsal.preview(None, {"roles": True})
    assert not refused.succeeded
    assert "'instanceRoles' property does not support non-empty values" in "\n".join(refused.errors)


def test_destroy_leaves_neither_state_nor_a_file_of_the_account_nor_a_node(cloud: Cloud) -> None:
    gone = cloud.rehearsal.destroy()
    assert gone.succeeded, gone.errors
    assert cloud.resources() == {}
    assert list((cloud.folder / "state" / "cloud").glob("*.json")) == []
