"""The estimate of a committed stack file, without an engine: the program runs under Pulumi's mocks, in seconds."""

from pathlib import Path

from infra.usage import UsageSettings
from price.estimate import Estimate, estimate
from price.resources import Resource, resources_of
from price.table import table
from stacks.plan import PROJECT_FOLDER, plan_of, settings_of
from stacks.settings import AccountStackSettings, AwsSettings, Settings

AWS_STACKS = ("dev", "staging", "prod")
"""That the picture shows."""


class NoPriceError(Exception):
    """The stack is none that AWS bills."""


def estimate_of(stack: str, plan: Path | None = None) -> tuple[Estimate, float | None]:
    """A month of a stack, and its limit where it has a budget; from a rehearsal's plan.json if given.

    Raises SettingsError for a stack file that cannot work, EstimateError for what has no price, NoPriceError for a stack that
    is not on AWS, NoStackError for one that is not there, and FileNotFoundError for a plan that is not.
    """
    settings = settings_of(stack)
    if not isinstance(settings, AwsSettings | AccountStackSettings):
        raise NoPriceError(
            f"{stack}: has target `{settings.target}`, for which nobody sends a bill; choose a stack on AWS"
        )
    resources = resources_of(plan) if plan else registered(stack, settings)
    usage = settings.usage if isinstance(settings, AwsSettings) else UsageSettings()
    budget = settings.budget if isinstance(settings, AwsSettings) else None
    found = estimate(stack, settings.account.region, resources, table(), usage)
    return found, float(budget.monthly_usd) if budget else None


def registered(stack: str, settings: Settings) -> list[Resource]:
    """What the program registers with these settings."""
    return [Resource(found.type, found.name, found.inputs) for found in plan_of(stack, settings).resources]


PICTURE = PROJECT_FOLDER / "docs" / "cost.svg"
