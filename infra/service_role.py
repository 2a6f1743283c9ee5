"""Roles that AWS's services assume, to do what the platform asks of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from infra.identity import Permission, granting, managed_policy, policy_of


@dataclass(frozen=True)
class ServiceRole:
    """A role that an AWS service assumes."""

    arn: Output[str]
    granted: Sequence[pulumi.Resource]
    """What gives it its rights: whoever uses the role comes after."""


def service_role(
    name: str,
    service: str,
    opts: ResourceOptions,
    *,
    managed: Mapping[str, str] | None = None,
    permissions: Mapping[str, Permission] | None = None,
    policy_name: str | None = None,
) -> ServiceRole:
    """Makes a role for a service (`ec2.amazonaws.com`), with AWS's own policies (by logical name) or with permissions of ours.

    The policy of the permissions has the role's logical name unless another one is given.
    """
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    role = aws.iam.Role(name, assume_role_policy=json.dumps(policy_of(trust)), opts=opts)
    granted: list[pulumi.Resource] = [
        aws.iam.RolePolicyAttachment(logical, role=role.name, policy_arn=managed_policy(policy), opts=opts)
        for logical, policy in (managed or {}).items()
    ]
    if permissions:
        granted.append(aws.iam.RolePolicy(policy_name or name, role=role.id, policy=granting(permissions), opts=opts))
    return ServiceRole(role.arn, granted)
