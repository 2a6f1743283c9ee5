"""What is left of the error budget of a service, and how fast it goes."""

from infra.monitoring.dashboards.page import Page, Panel, Query, Row
from infra.monitoring.dashboards.selection import OF_SERVICE, choose, error_ratio
from infra.monitoring.recording import DURATION, REQUESTS
from infra.monitoring.slo import BURN_RATES, ObjectivesSettings

PAGES_AT = BURN_RATES[0].factor
"""The burn rate over an hour that spends 2 % of a month's budget."""


def slow_ratio(seconds: float, window: str) -> str:
    """Share of requests slower than these seconds, 0 to 1."""
    fast = f'sum(rate({DURATION}_bucket{{{OF_SERVICE}, le="{seconds}"}}[{window}]))'
    every = f'sum(rate({DURATION}_bucket{{{OF_SERVICE}, le="+Inf"}}[{window}]))'
    return f"1 - {fast} / {every}"


def objectives(namespace: str, workload: str, promised: ObjectivesSettings) -> Page:
    """The dashboard of the two objectives: availability and speed."""
    seconds = promised.latency_seconds
    availability, fast_share = (
        round(each / 100, 9) for each in (promised.availability_percent, promised.latency_percent)
    )
    budget, slow_budget = f"{1 - availability:g}", f"{1 - fast_share:g}"
    kept = "Over 30 days, or as long as Prometheus keeps its samples (monitoring.retention)."
    windows = ("5m", "1h", "6h", "3d")
    return Page(
        "marlinspike-objectives",
        "Objectives and error budget",
        f"Availability {availability:.1%}, and {fast_share:.0%} of the requests within {seconds * 1000:g} ms.",
        variables=choose(namespace, workload, REQUESTS, "job"),
        runbooks=("AvailabilityBudgetBurning", "LatencyBudgetBurning"),
        since="now-7d",
        rows=[
            Row(
                "Availability",
                [
                    Panel(
                        "Availability",
                        f"Share of requests that did not fail with 5xx. {kept}",
                        "percentunit",
                        [Query(f"1 - ({error_ratio('30d')})", "availability")],
                        kind="stat",
                        warn_at=0.9995,
                        bad_at=availability,
                    ),
                    Panel(
                        "Error budget left",
                        f"100 %: nothing failed. 0 %: what {availability:.1%} allows is spent: no risky releases. {kept}",
                        "percentunit",
                        [Query(f"1 - ({error_ratio('30d')}) / {budget}", "budget left")],
                        kind="stat",
                        warn_at=0.5,
                        bad_at=0,
                    ),
                    Panel(
                        "Burn rate",
                        f"1 spends the budget in exactly 30 days; {PAGES_AT} over an hour spends 2 % of it, and pages.",
                        "short",
                        [Query(f"({error_ratio(window)}) / {budget}", window) for window in windows],
                        warn_at=1,
                        bad_at=PAGES_AT,
                    ),
                ],
            ),
            Row(
                "Speed",
                [
                    Panel(
                        "Fast requests",
                        f"Share of requests answered within {seconds * 1000:g} ms. {kept}",
                        "percentunit",
                        [Query(f"1 - ({slow_ratio(seconds, '30d')})", "fast")],
                        kind="stat",
                        warn_at=0.97,
                        bad_at=fast_share,
                    ),
                    Panel(
                        "Budget of slow requests left",
                        f"0 %: as many slow requests as {fast_share:.0%} allows. {kept}",
                        "percentunit",
                        [Query(f"1 - ({slow_ratio(seconds, '30d')}) / {slow_budget}", "budget left")],
                        kind="stat",
                        warn_at=0.5,
                        bad_at=0,
                    ),
                    Panel(
                        "Burn rate of speed",
                        "1 spends the budget of slow requests in exactly 30 days.",
                        "short",
                        [Query(f"({slow_ratio(seconds, window)}) / {slow_budget}", window) for window in windows],
                        warn_at=1,
                        bad_at=PAGES_AT,
                    ),
                ],
            ),
        ],
    )
