"""What is left of the error budget of a service, and how fast it goes."""

from collections.abc import Callable

from infra.monitoring.dashboards.page import Page, Panel, Query, Row
from infra.monitoring.dashboards.selection import OF_SERVICE, choose, error_ratio
from infra.monitoring.recording import DURATION, REQUESTS
from infra.monitoring.slo import BURN_RATES, ObjectivesSettings

PAGES_AT = BURN_RATES[0].factor
"""The burn rate over an hour that spends 2 % of a month's budget."""

KEPT = "Over 30 days, or as long as Prometheus keeps its samples (monitoring.retention)."

Ratio = Callable[[str], str]
"""The share of requests over a window that do not keep what is promised, 0 to 1."""


def objectives(namespace: str, workload: str, promised: ObjectivesSettings) -> Page:
    """The dashboard of the two objectives: availability and speed."""
    seconds = promised.latency_seconds
    availability, fast = (round(each / 100, 9) for each in (promised.availability_percent, promised.latency_percent))
    return Page(
        "marlinspike-objectives",
        "Objectives and error budget",
        f"Availability {availability:.1%}, and {fast:.0%} of the requests within {seconds * 1000:g} ms.",
        variables=choose(namespace, workload, REQUESTS, "job"),
        runbooks=("AvailabilityBudgetBurning", "LatencyBudgetBurning"),
        since="now-7d",
        rows=[_availability(availability), _speed(fast, seconds)],
    )


def _availability(promised: float) -> Row:
    return Row(
        "Availability",
        [
            Panel(
                "Availability",
                f"Share of requests that did not fail with 5xx. {KEPT}",
                "percentunit",
                [Query(f"1 - ({error_ratio('30d')})", "availability")],
                kind="stat",
                limits=(0.9995, promised),
            ),
            _budget_left(
                "Error budget left",
                f"100 %: nothing failed. 0 %: what {promised:.1%} allows is spent: no risky releases. {KEPT}",
                error_ratio,
                promised,
            ),
            _burn_rate(
                "Burn rate",
                f"1 spends the budget in exactly 30 days; {PAGES_AT} over an hour spends 2 % of it, and pages.",
                error_ratio,
                promised,
            ),
        ],
    )


def _speed(promised: float, seconds: float) -> Row:
    def slow_ratio(window: str) -> str:
        fast = f'sum(rate({DURATION}_bucket{{{OF_SERVICE}, le="{seconds}"}}[{window}]))'
        every = f'sum(rate({DURATION}_bucket{{{OF_SERVICE}, le="+Inf"}}[{window}]))'
        return f"1 - {fast} / {every}"

    return Row(
        "Speed",
        [
            Panel(
                "Fast requests",
                f"Share of requests answered within {seconds * 1000:g} ms. {KEPT}",
                "percentunit",
                [Query(f"1 - ({slow_ratio('30d')})", "fast")],
                kind="stat",
                limits=(0.97, promised),
            ),
            _budget_left(
                "Budget of slow requests left",
                f"0 %: as many slow requests as {promised:.0%} allows. {KEPT}",
                slow_ratio,
                promised,
            ),
            _burn_rate(
                "Burn rate of speed",
                "1 spends the budget of slow requests in exactly 30 days.",
                slow_ratio,
                promised,
            ),
        ],
    )


def _budget_left(title: str, description: str, ratio: Ratio, promised: float) -> Panel:
    query = Query(f"1 - ({ratio('30d')}) / {1 - promised:g}", "budget left")
    return Panel(title, description, "percentunit", [query], kind="stat", limits=(0.5, 0))


def _burn_rate(title: str, description: str, ratio: Ratio, promised: float) -> Panel:
    queries = [Query(f"({ratio(window)}) / {1 - promised:g}", window) for window in ("5m", "1h", "6h", "3d")]
    return Panel(title, description, "short", queries, limits=(1, PAGES_AT))
