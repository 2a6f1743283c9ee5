"""CI's roles: who may assume them, what they may do to their own environment, and what they never may."""

import json
from functools import cache
from typing import Any

import pytest
from pydantic import ValidationError

from infra.delivery.permissions import LONGEST_POLICY, MOST_POLICIES, as_json
from infra.delivery.roles import DeliverySettings
from infra.delivery.scope import boundary_arn
from infra.identity import Permission
from tests.unit.iam import READS, allows, statements, writes_on_everything
from tests.unit.plan import AWS_STACKS, Registered, planned, planned_with
from tests.unit.rights import ACCOUNT, CREATES, HERE, MADE_BY_EKS

ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"

STATE = {"delivery.state_bucket": "acme-pulumi-state", "delivery.state_key_arn": f"arn:aws:kms:{HERE}:key/state"}
ZONES = {"delivery.environments": {stack: {"zone_ids": ["Z0EXAMPLE"]} for stack in AWS_STACKS}}


@cache
def policies(role: str) -> tuple[str, ...]:
    """The documents of the policies that are attached to a role, of an account stack with all settings."""
    plan = planned_with("account", {**STATE, **ZONES})
    return tuple(
        plan.only(POLICY, attachment.name).inputs["policy"]
        for attachment in plan.of(ATTACHMENT)
        if attachment.inputs["role"] == role
    )


@cache
def rights(role: str) -> Any:
    """The statements of a role's policies."""
    return statements(policies(role))


