"""How a service does for those who call it: rate, errors, duration."""

from infra.monitoring.alert import SERVICE_PAGE
from infra.monitoring.dashboards.page import Page, Panel, Query, Row
from infra.monitoring.dashboards.selection import (
    OF_DEPLOYMENT,
    OF_SERVICE,
    RATE,
    choose,
    error_ratio,
    quantile,
    requests,
)
from infra.monitoring.recording import REQUESTS


def service(namespace: str, workload: str) -> Page:
    """The dashboard of one service; any that exports the application's request metrics can be chosen."""
    return Page(
        SERVICE_PAGE,
        "Service",
        "Rate, errors and duration of one service, as its callers see them.",
        variables=choose(namespace, workload, REQUESTS, "job"),
        runbooks=("ErrorRateHigh", "LatencyHigh", "WorkloadDown", "PodDown", "AvailablePodsLow"),
        rows=[_now(), _rate_and_errors(), _duration()],
    )


def _now() -> Row:
    return Row(
        "Now",
        [
            Panel("Requests", "Requests answered a second.", "reqps", [Query(requests(), "requests")], kind="stat"),
            Panel(
                "Errors",
                "Share of requests answered with a 5xx. Above 1 % the objective is lost, above 5 % somebody is paged.",
                "percentunit",
                [Query(error_ratio(), "errors")],
                kind="stat",
                limits=(0.01, 0.05),
            ),
            Panel(
                "p95",
                "19 of 20 requests are answered faster than this. The objective is 200 ms; a second is an alert.",
                "s",
                [Query(quantile(0.95), "p95")],
                kind="stat",
                limits=(0.2, 1),
            ),
            Panel(
                "Pods available",
                "Pods that serve. Two at least, where two are promised.",
                "short",
                [Query(f"sum(kube_deployment_status_replicas_available{{{OF_DEPLOYMENT}}})", "available")],
                kind="stat",
                limits=(2, 1),
            ),
        ],
    )


def _rate_and_errors() -> Row:
    by_route = f"sum by (route) (rate({REQUESTS}{{{OF_SERVICE}}}[{RATE}]))"
    failed = f'sum by (route, status) (rate({REQUESTS}{{{OF_SERVICE}, status=~"5.."}}[{RATE}]))'
    refused = f'sum by (status) (rate({REQUESTS}{{{OF_SERVICE}, status=~"4.."}}[{RATE}]))'
    return Row(
        "Rate and errors",
        [
            Panel("Requests by route", "Who is called how often.", "reqps", [Query(by_route, "{{route}}")]),
            Panel(
                "Failed requests by route",
                "Answers with 5xx: the service's own fault. Empty is good.",
                "reqps",
                [Query(failed, "{{status}} {{route}}")],
            ),
            Panel(
                "Refused requests",
                "Answers with 4xx: the callers' fault, or that of the last release of theirs.",
                "reqps",
                [Query(refused, "{{status}}")],
            ),
        ],
    )


def _duration() -> Row:
    return Row(
        "Duration",
        [
            Panel(
                "Duration",
                "From the request's head to the end of its answer. Half, 95 % and 99 % are faster.",
                "s",
                [Query(quantile(share), f"p{share * 100:g}") for share in (0.5, 0.95, 0.99)],
                limits=(0.2, 1),
            ),
            Panel(
                "Requests in progress",
                "Being answered now. It grows when something behind the service is slow.",
                "short",
                [Query(f"sum by (pod) (http_requests_in_progress{{{OF_SERVICE}}})", "{{pod}}")],
            ),
        ],
    )
