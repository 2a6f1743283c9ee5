"""What every part of a stack on AWS is told: its name, its settings, where it is made, and where copies go."""

from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import ResourceOptions

from infra.delivery.bounds import bounding
from infra.encryption import EncryptionKey
from infra.naming import PROJECT, aws_tags
from infra.recovery import SecondRegion, key_of_copies, source_stack
from stacks.settings import AwsSettings

BOOTSTRAP = "database-bootstrap"


@dataclass(frozen=True)
class Context:
    """One stack on AWS."""

    stack: str
    settings: AwsSettings
    """Those in effect: in the second region, that region's."""
    on_aws: ResourceOptions
    second_region: SecondRegion | None
    """Where copies go; none where the settings ask for none, and none in the second region itself."""

    @property
    def name(self) -> str:
        """What every logical name begins with, and so every physical one: CI's rights are bound to it."""
        return f"{PROJECT}-{self.stack}"

    @property
    def owner(self) -> str:
        """Whose secrets the stack uses: its own, and in the second region those of the stack that it brings up there."""
        return f"{PROJECT}-{source_stack(self.stack)}"

    @property
    def protect(self) -> bool:
        """Whether data and cluster resist deletion."""
        return self.settings.protection.enabled

    @property
    def account_id(self) -> str:
        """Twelve digits."""
        return self.settings.account.id

    @property
    def region(self) -> str:
        """Such as `eu-west-3`."""
        return self.settings.account.region

    @property
    def tags(self) -> dict[str, str]:
        """On everything, also on what controllers make."""
        return aws_tags(self.stack)

    @property
    def restoring(self) -> bool:
        """Whether this stack brings another one up in the second region, from its copies there."""
        return self.settings.recovery is not None and self.settings.recovery.restoring


def context_of(stack: str, settings: AwsSettings) -> Context:
    """Makes the provider, and the key of the second region where copies go to one."""
    account, recovery = settings.account, settings.recovery
    provider = aws.Provider(
        "aws",
        region=account.region,
        allowed_account_ids=[account.id],
        default_tags={"tags": aws_tags(stack)},
    )
    on_aws = ResourceOptions(providers=[provider], transforms=[bounding(account.id)] if account.bounded_roles else [])
    second_region = None
    if recovery is not None and not recovery.restoring:
        key = EncryptionKey(
            key_of_copies(f"{PROJECT}-{stack}"),
            settings.encryption,
            account.id,
            recovery.region,
            protect=settings.protection.enabled,
            keep=settings.keeps_data,
            opts=on_aws,
        )
        second_region = SecondRegion(recovery.region, key.arn)
    return Context(stack, settings, on_aws, second_region)
