"""`eks:index:ServiceRole`: a role for a service with managed policies (nodejs/eks/servicerole.ts)."""

import hashlib
import json
from collections.abc import Sequence

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions


class ServiceRole(pulumi.ComponentResource):
    """A role, and one attachment for each of AWS's own policies."""

    role: aws.iam.Role
    attachments: list[aws.iam.RolePolicyAttachment]

    def __init__(
        self,
        name: str,
        service: Input[str],
        policies: Sequence[str],
        partition: Input[str],
        *,
        actions: Sequence[str] = ("sts:AssumeRole",),
        description: str | None = None,
        tags: Input[dict[str, str]] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("eks:index:ServiceRole", name, {}, opts)
        self.role = aws.iam.Role(
            f"{name}-role",
            description=description,
            assume_role_policy=Output.from_input(service).apply(lambda known: _trust(known, actions)),
            tags=tags,
            opts=ResourceOptions(parent=self),
        )
        self.attachments = [
            aws.iam.RolePolicyAttachment(
                f"{name}-{_digest(policy)}",
                policy_arn=Output.format("arn:{0}:iam::aws:policy/{1}", partition, policy),
                role=self.role.name,
                opts=ResourceOptions(parent=self),
            )
            for policy in policies
        ]
        self.register_outputs({"role": self.role})


def _digest(policy: str) -> str:
    """By what the real component names an attachment: a hash of the policy's ARN in the public partition."""
    return hashlib.sha1(f"arn:aws:iam::aws:policy/{policy}".encode(), usedforsecurity=False).hexdigest()[:8]


def _trust(service: str, actions: Sequence[str]) -> str:
    statement = {"Action": list(actions), "Effect": "Allow", "Principal": {"Service": [service]}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
