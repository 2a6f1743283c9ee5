"""What must hold for the whole plan of every environment, whichever component a resource belongs to."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from stacks.settings import STACK_NAME_LENGTH
from tests.unit.plan import AWS_STACKS, Plan, Registered, planned

ANYWHERE = ("0.0.0.0/0", "::/0")
DATA_PORTS = {5432, 6379}
DATA_CLIENTS = {"sg-cluster"}
"""The group of every node and so of every pod; which pods, network policies say."""

INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"

ENCRYPTED_BY: dict[str, tuple[str, ...]] = {
    "aws:cloudwatch/logGroup:LogGroup": ("kmsKeyId",),
    "aws:rds/instance:Instance": ("kmsKeyId", "masterUserSecretKmsKeyId", "performanceInsightsKmsKeyId"),
    "aws:elasticache/replicationGroup:ReplicationGroup": ("kmsKeyId",),
    "aws:elasticache/serverlessCache:ServerlessCache": ("kmsKeyId",),
    "aws:secretsmanager/secret:Secret": ("kmsKeyId",),
    "aws:sns/topic:Topic": ("kmsMasterKeyId",),
    "aws:backup/vault:Vault": ("kmsKeyArn",),
    "eks:index:Cluster": ("encryptionConfigKeyArn",),
    "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": ("kmsKeyId",),
}
"""Types that store something, and the properties that must name a key of the platform's own."""

READ_ONLY = re.compile(r"^[a-z0-9-]+:(Describe|List|Get|Head|BatchGet|Lookup|Select|View)")


def statements(document: str) -> Iterator[dict[str, Any]]:
    parsed = json.loads(document)
    assert parsed["Version"] == "2012-10-17"
    yield from parsed["Statement"]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def keys_of(plan: Plan) -> set[str]:
    return {f"arn:aws:test:eu-west-3:111122223333:{key.name}" for key in plan.of("aws:kms/key:Key")}


def opened_to_everybody(plan: Plan) -> Iterator[Registered]:
    for resource in plan.resources:
        rules = [resource.inputs] if resource.type == INGRESS_RULE else resource.inputs.get("ingress") or []
        for rule in rules:
            if not isinstance(rule, dict):
                continue
            cidrs = [rule.get("cidrIpv4"), rule.get("cidrIpv6"), *as_list(rule.get("cidrBlocks") or [])]
            if any(cidr in ANYWHERE for cidr in cidrs):
                yield resource


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_nothing_but_the_load_balancer_is_open_to_everybody(stack: str) -> None:
    wrong = [
        rule.name
        for rule in opened_to_everybody(planned(stack))
        if not rule.name.startswith(f"marlinspike-{stack}-edge-from-world-")
    ]
    assert wrong == []


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_database_and_cache_are_reached_from_the_nodes_and_their_pods_only(stack: str) -> None:
    plan = planned(stack)
    rules = [rule.inputs for rule in plan.of(INGRESS_RULE) if rule.inputs.get("fromPort") in DATA_PORTS]
    assert {rule["fromPort"] for rule in rules} == DATA_PORTS
    assert {rule.get("referencedSecurityGroupId") for rule in rules} == DATA_CLIENTS
    guarded = {rule["securityGroupId"] for rule in rules}
    used = {
        group
        for kind in ("aws:rds/instance:Instance", "aws:elasticache/replicationGroup:ReplicationGroup")
        for resource in plan.of(kind)
        for group in resource.inputs.get("vpcSecurityGroupIds") or resource.inputs.get("securityGroupIds")
    }
    assert used == guarded


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_no_security_group_has_rules_of_its_own_beside_the_rule_resources(stack: str) -> None:
    inline = [group.name for group in planned(stack).of(SECURITY_GROUP) if group.inputs.get("ingress")]
    assert inline == []


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_everything_that_stores_is_encrypted_with_a_key_of_the_platform(stack: str) -> None:
    plan = planned(stack)
    own = keys_of(plan)
    wrong = [
        f"{resource.key}: {name} is {resource.inputs.get(name)}"
        for resource in plan.resources
        for name in ENCRYPTED_BY.get(resource.type, ())
        if resource.inputs.get(name) not in own
    ]
    assert wrong == []


def identity_policies(plan: Plan) -> Iterator[tuple[str, str]]:
    for kind in ("aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy"):
        for resource in plan.of(kind):
            yield resource.key, resource.inputs["policy"]


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_no_identity_may_change_everything(stack: str) -> None:
    """A write on `*` is allowed only where a condition binds it (REQUIREMENTS I7)."""
    wrong = [
        f"{key}: {action}"
        for key, document in identity_policies(planned(stack))
        for statement in statements(document)
        if statement["Effect"] == "Allow" and "*" in as_list(statement["Resource"]) and not statement.get("Condition")
        for action in as_list(statement["Action"])
        if not READ_ONLY.match(action)
    ]
    assert wrong == []


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_no_policy_allows_all_actions_of_a_service_but_the_keys_own(stack: str) -> None:
    plan = planned(stack)
    wrong = [
        f"{key}: {action}"
        for key, document in identity_policies(plan)
        for statement in statements(document)
        for action in as_list(statement.get("Action", []))
        if action.endswith(":*") or action == "*"
    ]
    assert wrong == []


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_roles_trust_named_services_and_nobody_else(stack: str) -> None:
    for role in planned(stack).of("aws:iam/role:Role"):
        for statement in statements(role.inputs["assumeRolePolicy"]):
            assert set(statement["Principal"]) <= {"Service"}, role.name
            assert "*" not in as_list(statement["Principal"]["Service"]), role.name


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_a_pods_role_is_for_one_service_account_of_one_cluster(stack: str) -> None:
    plan = planned(stack)
    roles = {role.name: role.inputs["assumeRolePolicy"] for role in plan.of("aws:iam/role:Role")}
    associations = plan.of("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    assert len(associations) == len([policy for policy in roles.values() if "pods.eks.amazonaws.com" in policy])
    for association in associations:
        [statement] = statements(roles[association.inputs["roleArn"].rpartition(":")[2]])
        assert statement["Condition"]["StringEquals"] == {
            "aws:RequestTag/eks-cluster-name": association.inputs["clusterName"],
            "aws:RequestTag/kubernetes-namespace": association.inputs["namespace"],
            "aws:RequestTag/kubernetes-service-account": association.inputs["serviceAccount"],
        }


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_longest_stack_name_leaves_room_for_the_names_of_roles(stack: str) -> None:
    longest = "x" * STACK_NAME_LENGTH
    wrong = [
        role.name
        for role in planned(stack).of("aws:iam/role:Role")
        if len(f"{role.name.replace(f'-{stack}-', f'-{longest}-')}-1234567") > 64
    ]
    assert wrong == []


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_every_resource_has_an_explicit_provider(stack: str) -> None:
    # Default providers would deploy to whatever account and cluster the shell points to.
    wrong = [
        resource.key
        for resource in planned(stack).resources
        if resource.custom and resource.type.startswith(("aws:", "kubernetes:", "eks:")) and not resource.provider
    ]
    assert wrong == []


@pytest.mark.parametrize(("stack", "kept"), [("dev", False), ("staging", False), ("prod", True)])
def test_the_key_outlives_the_stack_where_data_does(stack: str, kept: bool) -> None:
    keys = planned(stack).of("aws:kms/key:Key")
    assert {(key.retain_on_delete, key.protect) for key in keys} == {(kept, kept)}
