"""The bound of every role that an environment makes."""

import json

import pulumi
import pytest

from infra.delivery.bounds import bounding
from infra.delivery.identity import boundary
from infra.delivery.permissions import as_json
from infra.delivery.scope import boundary_arn
from tests.unit.iam import allows, many, statements
from tests.unit.plan import AWS_STACKS, planned
from tests.unit.rights import ACCOUNT, HERE

ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"


def test_no_bounded_role_gets_more_rights_whatever_its_policies_say() -> None:
    bound = statements([as_json(boundary(ACCOUNT))])
    assert planned("account").only(POLICY, "marlinspike-account-delivery-boundary").inputs["path"] == "/delivery/"
    for action in (
        "iam:CreateRole",
        "iam:PutRolePolicy",
        "iam:CreateAccessKey",
        "sts:AssumeRole",
        "organizations:LeaveOrganization",
    ):
        assert not allows(bound, action, f"arn:aws:iam::{ACCOUNT}:role/marlinspike-dev-x")
    assert allows(bound, "rds-db:connect", f"arn:aws:rds-db:{HERE}:dbuser:db-0ABC/app")


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_bound_covers_whatever_the_environments_own_policies_grant(stack: str) -> None:
    bound = statements([as_json(boundary(ACCOUNT))])
    for policy in planned(stack).of(ROLE_POLICY):
        for statement in json.loads(policy.inputs["policy"])["Statement"]:
            for action in many(statement["Action"]):
                assert allows(bound, action, "*", {"iam:PassedToService": "backup.amazonaws.com"}), action


def test_the_bound_reaches_every_role_and_nothing_else() -> None:
    def asked(kind: str) -> pulumi.ResourceTransformArgs:
        return pulumi.ResourceTransformArgs(
            custom=True, type_=kind, name="x", props={"name": "x"}, opts=pulumi.ResourceOptions()
        )

    bound = bounding(ACCOUNT)
    changed = bound(asked(ROLE))
    assert changed is not None
    assert changed.props == {"name": "x", "permissionsBoundary": boundary_arn(ACCOUNT)}
    assert bound(asked(POLICY)) is None
