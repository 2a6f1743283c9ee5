"""The controllers beside the workloads: who is there, in which order, and with which rights on AWS."""

import json

import pytest

from infra import versions
from tests.unit.add_ons import EVERYTHING, NODE_GROUP, RELEASE, ROLE_POLICY, ZONE, short, statements, values
from tests.unit.plan import AWS_STACKS, planned, planned_with

ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
NAMESPACE = "kubernetes:core/v1:Namespace"


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