def context(environment: str, kind: str) -> dict[str, str]:
    """What a request says about itself."""
    tags = {"Project": "marlinspike", "Environment": environment}
    owned = {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
    return {
        "": {},
        "made": {f"aws:RequestTag/{key}": value for key, value in tags.items()},
        "owned": owned,
        "lent": {**owned, "kms:GrantIsForAWSResource": "true"},
        "bound": {"iam:PermissionsBoundary": boundary_arn(ACCOUNT)},
        "passed": {"iam:PassedToService": "eks.amazonaws.com"},
        "template": {"ec2:LaunchTemplate": f"arn:aws:ec2:{HERE}:launch-template/lt-0abc"},
    }[kind]


def physical(resource: Registered) -> str:
    """The name that AWS sees: the given one, or the logical one with auto-naming's digits."""
    for key in ("name", "identifier", "userId", "userGroupId", "replicationGroupId", "bucket"):
        if isinstance(resource.inputs.get(key), str):
            return str(resource.inputs[key])
    return f"{resource.name}-1234567"


def refused(environment: str, resource: Registered) -> list[str]:
    """What making the resource asks for and the environment's deploy role may not."""
    names = {"cluster": f"marlinspike-{environment}", "role": "", "bucket": resource.name}
    given = {key: value for key, value in resource.inputs.items() if isinstance(value, str)}
    names |= {**given, "name": physical(resource)}
    found = []
    for action, arn, kind in CREATES[resource.type]:
        asked = arn.format_map(names)
        if not allows(rights(f"marlinspike-{environment}-deploy"), action, asked, context(environment, kind)):
            found.append(f"{action} on {asked} ({kind})")
    return found


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_a_deploy_role_may_make_everything_that_its_environment_is_made_of(stack: str) -> None:
    made = [resource for resource in planned(stack).resources if resource.type.startswith("aws:")]
    unknown = sorted({resource.type for resource in made} - CREATES.keys())
    assert unknown == [], "add these types to tests/unit/rights.py, and their actions to infra/delivery"
    assert {resource.key: refused(stack, resource) for resource in made if refused(stack, resource)} == {}


@pytest.mark.parametrize("kind", sorted(CREATES))
def test_a_deploy_role_may_make_every_type_that_is_known(kind: str) -> None:
    inputs = {"role": "marlinspike-dev-x", "bucket": "marlinspike-dev-x"}
    if kind == "aws:kms/alias:Alias":
        inputs["name"] = "alias/marlinspike-dev"
    assert refused("dev", imagined(kind, inputs)) == []


def imagined(kind: str, inputs: dict[str, str]) -> Registered:
    return Registered(
        type=kind,
        name="marlinspike-dev-x",
        inputs=inputs,
        parent="",
        protect=False,
        delete_before_replace=False,
        retain_on_delete=False,
        ignore_changes=(),
        replace_on_changes=(),
        depends_on=(),
        provider="",
        custom=True,
    )


def test_the_types_that_only_the_eks_component_makes_are_known() -> None:
    assert set(MADE_BY_EKS) <= CREATES.keys()


@pytest.mark.parametrize("kind", sorted(CREATES))
def test_no_deploy_role_reaches_another_environment(kind: str) -> None:
    """Names of prod, and prod's tags, under the rights of dev."""
    names = {**dict.fromkeys(("role", "bucket", "name"), "marlinspike-prod-x"), "cluster": "marlinspike-prod"}
    if kind == "aws:kms/alias:Alias":
        names["name"] = "alias/marlinspike-prod"
    shared = {
        # Of these IAM can tell no environment from another: nothing in them is anybody's data.
        "cloudfront:CreateOriginAccessControl",
        "route53:CreateHealthCheck",
        "backup-storage:MountCapsule",
        "acm:DescribeCertificate",
        # RDS's own name for a master secret says nothing, and making one reveals none.
        "secretsmanager:CreateSecret",
        # The rules of AWS itself, by way of an own ACL.
        "wafv2:CreateWebACL",
        # An own zone's records; the zones are given for each environment.
        "route53:ChangeResourceRecordSets",
        # Who may write into log groups: an account has ten of these, and IAM knows them not apart.
        "logs:PutResourcePolicy",
        "logs:DeleteResourcePolicy",
        # Only with a launch template, an instance and a subnet of the own environment.
        "ec2:RunInstances",
    }
    for action, arn, said in CREATES[kind]:
        if action not in shared:
            asked = arn.format_map(names)
            assert not allows(rights("marlinspike-dev-deploy"), action, asked, context("prod", said)), action


@pytest.mark.parametrize("stack", [*AWS_STACKS, "account"])
def test_no_identity_policy_allows_a_write_on_everything_without_a_condition(stack: str) -> None:
    written = {r.name: r.inputs["policy"] for kind in (POLICY, ROLE_POLICY) for r in planned(stack).of(kind)}
    bound = written.pop("marlinspike-account-delivery-boundary", None)  # grants nothing by itself
    assert (bound is not None) == (stack == "account")
    assert written
    assert {name: found for name, text in written.items() if (found := writes_on_everything(statements([text])))} == {}


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_iam_takes_the_policies(stack: str) -> None:
    for role in (f"marlinspike-{stack}-deploy", f"marlinspike-{stack}-preview"):
        documents = policies(role)
        assert 0 < len(documents) <= MOST_POLICIES
        assert all(len(document) <= LONGEST_POLICY for document in documents)


def test_a_policy_that_iam_would_not_take_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a policy \(Everything\) has \d+ characters, IAM takes 6144"):
        as_json({"Everything": Permission([f"ec2:Describe{'x' * 100}"] * 60, ["*"])})


ESCALATIONS = [
    # Its own rights, another's, those of the bound, and the issuer's.
    ("iam:PutRolePolicy", "role/marlinspike-dev-deploy", "bound"),
    ("iam:AttachRolePolicy", "role/marlinspike-dev-deploy", "bound"),
    ("iam:UpdateAssumeRolePolicy", "role/marlinspike-dev-deploy", ""),
    ("iam:UpdateAssumeRolePolicy", "role/marlinspike-dev-preview", ""),
    ("iam:DeleteRole", "role/marlinspike-prod-deploy", ""),
    ("iam:UpdateAssumeRolePolicy", "role/marlinspike-push", ""),
    ("iam:PassRole", "role/marlinspike-dev-deploy", "passed"),
    ("iam:CreatePolicyVersion", "policy/delivery/marlinspike-boundary", ""),
    ("iam:CreatePolicyVersion", "policy/delivery/marlinspike-dev-deploy-network-1234567", ""),
    ("iam:UpdateOpenIDConnectProviderThumbprint", "oidc-provider/token.actions.githubusercontent.com", ""),
    ("iam:AddClientIDToOpenIDConnectProvider", "oidc-provider/token.actions.githubusercontent.com", ""),
    # Roles without the bound, with another one, of another name, or handed to another service.
    ("iam:CreateRole", "role/marlinspike-dev-x", ""),
    ("iam:PutRolePolicy", "role/marlinspike-dev-x", ""),
    ("iam:DeleteRolePermissionsBoundary", "role/marlinspike-dev-x", "bound"),
    ("iam:CreateRole", "role/Administrator", "bound"),
    ("iam:PassRole", "role/Administrator", "passed"),
    ("iam:PassRole", "role/marlinspike-dev-x", ""),
    ("iam:CreateUser", "user/marlinspike-dev-x", "bound"),
    ("iam:CreateAccessKey", "user/marlinspike-dev-x", ""),
]


@pytest.mark.parametrize(("action", "resource", "said"), ESCALATIONS)
def test_there_is_no_way_to_more_rights(action: str, resource: str, said: str) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:{resource}"
    assert not allows(rights("marlinspike-dev-deploy"), action, arn, context("dev", said))


def test_what_belongs_to_others_is_never_tagged_as_ones_own() -> None:
    taken = {**context("dev", "made"), **context("prod", "owned")}
    for action, arn in (
        ("kms:TagResource", f"arn:aws:kms:{HERE}:key/0abc"),
        ("ec2:CreateTags", f"arn:aws:ec2:{HERE}:security-group/sg-0abc"),
        ("acm:AddTagsToCertificate", f"arn:aws:acm:{HERE}:certificate/0abc"),
        ("elasticloadbalancing:AddTags", f"arn:aws:elasticloadbalancing:{HERE}:loadbalancer/app/a/1"),
        ("cloudfront:TagResource", f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1"),
        ("backup:TagResource", f"arn:aws:backup:{HERE}:backup-plan:0abc"),
    ):
        assert not allows(rights("marlinspike-dev-deploy"), action, arn, taken), action


@pytest.mark.parametrize("role", ["marlinspike-prod-deploy", "marlinspike-prod-preview"])
def test_ci_reads_no_secret_and_no_file(role: str) -> None:
    for action, arn in (
        ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{HERE}:secret:rds!db-0abc"),
        ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{HERE}:secret:marlinspike-prod-x"),
        ("s3:GetObject", "arn:aws:s3:::marlinspike-prod-files-bucket-1234567/app/a"),
        ("ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/marlinspike/dev/a"),
        ("rds-db:connect", f"arn:aws:rds-db:{HERE}:dbuser:db-0ABC/app"),
        ("logs:GetLogEvents", f"arn:aws:logs:{HERE}:log-group:marlinspike-prod-x"),
    ):
        assert not allows(rights(role), action, arn, context("prod", "owned")), action


def test_a_preview_role_changes_nothing() -> None:
    actions = {a for s in rights("marlinspike-prod-preview") if s["Effect"] == "Allow" for a in s["Action"]}
    assert all(action.split(":")[1].startswith((*READS, "Decrypt")) for action in actions)


def test_each_environment_has_its_own_part_of_the_state() -> None:
    state = "arn:aws:s3:::acme-pulumi-state/.pulumi"
    deploy, preview = rights("marlinspike-dev-deploy"), rights("marlinspike-dev-preview")
    own, others = f"{state}/stacks/marlinspike/dev.json", f"{state}/stacks/marlinspike/prod.json"
    lock = f"{state}/locks/organization/marlinspike/dev/0abc.json"
    assert allows(deploy, "s3:PutObject", own)
    assert allows(deploy, "s3:DeleteObject", lock)
    assert allows(preview, "s3:GetObject", own)
    assert not allows(preview, "s3:PutObject", own)
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        assert not allows(deploy, action, others)
    assert allows(deploy, "kms:Encrypt", STATE["delivery.state_key_arn"])
    assert not allows(preview, "kms:Encrypt", STATE["delivery.state_key_arn"])


@pytest.mark.parametrize(
    ("role", "environment"),
    [
        *((f"marlinspike-{stack}-deploy", stack) for stack in AWS_STACKS),
        *((f"marlinspike-{stack}-preview", f"{stack}-preview") for stack in AWS_STACKS),
        ("marlinspike-push", "images"),
    ],
)
def test_a_role_trusts_one_github_environment_of_one_repository(role: str, environment: str) -> None:
    found = planned("account").only(ROLE, role).inputs
    assert found["name"] == role
    assert found["maxSessionDuration"] == 3600
    [statement] = json.loads(found["assumeRolePolicy"])["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": f"repo:example/marlinspike:environment:{environment}",
        }
    }


def test_the_role_that_pushes_images_touches_the_repositories_only() -> None:
    policy = planned("account").only(ROLE_POLICY, "marlinspike-push-images").inputs["policy"]
    log_in, push = statements([policy])
    assert (log_in["Action"], log_in["Resource"]) == (["ecr:GetAuthorizationToken"], ["*"])
    assert push["Resource"] == [f"arn:aws:test:eu-west-3:{ACCOUNT}:marlinspike-app"]
    assert not any("Delete" in action for action in push["Action"])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"repository": "example/*"}, "String should match pattern"),
        ({"repository": "example"}, "String should match pattern"),
        ({"environments": {"prod": {}, "prod-eu": {}}}, "begins like what belongs to environment prod"),
        ({"state_bucket": "marlinspike-dev-state"}, "begins like what belongs to environment dev"),
        ({"environments": {"Prod": {}}}, "String should match pattern"),
        ({"environments": {"dev": {"zones": []}}}, "Extra inputs are not permitted"),
        ({"session_hours": 13}, "less than or equal to 12"),
        ({"state_key_arn": "alias/state"}, "String should match pattern"),
    ],
)
def test_a_wrong_delivery_setting_is_refused_with_its_reason(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        DeliverySettings(**{"repository": "example/marlinspike", "environments": {"dev": {}}, **wrong})


def test_a_repository_with_immutable_ids_is_accepted() -> None:
    settings = DeliverySettings(repository="example@123456/marlinspike@456789", environments={})
    assert settings.repository == "example@123456/marlinspike@456789"
