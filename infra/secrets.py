"""Secrets of the workloads: places for values in AWS Secrets Manager, without the values."""

from collections.abc import Mapping
from typing import Annotated

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions
from pydantic import Field

from infra.recovery import SecondRegion
from infra.settings import Section


class SecretSettings(Section):
    """One secret of section `secrets`."""

    description: str = Field(min_length=10)
    """What it is for, and who can renew it."""


SecretsSettings = dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")], SecretSettings]
"""Section `secrets` of a stack file: secrets by name. `aws secretsmanager put-secret-value` sets their values, which so never
pass through Pulumi and are in no state."""


def secret_path(stack_name: str, secret: str) -> str:
    """The name of a secret in Secrets Manager: `marlinspike-prod/payment-api`."""
    return f"{stack_name}/{secret}"


class Secrets(pulumi.ComponentResource):
    """Empty secrets, encrypted with the platform's key.

    Type token: `marlinspike:secrets:Secrets`. With `copies`, Secrets Manager copies each change to the second region at once.
    Their names are fixed: pods and the second region find them by name. Without `protect` a deleted secret is gone at once, so
    that its name is free for the next `up`; with it AWS keeps it for 30 days.
    """

    arns: Mapping[str, Output[str]]
    """By the name in the stack file."""

    def __init__(
        self,
        name: str,
        settings: Mapping[str, SecretSettings],
        key_arn: Input[str],
        protect: bool,
        copies: SecondRegion | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:secrets:Secrets", name, {}, opts)
        replicas: list[aws.secretsmanager.SecretReplicaArgsDict] = (
            [{"region": copies.region, "kms_key_id": copies.key_arn}] if copies else []
        )
        self.arns = {
            secret: aws.secretsmanager.Secret(
                f"{name}-{secret}",
                name=secret_path(name, secret),
                description=wanted.description,
                kms_key_id=key_arn,
                recovery_window_in_days=30 if protect else 0,
                replicas=replicas,
                opts=ResourceOptions(parent=self, protect=protect),
            ).arn
            for secret, wanted in settings.items()
        }
        self.register_outputs({"arns": dict(self.arns)})
