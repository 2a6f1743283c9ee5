"""Alerts on what an application says of itself: its requests and what it depends on."""

from infra.monitoring.alert import AS_LONG_AS_CONSEQUENCES, Alert, Watched
from infra.monitoring.recording import quantile, rate, ratio

FAILING_RATIO = 0.05
FAILING_RATE = 0.01
"""A second: three in five minutes. One failed request of a quiet night wakes nobody."""

SLOW_SECONDS = 1


def request_alerts(workload: Watched) -> list[Alert]:
    """Requests that fail, and requests that are slow (REQUIREMENTS M2, M3)."""
    name, job = workload.name, f"{{{workload.job}}}"
    return [
        Alert(
            name="ErrorRateHigh",
            expression=f"{ratio('failed')}{job} > {FAILING_RATIO} and {rate('failed')}{job} >= {FAILING_RATE}",
            hold="1m",
            severity="critical",
            summary=f"More than 5 % of the requests to {name} fail.",
            description="{{ $value | humanizePercentage }} of the requests in {{ $labels.namespace }} were answered with a 5xx.",
        ),
        Alert(
            name="LatencyHigh",
            expression=f"{quantile(95)}{job} > {SLOW_SECONDS}",
            hold="5m",
            severity="warning",
            summary=f"One in twenty requests to {name} takes longer than a second.",
            description="The 95th percentile in {{ $labels.namespace }} is {{ $value | humanizeDuration }}.",
        ),
    ]


def dependency_alerts(workload: Watched) -> list[Alert]:
    """A database or a cache that pods ask in vain, and a pool of connections that is too small."""
    name, job = workload.name, workload.job
    return [
        *(
            Alert(
                name=alert,
                expression=f'count by (namespace, job) (dependency_up{{{job}, dependency="{dependency}"}} == 0)',
                hold="1m",
                severity="critical",
                summary=f"{name} does not reach its {dependency}.",
                description=f"{{{{ $value }}}} of its pods in {{{{ $labels.namespace }}}} ask the {dependency} in vain. {impact}",
                lingers=AS_LONG_AS_CONSEQUENCES,
            )
            for alert, dependency, impact in (
                ("DatabaseUnreachable", "database", "Their requests are answered with a 503."),
                ("CacheUnreachable", "cache", "They read from the database instead, which has that load to bear."),
            )
        ),
        Alert(
            name="DatabasePoolExhausted",
            expression=f"sum by (namespace, job, pod) (database_pool_waiting_requests{{{job}}}) > 0",
            hold="5m",
            severity="warning",
            summary=f"Requests to {name} wait for a connection to the database.",
            description="{{ $value }} requests wait in {{ $labels.namespace }}/{{ $labels.pod }}.",
        ),
    ]
