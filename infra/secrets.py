"""Secrets of the workloads: places for values in AWS Secrets Manager, without the values."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws
from pulumi import Input, ResourceOptions
from pydantic import Field

from infra.identity import Permission
from infra.recovery import SecondRegion, key_of_copies
from infra.settings import SecretName, Section


class SecretSettings(Section):
    """One secret of section `secrets`."""

    description: str = Field(min_length=10)
    """What it is for, and who can renew it."""


SecretsSettings = dict[SecretName, SecretSettings]
"""Section `secrets` of a stack file: secrets by name. `aws secretsmanager put-secret-value` sets their values, which so never
pass through Pulumi and are in no state."""


def secret_path(owner: str, secret: str) -> str:
    """The name of a secret in its store: `marlinspike-prod/payment-api`."""
    return f"{owner}/{secret}"


def reading(owner: str, account_id: str, region: str, key_arn: Input[str] | None) -> dict[str, Permission]:
    """What it takes to read the secrets of one stack, and no others.

    Without `key_arn` they are the copies in the second region, whose key is known by its alias only.
    """
    via = {"StringEquals": {"kms:ViaService": f"secretsmanager.{region}.amazonaws.com"}}
    alias = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/{key_of_copies(owner)}"}}
    return {
        "SecretsOfThisStack": Permission(
            actions=["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
            resources=[f"arn:aws:secretsmanager:{region}:{account_id}:secret:{owner}/*"],
        ),
        "TheirKey": Permission(
            actions=["kms:Decrypt"],
            resources=[f"arn:aws:kms:{region}:{account_id}:key/*" if key_arn is None else key_arn],
            conditions=via | alias if key_arn is None else via,
        ),
    }


class Secrets(pulumi.ComponentResource):
    """Empty secrets, encrypted with the platform's key.

    Type token: `marlinspike:secrets:Secrets`. With `copies`, Secrets Manager copies each change to the second region at once.
    Their names are fixed: pods and the second region find them by name. Without `protect` a deleted secret is gone at once, so
    that its name is free for the next `up`; with it AWS keeps it for 30 days.
    """

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
        arns = {
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
        self.register_outputs({"arns": arns})
