"""What is left of the error budget of a service, and how fast it goes."""

from infra.monitoring.dashboards.page import Page, Panel, Query, Row
from infra.monitoring.dashboards.selection import DURATION, OF_SERVICE, REQUESTS, choose, error_ratio

AVAILABILITY = 0.999
"""Of the requests, over 30 days (REQUIREMENTS, M4)."""

FAST_SHARE, FAST_SECONDS = 0.95, 0.2
"""95 % of the requests within 200 ms (REQUIREMENTS, "Objectives")."""

PAGES_AT = 14.4
"""Burn rate over an hour that spends 2 % of a month's budget (Google, "Alerting on SLOs")."""


def slow_ratio(window: str) -> str:
    """Share of requests slower than the objective, 0 to 1."""
    fast = f'sum(rate({DURATION}{{{OF_SERVICE}, le="{FAST_SECONDS}"}}[{window}]))'
    every = f'sum(rate({DURATION}{{{OF_SERVICE}, le="+Inf"}}[{window}]))'
    return f"1 - {fast} / {every}"


def objectives(namespace: str, workload: str) -> Page:
    """The dashboard of the two objectives: availability and speed."""
    budget, slow_budget = f"{1 - AVAILABILITY:g}", f"{1 - FAST_SHARE:g}"
    kept = "Over 30 days, or as long as Prometheus keeps its samples (monitoring.retention)."
    windows = ("5m", "1h", "6h", "3d")
    return Page(
        "marlinspike-objectives",
        "Objectives and error budget",
        f"Availability {AVAILABILITY:.1%}, and {FAST_SHARE:.0%} of the requests within {FAST_SECONDS * 1000:g} ms.",
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
                        bad_at=AVAILABILITY,
                    ),
                    Panel(
                        "Error budget left",
                        f"100 %: nothing failed. 0 %: what {AVAILABILITY:.1%} allows is spent: no risky releases. {kept}",
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
                        f"Share of requests answered within {FAST_SECONDS * 1000:g} ms. {kept}",
                        "percentunit",
                        [Query(f"1 - ({slow_ratio('30d')})", "fast")],
                        kind="stat",
                        warn_at=0.97,
                        bad_at=FAST_SHARE,
                    ),
                    Panel(
                        "Budget of slow requests left",
                        f"0 %: as many slow requests as {FAST_SHARE:.0%} allows. {kept}",
                        "percentunit",
                        [Query(f"1 - ({slow_ratio('30d')}) / {slow_budget}", "budget left")],
                        kind="stat",
                        warn_at=0.5,
                        bad_at=0,
                    ),
                    Panel(
                        "Burn rate of speed",
                        "1 spends the budget of slow requests in exactly 30 days.",
                        "short",
                        [Query(f"({slow_ratio(window)}) / {slow_budget}", window) for window in windows],
                        warn_at=1,
                        bad_at=PAGES_AT,
                    ),
                ],
            ),
        ],
    )
