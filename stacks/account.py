"""What an account has once, whatever environments run in it: the image registry, and CI's way in."""

from typing import Any

import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from infra.delivery.roles import Delivery
from infra.encryption import EncryptionKey
from infra.naming import PROJECT, aws_tags
from infra.registry import Registry
from stacks.settings import AccountStackSettings


class AccountStack:
    """Composes the components; `outputs` are what the stack exports: addresses and ARNs, never a secret."""

    outputs: dict[str, Output[Any] | str]

    def __init__(self, stack: str, settings: AccountStackSettings) -> None:
        name = f"{PROJECT}-{stack}"
        account, region = settings.account.id, settings.account.region
        on_aws = ResourceOptions(
            providers=[
                aws.Provider(
                    "aws", region=region, allowed_account_ids=[account], default_tags={"tags": aws_tags(stack)}
                )
            ]
        )
        self.outputs = {"region": region}
        repository_arns: dict[str, Output[str]] = {}
        if settings.registry is not None:
            protect = settings.protection.enabled
            key = EncryptionKey(name, settings.encryption, account, region, protect=protect, keep=False, opts=on_aws)
            copies = settings.registry.replicate_to
            copy_key = (
                EncryptionKey(
                    f"{name}-copy", settings.encryption, account, copies, protect=protect, keep=False, opts=on_aws
                )
                if copies
                else None
            )
            registry = Registry(
                f"{name}-registry",
                settings.registry,
                account,
                key.arn,
                settings.protection.enabled,
                copy_key.arn if copy_key else None,
                opts=on_aws,
            )
            repository_arns = registry.repository_arns
            self.outputs["repositories"] = Output.all(**registry.repository_urls)
        if settings.delivery is not None:
            delivery = Delivery(f"{name}-delivery", settings.delivery, account, repository_arns, opts=on_aws)
            self.outputs["roles"] = Output.all(**delivery.role_arns)
