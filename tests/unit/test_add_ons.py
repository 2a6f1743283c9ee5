"""What EKS adds to a cluster and keeps on its disks, and on which nodes it runs."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from infra import versions
from infra.add_ons import AddOnsSettings, CertManagerSettings, ExternalDnsSettings
from tests.unit.add_ons import EVERYTHING, NODE_GROUP, ON_SYSTEM, TOLERATION, statements, values
from tests.unit.plan import AWS_STACKS, Plan, planned, planned_with

ADD_ON = "aws:eks/addon:Addon"
STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"


def configuration(plan: Plan, stack: str, add_on: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        plan.only(ADD_ON, f"marlinspike-{stack}-{add_on}").inputs.get("configurationValues") or "{}"
    )
    return found


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_every_pinned_add_on_is_there_once_at_its_version(stack: str) -> None:
    made = {add_on.inputs["addonName"]: add_on.inputs["addonVersion"] for add_on in planned(stack).of(ADD_ON)}
    by_pulumi_eks = {"vpc-cni", "kube-proxy"}
    assert made == {name: version for name, version in versions.ADD_ONS.items() if name not in by_pulumi_eks}


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_what_needs_nodes_comes_after_all_of_them(stack: str) -> None:
    plan = planned(stack)
    for add_on in ("coredns", "metrics-server", "aws-ebs-csi-driver", "eks-node-monitoring-agent"):
        for group in plan.of(NODE_GROUP):
            assert plan.comes_before(group.key, f"Addon/marlinspike-{stack}-{add_on}")


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_cluster_dns_grows_with_the_cluster_and_stands_on_several_nodes_and_zones(stack: str) -> None:
    dns = configuration(planned(stack), stack, "coredns")
    assert dns["autoScaling"] == {"enabled": True, "minReplicas": 2, "maxReplicas": 10}
    assert dns["podDisruptionBudget"] == {"enabled": True, "maxUnavailable": 1}
    assert {constraint["topologyKey"] for constraint in dns["topologySpreadConstraints"]} == {
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    }


def test_in_prod_controllers_run_on_the_systems_nodes_and_bear_their_taint() -> None:
    plan = planned_with("prod", EVERYTHING)
    placed = [
        configuration(plan, "prod", "coredns"),
        configuration(plan, "prod", "metrics-server"),
        configuration(plan, "prod", "aws-ebs-csi-driver")["controller"],
        values(plan, "aws-load-balancer-controller"),
        values(plan, "cluster-autoscaler"),
        values(plan, "external-dns"),
        *(values(plan, "external-secrets").get(part, {}) for part in ("webhook", "certController")),
        *(values(plan, "cert-manager").get(part, {}) for part in ("webhook", "cainjector", "startupapicheck")),
        values(plan, "external-secrets"),
        values(plan, "cert-manager"),
    ]
    assert [part for part in placed if part.get("nodeSelector") != ON_SYSTEM] == []
    assert [part for part in placed if part.get("tolerations") != [TOLERATION]] == []


def test_without_a_group_nothing_asks_for_one() -> None:
    plan = planned("staging")
    assert "nodeSelector" not in configuration(plan, "staging", "coredns")
    assert "nodeSelector" not in values(plan, "cluster-autoscaler")
    assert configuration(plan, "staging", "metrics-server") == {}


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_default_disk_is_encrypted_with_the_platforms_key_and_made_where_its_pod_is(stack: str) -> None:
    plan = planned(stack)
    disk = plan.only(STORAGE_CLASS).inputs
    assert disk["parameters"] == {"type": "gp3", "encrypted": "true", "kmsKeyId": plan.key_arn}
    assert disk["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
    assert (disk["volumeBindingMode"], disk["allowVolumeExpansion"], disk["reclaimPolicy"]) == (
        "WaitForFirstConsumer",
        True,
        "Delete",
    )


def test_disks_that_the_driver_makes_carry_the_stacks_tags() -> None:
    driver = configuration(planned("prod"), "prod", "aws-ebs-csi-driver")
    assert driver["controller"]["extraVolumeTags"]["Environment"] == "prod"


def test_the_driver_uses_the_key_through_ec2_only_and_grants_it_to_aws_only() -> None:
    plan = planned("prod")
    rights = statements(plan, "aws-ebs-csi-driver")
    assert {resource for right in rights.values() for resource in right["Resource"]} == {plan.key_arn}
    for right in rights.values():
        assert right["Condition"]["StringEquals"] == {"kms:ViaService": "ec2.eu-west-3.amazonaws.com"}
    assert rights["AttachDisks"]["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}
    attached = plan.only(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "marlinspike-prod-aws-ebs-csi-driver-AmazonEBSCSIDriverPolicyV2",
    )
    assert attached.inputs["policyArn"] == "arn:aws:iam::aws:policy/AmazonEBSCSIDriverPolicyV2"
    for part in (attached.key, "RolePolicy/marlinspike-prod-aws-ebs-csi-driver-policy"):
        assert plan.comes_before(part, "Addon/marlinspike-prod-aws-ebs-csi-driver")


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_what_prometheus_and_alertmanager_keep_is_on_such_a_disk(stack: str) -> None:
    plan = planned_with(stack, {"monitoring.storage_gib": 40})
    release = values(plan, "monitoring")
    server, alerts = release["prometheus"]["prometheusSpec"], release["alertmanager"]["alertmanagerSpec"]
    for claim, size in ((server["storageSpec"], "40Gi"), (alerts["storage"], "1Gi")):
        spec = claim["volumeClaimTemplate"]["spec"]
        assert (spec["storageClassName"], spec["resources"]) == ("gp3", {"requests": {"storage": size}})
    assert server["retentionSize"] == "34816MB"  # 85 % of 40 GiB
    assert plan.comes_before(plan.only(STORAGE_CLASS).key, "Release/monitoring-release")


def test_what_has_a_disk_may_leave_the_systems_nodes_for_its_zone_and_the_rest_may_not() -> None:
    release = values(planned("prod"), "monitoring")
    for spec in (release["prometheus"]["prometheusSpec"], release["alertmanager"]["alertmanagerSpec"]):
        assert "nodeSelector" not in spec
        [wish] = spec["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
        assert wish["preference"]["matchExpressions"][0]["values"] == ["system"]
        assert spec["tolerations"] == [TOLERATION]
    for part in (release["prometheusOperator"], release["kube-state-metrics"], release["grafana"]):
        assert (part["nodeSelector"], part["tolerations"]) == (ON_SYSTEM, [TOLERATION])


@pytest.mark.parametrize(
    ("section", "wrong", "says"),
    [
        (ExternalDnsSettings, {}, "Field required"),
        (ExternalDnsSettings, {"zone_ids": ()}, "at least 1 item"),
        (ExternalDnsSettings, {"zone_ids": ("example.com",)}, "should match pattern"),
        (CertManagerSettings, {"zone_ids": ("*",)}, "should match pattern"),
        (AddOnsSettings, {"karpenter": True}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_reason(
    section: type[AddOnsSettings], wrong: dict[str, object], says: str
) -> None:
    with pytest.raises(ValidationError, match=says):
        section(**wrong)
