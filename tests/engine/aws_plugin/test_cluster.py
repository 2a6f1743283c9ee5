"""What EKS itself would refuse of a cluster, its nodes, its add-ons and who may enter it."""

import re
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.engine.aws_plugin.resources import CLUSTER, SUBNET, cluster, configured, network, node_group
from tests.engine.plugin_client import Made, Plugin, refusal

ACCESS = "aws:eks/accessEntry:AccessEntry"
ACCESS_POLICY = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"


def test_a_cluster_moves_to_other_subnets_but_never_to_other_zones(aws: Plugin) -> None:
    vpc, subnets = network(aws, "abc")
    made = cluster(aws, subnets[:2])
    other = aws.create(SUBNET, "o", vpcId=vpc.id, cidrBlock="10.0.9.0/24", availabilityZone="eu-west-3b")
    made = aws.update(made, vpcConfig={"subnetIds": [subnets[0].id, other.id]})
    with pytest.raises(grpc.RpcError, match="exact set of AZs 'eu-west-3a,eu-west-3b'"):
        aws.update(made, vpcConfig={"subnetIds": [each.id for each in subnets]})


def test_a_cluster_goes_only_after_its_node_groups(aws: Plugin) -> None:
    made = node_group(aws)
    control_plane = Made(CLUSTER, made.name, {}, "test")
    with pytest.raises(grpc.RpcError) as refused:
        aws.delete(control_plane)
    assert "Cluster has nodegroups attached" in refusal(refused)
    aws.delete(made)
    aws.delete(control_plane)


def test_a_minimum_above_the_nodes_that_run_is_refused(aws: Plugin) -> None:
    made = node_group(aws)
    with pytest.raises(grpc.RpcError) as refused:
        aws.update(made, scalingConfig={"minSize": 4, "desiredSize": 3, "maxSize": 6})
    assert "Minimum capacity 4 can't be greater than desired size 3" in refusal(refused)


@pytest.mark.parametrize(
    ("policy", "scope", "says"),
    [
        ("AmazonEKSReadPolicy", {"type": "cluster"}, "policyArn could not be found"),
        ("AmazonEKSEditPolicy", {"type": "namespace"}, "namespaces belong to an access scope of type namespace"),
        ("AmazonEKSViewPolicy", {"type": "cluster", "namespaces": ["shop"]}, "and to no other"),
    ],
)
def test_an_access_policy_that_eks_does_not_have_or_that_has_no_place_is_refused(
    aws: Plugin, policy: str, scope: dict[str, Any], says: str
) -> None:
    cluster(aws, network(aws)[1])
    principal = {"clusterName": "test", "principalArn": "arn:aws:iam::111122223333:role/a"}
    aws.create(ACCESS, "a", **principal)
    arn = "arn:aws:eks::aws:cluster-access-policy/"
    with pytest.raises(grpc.RpcError) as refused:
        aws.create(ACCESS_POLICY, "b", **principal, policyArn=f"{arn}{policy}", accessScope=scope)
    assert says in refusal(refused)
    aws.create(ACCESS_POLICY, "c", **principal, policyArn=f"{arn}AmazonEKSViewPolicy", accessScope={"type": "cluster"})


def test_a_node_group_whose_nodes_do_not_come_up_is_kept_as_half_made(rehearsal: Path, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text('{"kind": "Config", "clusters": []}')
    with configured(rehearsal, MARLINSPIKE_REHEARSAL_KUBECONFIG=str(kubeconfig)) as plugin:
        with pytest.raises(grpc.RpcError) as refused:
            node_group(plugin)
        assert "NodeCreationFailure" in refusal(refused)
        details = dict(refused.value.trailing_metadata())["grpc-status-details-bin"]
        assert b"ErrorResourceInitFailed" in details, "the engine keeps what has an id in its state"


@pytest.mark.parametrize(
    ("name", "wrong", "says"),
    [
        ("coredns", {"addonVersion": "1.14.7"}, "Addon version specified is not supported: coredns 1.14.7"),
        ("kube-proxy", {"addonVersion": "v1.37.0-eksbuild.1"}, "Addon version specified is not supported: kube-proxy"),
        ("coredns", {"configurationValues": "{"}, "ConfigurationValue is not in valid JSON"),
        ("coredns", {"configurationValues": "[]"}, "ConfigurationValue is not in valid JSON"),
        ("coredns", {"configurationValues": '{"replicas": 2}'}, r"\$.replicas: is not defined in the schema"),
        ("eks-node-monitoring-agent", {"configurationValues": '{"nodeSelector": {}}'}, r"\$.nodeSelector: is not"),
    ],
)
def test_an_add_on_is_refused_as_eks_refuses_it(aws: Plugin, name: str, wrong: dict[str, str], says: str) -> None:
    cluster(aws, network(aws)[1], version="1.36")
    right = {"clusterName": "test", "addonName": name, "configurationValues": "{}"}
    with pytest.raises(grpc.RpcError) as caught:
        aws.create("aws:eks/addon:Addon", "add-on", **{**right, **wrong})
    assert re.search(says, refusal(caught))
    aws.create("aws:eks/addon:Addon", "add-on", **right)
