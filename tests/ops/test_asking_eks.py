"""What upgrades and `access` ask of EKS, and how they read the answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.stub import Stubber  # type: ignore[import-untyped]

from infra.access import AccessSettings
from infra.nodes import AMI_TYPES
from ops.access import access
from ops.command import Session
from ops.console import Report
from ops.errors import OpsError
from ops.stack import Stack
from ops.upgrades.eks import Eks
from ops.upgrades.groups import NEWEST, EksGroups
from tests.ops.aws_answers import stack


@contextmanager
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr("time.sleep", lambda _seconds: None)
        yield


def test_eks_is_asked_for_add_ons_addresses_and_insights(answers: dict[str, Stubber]) -> None:
    eks, ec2 = answers["eks"], answers["ec2"]
    eks.add_response(
        "describe_cluster",
        {"cluster": {"status": "UPDATING", "resourcesVpcConfig": {"subnetIds": ["subnet-a", "subnet-b"]}}},
        {"name": "marlinspike-prod"},
    )
    subnets = [("subnet-a", "eu-west-3a", 4), ("subnet-b", "eu-west-3b", 5)]
    ec2.add_response(
        "describe_subnets",
        {
            "Subnets": [
                {"SubnetId": name, "AvailabilityZone": zone, "AvailableIpAddressCount": free}
                for name, zone, free in subnets
            ]
        },
        {"SubnetIds": ["subnet-a", "subnet-b"]},
    )
    for name, offered in (("coredns", "v1.14.7-eksbuild.11"), ("kube-proxy", "v1.36.0-eksbuild.1")):
        eks.add_response(
            "describe_addon_versions",
            {"addons": [{"addonName": name, "addonVersions": [{"addonVersion": offered}]}]},
            {"addonName": name, "kubernetesVersion": "1.37"},
        )
    cluster = Eks(stack())
    found = cluster.faults("1.37", {"coredns": "v1.14.7-eksbuild.11", "kube-proxy": "v1.37.0-eksbuild.2"})
    assert [said.partition(";")[0] for said in found] == [
        "cluster marlinspike-prod is UPDATING, not ACTIVE: wait until EKS is done with it",
        "subnet subnet-a in eu-west-3a has 4 free addresses",
        found[2].partition(";")[0],
    ]
    assert found[2].startswith("add-on kube-proxy: EKS has no v1.37.0-eksbuild.2 for Kubernetes 1.37")

    insights = [("PASSING", "kubelet skew"), ("WARNING", "kube-proxy skew"), ("ERROR", "deprecated APIs")]
    eks.add_response(
        "list_insights",
        {
            "insights": [
                {"id": name, "name": name, "insightStatus": {"status": status, "reason": "because"}}
                for status, name in insights
            ]
        },
        {
            "clusterName": "marlinspike-prod",
            "filter": {"categories": ["UPGRADE_READINESS"], "kubernetesVersions": ["1.37"]},
        },
    )
    assert cluster.insights("1.37") == (["EKS: deprecated APIs: because"], ["EKS: kube-proxy skew: because"])


def described(status: str = "ACTIVE", size: int = 3) -> dict[str, Any]:
    return {
        "nodegroup": {
            "status": status,
            "releaseVersion": "1.36.1-20261101",
            "health": {"issues": []},
            "subnets": ["subnet-a", "subnet-b", "subnet-c"],
            "scalingConfig": {"desiredSize": size},
            "updateConfig": {"maxUnavailablePercentage": 33},
        }
    }


@pytest.mark.parametrize(("size", "wanted"), [(3, 34), (30, 68)])
def test_a_node_group_needs_addresses_for_the_nodes_that_come_before_the_old_ones_go(
    answers: dict[str, Stubber], size: int, wanted: int
) -> None:
    answers["eks"].add_response("describe_nodegroup", described("DEGRADED", size))
    subnet = {"SubnetId": "subnet-a", "AvailabilityZone": "eu-west-3a", "AvailableIpAddressCount": wanted - 1}
    enough = {"SubnetId": "subnet-b", "AvailabilityZone": "eu-west-3b", "AvailableIpAddressCount": wanted}
    answers["ec2"].add_response("describe_subnets", {"Subnets": [subnet, enough]})
    assert EksGroups(stack()).faults("application") == [
        "node group application is DEGRADED, not ACTIVE: wait until EKS is done with it",
        f"subnet subnet-a in eu-west-3a has {wanted - 1} free addresses; {wanted} are needed",
    ]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("AL2023_ARM_64_STANDARD", "/aws/service/eks/optimized-ami/1.36/amazon-linux-2023/arm64/standard/recommended/"),
        (
            "AL2023_x86_64_STANDARD",
            "/aws/service/eks/optimized-ami/1.36/amazon-linux-2023/x86_64/standard/recommended/",
        ),
        ("BOTTLEROCKET_ARM_64", "/aws/service/bottlerocket/aws-k8s-1.36/arm64/latest/"),
        ("BOTTLEROCKET_x86_64", "/aws/service/bottlerocket/aws-k8s-1.36/x86_64/latest/"),
    ],
)
def test_the_newest_release_is_the_one_that_aws_publishes_for_the_groups_image(
    answers: dict[str, Stubber], kind: str, name: str
) -> None:
    found = described()
    found["nodegroup"] |= {"amiType": kind, "version": "1.36"}
    answers["eks"].add_response("describe_nodegroup", found)
    last = "image_version" if "bottlerocket" in name else "release_version"
    answers["ssm"].add_response("get_parameter", {"Parameter": {"Value": "1.36.2-20261115"}}, {"Name": f"{name}{last}"})
    assert EksGroups(stack()).newest("application") == "1.36.2-20261115"


def test_every_image_that_a_node_group_may_have_has_a_newest_release() -> None:
    assert NEWEST.keys() == {name for names in AMI_TYPES.values() for name in names.values()}


@pytest.mark.parametrize("ends", ["Successful", "Failed"])
def test_eks_replaces_the_nodes_of_a_group_and_says_how_it_ended(
    answers: dict[str, Stubber], ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    eks = answers["eks"]
    eks.add_response(
        "update_nodegroup_version",
        {"update": {"id": "u-1"}},
        {"clusterName": "marlinspike-prod", "nodegroupName": "application"},
    )
    errors = [{"errorCode": "PodEvictionFailure", "errorMessage": "Reached max retries while trying to evict pods"}]
    for status in ("InProgress", "InProgress", ends):
        eks.add_response(
            "describe_update",
            {"update": {"id": "u-1", "status": status, "errors": errors if status == "Failed" else []}},
            {"name": "marlinspike-prod", "nodegroupName": "application", "updateId": "u-1"},
        )
    groups = EksGroups(stack())
    seen = iter([{"a": "node-a", "b": "node-b"}, {"a": "node-a", "b": "node-b"}, {"b": "node-b", "c": "node-c"}])
    monkeypatch.setattr(groups, "nodes", lambda _group: next(seen))
    told: list[str] = []
    with quick(monkeypatch):
        if ends == "Successful":
            groups.replace("application", 60, told.append)
        else:
            with pytest.raises(OpsError, match="application: the update is Failed: PodEvictionFailure: Reached max"):
                groups.replace("application", 60, told.append)
    assert told == ["application: 0 of 2 nodes replaced", "application: 1 of 2 nodes replaced"]


ROLE = "arn:aws:iam::111122223333:role"
SETTINGS = AccessSettings(
    administrators=(f"{ROLE}/admins",),
    operators=(f"{ROLE}/on-call",),
    namespace_editors={f"{ROLE}/developers": ("marlinspike",)},
)


def session() -> Session:
    of_prod = SimpleNamespace(
        name="prod",
        rehearsed=False,
        file=Path("Pulumi.prod.yaml"),
        aws=SimpleNamespace(cluster=SETTINGS),
        outputs={"region": "eu-west-3", "cluster_name": "marlinspike-prod"},
    )
    return Session(cast(Stack, of_prod), Report(as_json=True))


KNOWN = {
    f"{ROLE}/admins": "STANDARD",
    f"{ROLE}/on-call": "STANDARD",
    f"{ROLE}/developers": "STANDARD",
    f"{ROLE}/marlinspike-prod-node": "EC2_LINUX",
    f"{ROLE}/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS": "STANDARD",
}


@pytest.mark.parametrize("stranger", ["", f"{ROLE}/somebody"])
def test_whom_eks_lets_in_without_the_stack_file_is_told(answers: dict[str, Stubber], stranger: str) -> None:
    there = KNOWN | ({stranger: "STANDARD"} if stranger else {})
    eks = answers["eks"]
    eks.add_response("list_access_entries", {"accessEntries": list(there)}, {"clusterName": "marlinspike-prod"})
    for arn, kind in there.items():
        if "aws-service-role" not in arn:
            asked = {"clusterName": "marlinspike-prod", "principalArn": arn}
            eks.add_response("describe_access_entry", {"accessEntry": {"principalArn": arn, "type": kind}}, asked)
    if stranger:
        with pytest.raises(OpsError, match=r"EKS lets in whom Pulumi.prod.yaml does not name: .*role/somebody. After"):
            access(session())
    else:
        found = access(session())
        assert found is not None
        assert [row["key"] for row in found["allowed"]] == ["administrators", "operators", "namespace_editors"]
        assert found["allowed"][2]["may"] == "change marlinspike, Secrets included"
