"""What a stack costs a month, by the resources that it has and the price list."""

from typing import Any

from ops.errors import OpsError
from ops.stack import Stack
from price.estimate import EstimateError, estimate
from price.resources import Resource
from price.table import table
from stacks.settings import AwsSettings


def cost(stack: Stack) -> dict[str, Any]:
    """US dollars a month before taxes, on demand, and the budget. Raises OpsError for what has no price."""
    settings = stack.platform
    if not isinstance(settings, AwsSettings):
        return {"off": "nobody sends a bill for a cluster of one's own"}
    resources = [
        Resource(each["type"], each["urn"].rsplit("::", 1)[-1], each.get("inputs") or {}) for each in stack.resources
    ]
    try:
        found = estimate(stack.name, settings.account.region, resources, table(), settings.usage)
    except EstimateError as error:
        raise OpsError(f"the price list lacks something: {error}") from None
    return {
        "USD a month": round(found.total),
        "budget": settings.budget.monthly_usd if settings.budget else None,
        "prices of": table().on.isoformat(),
    }
