"""Chooses the composition for a stack's target."""

from typing import Any

from pulumi import Output

from stacks.account import AccountStack
from stacks.aws import AwsStack
from stacks.local import LocalStack
from stacks.settings import AccountStackSettings, AwsSettings, Settings


def compose(stack: str, settings: Settings) -> dict[str, Output[Any] | str]:
    """Registers every resource of a stack and returns its outputs."""
    if isinstance(settings, AwsSettings):
        return AwsStack(stack, settings).outputs
    if isinstance(settings, AccountStackSettings):
        return AccountStack(stack, settings).outputs
    return LocalStack(settings).outputs
