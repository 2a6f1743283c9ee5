"""Which series the dashboards of workloads look at: those of the chosen namespace and workload."""

from infra.monitoring.dashboards.page import Variable
from infra.monitoring.recording import DURATION, REQUESTS
from infra.release import VERSIONS

OF_SERVICE = 'namespace="$namespace", job="$workload"'
"""Series that a workload itself exports: its job is its Service's name."""

OF_CONTAINER = 'namespace="$namespace", container="$workload"'
"""Series of the kubelet and kube-state-metrics: a workload's container has its name."""

OF_DEPLOYMENT = f'namespace="$namespace", deployment=~"$workload{VERSIONS}"'

RATE = "$__rate_interval"
"""Grafana's own: at least four scrapes, and more where a pixel is wider than that."""


def requests(window: str = RATE, matching: str = "") -> str:
    """Requests a second of the workload, as a range of `window`, in all or those that match further labels."""
    return f"sum(rate({REQUESTS}{{{OF_SERVICE}{matching}}}[{window}]))"


def errors(window: str = RATE) -> str:
    """Answers with 5xx a second; zero, not nothing, while there are requests and none of them fails."""
    failed = ', status=~"5.."'
    return f"({requests(window, failed)} or 0 * {requests(window)})"


def error_ratio(window: str = RATE) -> str:
    """Share of requests that fail, 0 to 1; no number without requests."""
    return f"{errors(window)} / {requests(window)}"


def quantile(share: float, window: str = RATE) -> str:
    """The time in seconds within which this share of the requests is answered."""
    return f"histogram_quantile({share}, sum by (le) (rate({DURATION}_bucket{{{OF_SERVICE}}}[{window}])))"


def choose(namespace: str, workload: str, of: str, label: str) -> tuple[Variable, ...]:
    """The two variables of a dashboard of workloads; `of` is a metric that every workload to choose from has."""
    return (
        Variable("namespace", "Namespace", of, "namespace", namespace),
        Variable("workload", "Workload", f'{of}{{namespace="$namespace"}}', label, workload),
    )
