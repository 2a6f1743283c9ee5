"""What an environment may cost in a month, and who hears of it before it does."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws
from pulumi import Input, ResourceOptions
from pydantic import Field

from infra.settings import Email, Section

TAG = "Environment"
"""By which costs are told apart."""


class BudgetSettings(Section):
    """Section `budget` of an AWS stack file; the bill goes unwatched without it.

    AWS counts the resources that carry the environment's tag from the day on which somebody activated `Environment` as a cost
    allocation tag, once for the organisation, in the account that pays (AWS Billing, "Activating user-defined cost allocation
    tags"). Until then the budget sees no cost.
    """

    monthly_usd: int = Field(ge=1)
    """Most that a calendar month is meant to cost, in US dollars (AWS bills in them), taxes included."""

    emails: tuple[Email, ...] = Field(min_length=1, max_length=10)
    """Who is told (AWS allows ten for each notification)."""

    actual_percent: int = Field(80, ge=1, le=1000)
    """Of the budget that was spent."""

    forecast_percent: int = Field(100, ge=1, le=1000)
    """Of the budget that AWS expects to be spent by the month's end. It forecasts after some five weeks of costs."""


class Budget(pulumi.ComponentResource):
    """An AWS budget for the costs that carry one environment's tag.

    Type token: `marlinspike:budget:Budget`. Tells by e-mail, and on the alarms' topic where there is one. Notifies only: it
    stops nothing.
    """

    def __init__(
        self,
        name: str,
        settings: BudgetSettings,
        tags: Mapping[str, str],
        topic_arn: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:budget:Budget", name, {}, opts)
        aws.budgets.Budget(
            f"{name}-monthly",
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=str(settings.monthly_usd),
            limit_unit="USD",
            cost_filters=[{"name": "TagKeyValue", "values": [f"user:{TAG}${tags[TAG]}"]}],
            notifications=[
                {
                    "comparison_operator": "GREATER_THAN",
                    "notification_type": kind,
                    "threshold": percent,
                    "threshold_type": "PERCENTAGE",
                    "subscriber_email_addresses": list(settings.emails),
                    "subscriber_sns_topic_arns": [] if topic_arn is None else [topic_arn],
                }
                for kind, percent in (("ACTUAL", settings.actual_percent), ("FORECASTED", settings.forecast_percent))
            ],
            opts=ResourceOptions(parent=self),
        )
        self.register_outputs({})
