"""What runs beside the workloads: EKS add-ons, disks, and the controllers with their rights on AWS."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from infra import versions
from infra.add_ons import AddOnsSettings, CertManagerSettings, ExternalDnsSettings
from tests.unit.plan import AWS_STACKS, Plan, planned, planned_with

ADD_ON = "aws:eks/addon:Addon"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
RELEASE = "kubernetes:helm.sh/v3:Release"
NAMESPACE = "kubernetes:core/v1:Namespace"
STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"

ZONE = "Z0123456789ABCDEFGHIJ"
EVERYTHING = {
    "add_ons.external_secrets": True,
    "add_ons.cert_manager": {"zone_ids": [ZONE]},
    "add_ons.external_dns": {"zone_ids": [ZONE]},
}
TOLERATION = {"key": "CriticalAddonsOnly", "operator": "Equal", "value": "true", "effect": "NoSchedule"}
ON_SYSTEM = {"marlinspike.io/node-group": "system"}


def configuration(plan: Plan, stack: str, add_on: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        plan.only(ADD_ON, f"marlinspike-{stack}-{add_on}").inputs.get("configurationValues") or "{}"
    )
    return found


def values(plan: Plan, release: str) -> dict[str, Any]:
    found: dict[str, Any] = plan.only(RELEASE, f"{release}-release").inputs["values"]
    return found


def short(name: str) -> str:
    """What its role is called by."""
    return "load-balancer" if name == "aws-load-balancer-controller" else name


def statements(plan: Plan, identity: str) -> dict[str, dict[str, Any]]:
    [found] = [policy for policy in plan.of(ROLE_POLICY) if policy.name.endswith(f"-{short(identity)}-policy")]
    policy = json.loads(found.inputs["policy"])
    return {statement["Sid"]: statement for statement in policy["Statement"]}


# ---- EKS add-ons


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


# ---- disks


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


# ---- controllers


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_a_stack_has_its_load_balancer_controller_its_autoscaler_and_what_brings_its_secrets(stack: str) -> None:
    plan = planned(stack)
    releases = {release.inputs["chart"]: release.inputs["version"] for release in plan.of(RELEASE)}
    for observing in ("kube-prometheus-stack", "fluent-bit", "opentelemetry-collector"):
        releases.pop(observing, None)
    secrets = {} if stack == "dev" else {"external-secrets": "2.12.0"}
    assert releases == {"aws-load-balancer-controller": "3.5.0", "cluster-autoscaler": "9.59.0", **secrets}
    names = " ".join(resource.name for resource in plan.resources)
    assert ("external-secrets" in names) is bool(secrets)
    assert not any(absent in names for absent in ("cert-manager", "external-dns"))


@pytest.mark.parametrize(
    ("setting", "value", "name"),
    [
        ("add_ons.load_balancer_controller", False, "aws-load-balancer-controller"),
        ("add_ons.cluster_autoscaler", False, "cluster-autoscaler"),
    ],
)
def test_of_a_controller_that_is_switched_off_nothing_is_left(setting: str, value: bool, name: str) -> None:
    assert not [
        found.key for found in planned_with("prod", {setting: value, "edge": None}).resources if name in found.name
    ]


def test_every_release_is_rolled_back_when_it_fails_and_has_a_namespace_that_is_there() -> None:
    plan = planned_with("prod", EVERYTHING)
    for release in plan.of(RELEASE):
        assert (release.inputs["atomic"], release.inputs["createNamespace"]) == (True, False)
    own = {"external-secrets", "cert-manager", "external-dns"}
    assert {name.removesuffix("-namespace") for name in (n.name for n in plan.of(NAMESPACE))} >= own
    for name in own:
        assert plan.comes_before(f"Namespace/{name}-namespace", f"Release/{name}-release")
        labels = plan.only(NAMESPACE, f"{name}-namespace").inputs["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_load_balancer_controller_is_there_before_every_other_chart() -> None:
    plan = planned_with("prod", EVERYTHING)
    others = [release.key for release in plan.of(RELEASE) if release.name != "aws-load-balancer-controller-release"]
    assert len(others) == 7
    assert [key for key in others if not plan.comes_before("Release/aws-load-balancer-controller-release", key)] == []


def test_pods_get_their_roles_since_the_association_is_older_than_every_node() -> None:
    plan = planned_with("prod", EVERYTHING)
    associations = plan.of(ASSOCIATION)
    assert {a.inputs["serviceAccount"] for a in associations} == {
        *("app", "database-bootstrap", "database-migrate"),
        *("database-dump", "database-restore", "objects-export"),
        *("aws-load-balancer-controller", "cluster-autoscaler", "external-secrets", "cert-manager", "external-dns"),
        *("ebs-csi-controller-sa", "aws-node"),
        *("grafana", "fluent-bit", "otel-collector"),
    }
    for group in plan.of(NODE_GROUP):
        assert [a.key for a in associations if not plan.comes_before(a.key, group.key)] == []


def test_a_controllers_service_account_is_the_one_of_its_role_and_its_rights_come_first() -> None:
    plan = planned_with("prod", EVERYTHING)
    for name in ("aws-load-balancer-controller", "external-secrets", "cert-manager", "external-dns"):
        assert values(plan, name)["serviceAccount"]["name"] == name
    assert values(plan, "cluster-autoscaler")["rbac"]["serviceAccount"]["name"] == "cluster-autoscaler"
    for release in plan.of(RELEASE):
        name = release.name.removesuffix("-release")
        if name != "monitoring":
            assert plan.comes_before(f"RolePolicy/marlinspike-prod-{short(name)}-policy", release.key)
            assert (
                plan.only(ASSOCIATION, f"marlinspike-prod-{short(name)}-association").inputs["namespace"]
                == release.inputs["namespace"]
            )


def test_a_pod_counts_as_ready_only_when_the_load_balancer_says_so_too() -> None:
    label = "elbv2.k8s.aws/pod-readiness-gate-inject"
    with_it, without = planned("prod"), planned_with("prod", {"add_ons.load_balancer_controller": False, "edge": None})
    assert with_it.only(NAMESPACE, "marlinspike-namespace").inputs["metadata"]["labels"][label] == "enabled"
    assert label not in with_it.only(NAMESPACE, "monitoring-namespace").inputs["metadata"]["labels"]
    assert label not in without.only(NAMESPACE, "marlinspike-namespace").inputs["metadata"]["labels"]


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_load_balancer_controller_asks_the_metadata_nothing_and_makes_no_load_balancer(stack: str) -> None:
    told = values(planned(stack), "aws-load-balancer-controller")
    assert (told["clusterName"], told["region"]) == (f"marlinspike-{stack}", "eu-west-3")
    assert told["vpcId"] == f"marlinspike-{stack}-vpc-id"
    assert told["enableServiceMutatorWebhook"] is False
    assert told["defaultTags"]["Environment"] == stack
    assert told["controllerConfig"]["featureGates"] == {
        "EnableServiceController": False,
        "NLBGatewayAPI": False,
        "ALBGatewayAPI": False,
        "GatewayListenerSet": False,
    }


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_load_balancer_controller_may_change_targets_of_its_own_stack_only(stack: str) -> None:
    rights = statements(planned(stack), "aws-load-balancer-controller")
    change = rights.pop("RegisterTargetsOfThisStack")
    assert {action.split(":")[1] for action in change["Action"]} == {"RegisterTargets", "DeregisterTargets"}
    assert change["Condition"]["StringEquals"]["aws:ResourceTag/Environment"] == stack
    assert all(action.split(":")[1].startswith("Describe") for right in rights.values() for action in right["Action"])


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_autoscaler_moves_groups_of_its_own_cluster_only_and_fits_the_clusters_version(stack: str) -> None:
    plan = planned(stack)
    told = values(plan, "cluster-autoscaler")
    assert told["autoDiscovery"] == {"clusterName": f"marlinspike-{stack}"}
    assert told["image"]["tag"].startswith(f"v{versions.KUBERNETES}.")
    assert told["priorityClassName"] == "system-cluster-critical"
    assert told["extraArgs"] == {
        "expander": "least-waste",
        "balance-similar-node-groups": True,
        "skip-nodes-with-local-storage": False,
        "skip-nodes-with-system-pods": False,
    }
    change = statements(plan, "cluster-autoscaler")["ScaleGroupsOfItsCluster"]
    tag = f"aws:ResourceTag/k8s.io/cluster-autoscaler/marlinspike-{stack}"
    assert change["Condition"] == {"StringEquals": {tag: "owned"}}


def test_external_secrets_reads_the_stacks_own_secrets_only() -> None:
    plan = planned("staging")
    rights = statements(plan, "external-secrets")
    assert rights["SecretsOfThisStack"]["Resource"] == [
        "arn:aws:secretsmanager:eu-west-3:111122223333:secret:marlinspike-staging/*"
    ]
    assert (rights["TheirKey"]["Action"], rights["TheirKey"]["Resource"]) == (["kms:Decrypt"], [plan.key_arn])


def test_records_are_changed_in_the_named_zones_only() -> None:
    plan = planned_with("prod", EVERYTHING)
    zone = [f"arn:aws:route53:::hostedzone/{ZONE}"]
    assert statements(plan, "external-dns")["RecordsOfItsZones"]["Resource"] == zone
    assert values(plan, "external-dns")["extraArgs"] == [f"--zone-id-filter={ZONE}"]
    challenge = statements(plan, "cert-manager")["AnswerChallenges"]
    assert challenge["Resource"] == zone
    assert challenge["Condition"] == {
        "ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsRecordTypes": ["TXT"]}
    }


def test_cert_manager_without_zones_has_no_role() -> None:
    plan = planned_with("prod", {"add_ons.cert_manager": {}})
    assert plan.only(RELEASE, "cert-manager-release")
    assert not [found.key for found in plan.of(ROLE_POLICY) if "cert-manager" in found.name]


READING = ("Describe", "List", "Get")


def test_every_policy_of_a_role_is_sound_and_writes_nowhere_without_a_bound() -> None:
    policies = planned_with("prod", EVERYTHING).of(ROLE_POLICY)
    assert len(policies) >= 9
    for found in policies:
        policy = json.loads(found.inputs["policy"])
        assert policy["Version"] == "2012-10-17"
        for statement in policy["Statement"]:
            assert statement["Effect"] == "Allow"
            assert all(service_and_action.count(":") == 1 for service_and_action in statement["Action"])
            writing = [a for a in statement["Action"] if not a.split(":")[1].startswith(READING)]
            if "*" in statement["Resource"] and "Condition" not in statement:
                assert writing == [], f"{found.name}: {writing} on every resource"
            assert not [a for a in statement["Action"] if a.split(":")[1] == "*" or a == "*"]


# ---- refusals


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
