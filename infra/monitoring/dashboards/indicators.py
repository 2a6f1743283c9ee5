"""The figures that REQUIREMENTS names as objectives, on one page for people who do not operate."""

from infra.monitoring.dashboards.page import Page, Panel, Query, Row
from infra.monitoring.dashboards.saturation import cpu_share, memory_share
from infra.monitoring.dashboards.selection import OF_SERVICE, choose, error_ratio, quantile, requests
from infra.monitoring.recording import REQUESTS

RANGE = "$__range"
"""What the reader chose at the top right."""

DOWN = f"((max(up{{{OF_SERVICE}}}) == bool 0) + ((({error_ratio('5m')}) > bool 0.05) or 0 * max(up{{{OF_SERVICE}}}))) > bool 0"
"""1 while no pod answers, or more than 5 % of the requests fail; else 0."""

OUTAGE = f"({DOWN})[{RANGE}:1m]"


def indicators(namespace: str, workload: str) -> Page:
    """The dashboard of key performance indicators."""
    return Page(
        "marlinspike-indicators",
        "Key performance indicators",
        "Availability, speed, errors, use and recovery, over the chosen time.",
        variables=choose(namespace, workload, REQUESTS, "job"),
        runbooks=("ErrorRateHigh", "LatencyHigh"),
        since="now-7d",
        rows=[_for_users(), _use()],
    )


def _for_users() -> Row:
    recovery = f"60 * sum_over_time({OUTAGE}) / clamp_min(ceil(changes({OUTAGE}) / 2), 1)"
    return Row(
        "For users",
        [
            Panel(
                "Availability",
                "Share of requests that did not fail. Objective: 99.9 %; the next target is 99.95 %.",
                "percentunit",
                [Query(f"1 - ({error_ratio(RANGE)})", "availability")],
                kind="stat",
                limits=(0.9995, 0.999),
            ),
            Panel(
                "Error rate",
                "Share of requests that failed. Objective: below 1 %.",
                "percentunit",
                [Query(error_ratio(RANGE), "errors")],
                kind="stat",
                limits=(0.005, 0.01),
            ),
            Panel(
                "Response time",
                "95 % and 99 % of the requests are faster. Objectives: 200 ms and 1 s.",
                "s",
                [Query(quantile(0.95, RANGE), "p95"), Query(quantile(0.99, RANGE), "p99")],
                kind="stat",
                limits=(0.2, 1),
            ),
            Panel(
                "Mean recovery",
                "Mean length of outages (no pod answers, or more than 5 % of the requests fail for five minutes). "
                "Objective: below 5 minutes to recover, 15 to repair.",
                "s",
                [Query(recovery, "recovery")],
                kind="stat",
                limits=(300, 900),
            ),
        ],
    )


def _use() -> Row:
    each_pod = f"{requests()} / count(up{{{OF_SERVICE}}} == 1)"
    return Row(
        "Use",
        [
            Panel(
                "CPU",
                "Mean of all pods in % of the limit. Objective: below 70 %.",
                "percentunit",
                [Query(f"avg({cpu_share()})", "CPU")],
                limits=(0.7, 0.9),
            ),
            Panel(
                "Memory",
                "Mean of all pods in % of the limit. Objective: below 80 %.",
                "percentunit",
                [Query(f"avg({memory_share()})", "memory")],
                limits=(0.8, 0.95),
            ),
            Panel(
                "Requests",
                "Requests a second in all, and for each pod. One pod with one CPU answers 1000.",
                "reqps",
                [Query(requests(), "all"), Query(each_pod, "each pod")],
            ),
        ],
    )
