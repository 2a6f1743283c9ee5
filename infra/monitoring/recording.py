"""Figures of an application's requests that Prometheus computes once: rates, the share that failed or was slow, quantiles.

Whoever asks after health asks after himself: probes are left out, or they would thin out every failure of a quiet service.
"""

from infra.monitoring.alert import Recording, Watched

REQUESTS = "http_requests_total"
DURATION = "http_request_duration_seconds"
"""Names as the application exports them (app/metrics.py)."""

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0)
"""Of its histogram, in seconds."""

NO_PROBES = 'route!~"/healthz|/readyz|(/[a-z]+)?/health"'
"""Every request but those of kubelet, load balancers and people who ask for health (app/health.py)."""

WINDOWS = ("30m", "1h", "2h", "6h", "1d", "3d", "30d")
"""Beside 5m: those of the burn rates, and that of the objectives."""

QUANTILES = (50, 95, 99)


def rate(what: str, window: str = "5m") -> str:
    """Name of the mean number a second of `http_requests`, or those of them that `failed` or were `slow`."""
    return f"namespace_job:http_requests{what and '_'}{what}:rate{window}"


def ratio(what: str, window: str = "5m") -> str:
    """Name of the share of the requests that `failed` or were `slow`: 0 to 1, nothing while there are no requests."""
    return f"namespace_job:http_requests_{what}:ratio_rate{window}"


def quantile(percent: int) -> str:
    """Name of a quantile of the response time of the last five minutes, in seconds."""
    return f"namespace_job:{DURATION}:p{percent}_rate5m"


def recordings(workload: Watched, slow_seconds: float) -> list[Recording]:
    """The recording rules of one workload. A request is slow above `slow_seconds`, which must be a bound of the histogram.

    Long windows are means of the five-minute figure, not rates over days of raw counters: of each second they count the same,
    a counter's restart or a pod's end disturbs nothing, and Prometheus reads one series instead of thousands.
    """
    requests, failed, slow = rate(""), rate("failed"), rate("slow")
    chosen = f"{workload.job}, {NO_PROBES}"
    duration = f"rate({DURATION}_bucket{{{chosen}}}[5m])"
    found = [
        Recording(requests, _sum(f"rate({REQUESTS}{{{chosen}}}[5m])")),
        # A service that never failed has no series of failures.
        Recording(
            failed,
            _sum(f'rate({REQUESTS}{{{chosen}, status=~"5.."}}[5m])') + f" or 0 * {requests}{{{workload.job}}}",
        ),
        Recording(
            slow,
            _sum(f"rate({DURATION}_count{{{chosen}}}[5m])")
            + " - "
            + _sum(f'rate({DURATION}_bucket{{{chosen}, le="{slow_seconds}"}}[5m])'),
        ),
    ]
    found += [Recording(_ratio.name, _ratio.expression) for _ratio in _ratios(workload, "5m")]
    for window in WINDOWS:
        for what in ("", "failed", "slow"):
            mean = f"avg_over_time({rate(what)}{{{workload.job}}}[{window}])"
            found.append(Recording(rate(what, window), mean))
        found += _ratios(workload, window)
    for percent in QUANTILES:
        # Without requests it is no number, which compares to nothing.
        by_bound = f"sum by (namespace, job, le) ({duration})"
        found.append(Recording(quantile(percent), f"histogram_quantile({percent / 100}, {by_bound})"))
    return found


def _ratios(workload: Watched, window: str) -> list[Recording]:
    requests = f"({rate('', window)}{{{workload.job}}} > 0)"
    return [
        Recording(ratio(what, window), f"{rate(what, window)}{{{workload.job}}} / {requests}")
        for what in ("failed", "slow")
    ]


def _sum(what: str) -> str:
    return f"sum by (namespace, job) ({what})"
