"""Budgets: each environment's own costs, told before they are spent."""

import pytest
from pydantic import ValidationError

from infra.budget import BudgetSettings
from tests.unit.plan import AWS_STACKS, planned, planned_with

BUDGET = "aws:budgets/budget:Budget"


@pytest.mark.parametrize(("stack", "limit"), [("dev", "400"), ("staging", "900"), ("prod", "2000")])
def test_each_environment_has_a_budget_of_its_own_costs(stack: str, limit: str) -> None:
    budget = planned(stack).only(BUDGET).inputs
    assert (budget["limitAmount"], budget["limitUnit"], budget["timeUnit"]) == (limit, "USD", "MONTHLY")
    assert budget["costFilters"] == [{"name": "TagKeyValue", "values": [f"user:Environment${stack}"]}]


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_people_hear_of_what_was_spent_and_of_what_will_be(stack: str) -> None:
    told = {n["notificationType"]: n for n in planned(stack).only(BUDGET).inputs["notifications"]}
    assert {kind: n["threshold"] for kind, n in told.items()} == {"ACTUAL": 80, "FORECASTED": 100}
    assert all(n["subscriberEmailAddresses"] == ["platform@example.com"] for n in told.values())


@pytest.mark.parametrize(("stack", "topics"), [("dev", 0), ("staging", 1), ("prod", 1)])
def test_the_alarms_topic_is_told_where_there_is_one(stack: str, topics: int) -> None:
    for notification in planned(stack).only(BUDGET).inputs["notifications"]:
        assert len(notification.get("subscriberSnsTopicArns", [])) == topics


def test_both_thresholds_can_be_set() -> None:
    plan = planned_with("dev", {"budget.actual_percent": 50, "budget.forecast_percent": 120})
    told = {n["notificationType"]: n["threshold"] for n in plan.only(BUDGET).inputs["notifications"]}
    assert told == {"ACTUAL": 50, "FORECASTED": 120}


def test_no_budget_is_made_where_the_section_is_missing() -> None:
    assert not planned_with("dev", {"budget": None}).of(BUDGET)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"monthly_usd": 0, "emails": ("a@example.com",)}, "greater than or equal to 1"),
        ({"monthly_usd": 100, "emails": ()}, "at least 1 item"),
        ({"monthly_usd": 100, "emails": ("a@example.com",) * 11}, "at most 10 items"),
        ({"monthly_usd": 100, "emails": ("nobody",)}, "should match pattern"),
    ],
)
def test_a_wrong_budget_setting_is_refused_with_its_reason(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        BudgetSettings(**wrong)
