"""By alert: what a Prometheus sees while everything is well, and when it must fire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.monitoring.promtool import Series

OURS, OTHER = "marlinspike", "elsewhere"
LINGERS = 7 * 60 + 60

POD = "app-1a2b3c4d-x7k2p"


@dataclass(frozen=True)
class Case:
    """One alerting rule, told by alert, severity and window.

    `description` is what it says when all has been ill from the start, ten minutes after it fires. `late`: how many samples
    after the first ill one the expression is true for the first time; in Prometheus 3, whose windows are open to the left,
    `late_in_3`. `recovers`: seconds after the last ill sample by which it fires no more.
    """

    alert: str
    severity: str
    series: Sequence[Series]
    labels: Mapping[str, str]
    description: str
    window: str = ""
    late: int = 0
    late_in_3: int | None = None
    recovers: int = 60

    @property
    def key(self) -> tuple[str, str, str]:
        return self.alert, self.severity, self.window


def _where(namespace: str, **labels: str) -> str:
    return ", ".join(f'{name}="{value}"' for name, value in {"namespace": namespace, **labels}.items())


def requests(namespace: str) -> list[Series]:
    """One request a second, and none fails or is slow; else all do."""

    def one(metric: str, well: float, ill: float, **labels: str) -> Series:
        where = _where(namespace, job="app", method="GET", route="/quotes", **labels)
        return Series(f"{metric}{{{where}}}", well, ill, counter=True)

    duration = "http_request_duration_seconds"
    return [
        one("http_requests_total", 30, 0, status="200"),
        one("http_requests_total", 0, 30, status="503"),
        one(f"{duration}_count", 30, 30),
        *(one(f"{duration}_bucket", 30, 0, le=le) for le in ("0.1", "0.2", "1.0")),
        *(one(f"{duration}_bucket", 30, 30, le=le) for le in ("2.5", "+Inf")),
    ]


def up(namespace: str, pods: Mapping[str, tuple[float | None, float | None]]) -> list[Series]:
    """Whether pods answer Prometheus, well and ill."""
    return [Series(f"up{{{_where(namespace, job='app', pod=pod)}}}", well, ill) for pod, (well, ill) in pods.items()]


def ready(namespace: str, pods: Mapping[str, tuple[float | None, float | None]]) -> list[Series]:
    """Whether pods are ready, well and ill."""
    return [
        Series(f"kube_pod_status_ready{{{_where(namespace, pod=pod, condition='true')}}}", well, ill)
        for pod, (well, ill) in pods.items()
    ]


def use(namespace: str, resource: str, ill: float) -> list[Series]:
    """A container at a tenth of its limit (1 core, 512 MiB), else at the share `ill` of it."""
    limit = 1.0 if resource == "cpu" else 512 * 2**20
    where = _where(namespace, pod=POD, container="app")
    limits = f'kube_pod_container_resource_limits{{{where}, resource="{resource}", unit="x"}}'
    metric = {"cpu": "container_cpu_usage_seconds_total", "memory": "container_memory_working_set_bytes"}[resource]
    each = 30 * limit if resource == "cpu" else limit
    return [
        Series(limits, limit, limit),
        Series(f'{metric}{{{where}, id="/kubepods/1"}}', each * 0.1, each * ill, counter=resource == "cpu"),
    ]


def dependency(namespace: str, name: str) -> list[Series]:
    """One of two pods asks in vain."""
    where = _where(namespace, job="app", dependency=name)
    return [
        Series(f'dependency_up{{{where}, pod="app-1"}}', 1, 0),
        Series(f'dependency_up{{{where}, pod="app-2"}}', 1, 1),
    ]


def _saturation(namespace: str) -> list[Case]:
    at_pod = {"pod": POD, "container": "app"}

    def case(alert: str, resource: str, severity: str, share: float, said: str, late: tuple[int, int]) -> Case:
        return Case(
            alert,
            severity,
            use(namespace, resource, share),
            at_pod,
            f"{namespace}/{POD} is at {said} of its limit.",
            late=late[0],
            late_in_3=late[1],
            recovers=150,
        )

    return [
        case("CpuHigh", "cpu", "critical", 0.92, "92%", (3, 2)),
        case("CpuHigh", "cpu", "warning", 0.71, "71%", (3, 2)),
        case("MemoryHigh", "memory", "critical", 0.96, "96%", (0, 0)),
        case("MemoryHigh", "memory", "warning", 0.81, "81%", (0, 0)),
    ]


def _budgets(namespace: str) -> list[Case]:
    # Half an hour of health before, then everything fails: the longer window is over its limit at the sample `late`.
    found = []
    for alert, do, promise in (
        ("AvailabilityBudgetBurning", "fail", "99.9 % of the requests succeed"),
        (
            "LatencyBudgetBurning",
            "take longer than 200 ms",
            "95 % of the requests are answered within 200 ms",
        ),
    ):
        for window, severity, spent, short_seconds, late in (
            ("1h", "critical", "2 %", 300, (3, 91)),
            ("6h", "critical", "5 %", 1800, (2, 30)),
            ("1d", "warning", "10 %", 7200, (1, 15)),
            ("3d", "warning", "10 %", 21_600, (0, 7)),
        ):
            found.append(
                Case(
                    alert,
                    severity,
                    requests(namespace),
                    {"job": "app", "window": window},
                    f"100% of the requests in {namespace} {do}, measured over {window}. The promise for 30 days is that"
                    f" {promise}; {spent} of what it leaves is gone in {window}.",
                    window=window,
                    late=late[do != "fail"],
                    late_in_3=late[1] - 1 if do != "fail" else None,
                    recovers=(300 if severity == "critical" else short_seconds) + 420,
                )
            )
    return found


def _availability(namespace: str) -> list[Case]:
    at_app = {"job": "app"}
    return [
        Case(
            "WorkloadDown",
            "critical",
            up(namespace, {"app-1": (1, 0), "app-2": (1, 0)}),
            at_app,
            f"Prometheus has reached no pod in {namespace} for two minutes.",
            recovers=LINGERS,
        ),
        Case(
            "PodDown",
            "critical",
            up(namespace, {POD: (1, 0), "app-2": (1, 1)}),
            {"job": "app", "pod": POD},
            f"Prometheus has not reached {namespace}/{POD} for five minutes.",
        ),
        Case(
            "AvailablePodsLow",
            "critical",
            [
                *up(namespace, {"app-1": (1, 1), "app-2": (1, 1)}),
                # Another version stands by: its pods are ready, and no target.
                *ready(namespace, {"app-1": (1, 1), "app-2": (1, 0), "app-old-1": (1, 1), "app-old-2": (1, 1)}),
            ],
            {},
            f"1 pods are available in {namespace}; the next failure is an outage.",
        ),
    ]


def _exports(namespace: str) -> list[Case]:
    succeeded = f"kube_cronjob_status_last_successful_time{{{_where(namespace, cronjob='database-dump')}}}"
    return [
        Case(
            "ExportMissing",
            "warning",
            # Prometheus' time begins at 0 here: well is a success to come, ill one of two days before.
            [Series(succeeded, 1e9, -172_800)],
            {"cronjob": "database-dump"},
            f"{namespace}/database-dump succeeded last 2d 0h 20m 0s ago.",
        ),
    ]


def _restlessness(namespace: str) -> list[Case]:
    autoscaler = f"{_where(namespace, horizontalpodautoscaler='app-1a2b3c4d')}"
    restarts = f"kube_pod_container_status_restarts_total{{{_where(namespace, pod=POD, container='app')}}}"
    return [
        Case(
            "RestartsFrequent",
            "warning",
            [Series(restarts, 0, 1, counter=True)],
            {"pod": POD, "container": "app"},
            f"{namespace}/{POD} restarted 22 times within an hour.",
            late=2,
            recovers=3630,
        ),
        Case(
            "ScalingFrequent",
            "warning",
            [Series(f"kube_horizontalpodautoscaler_status_desired_replicas{{{autoscaler}}}", 0, 1, counter=True)],
            {"horizontalpodautoscaler": "app-1a2b3c4d"},
            f"{namespace}/app-1a2b3c4d changed it 30 times in 30 min.",
            late=8,
            recovers=1830,
        ),
    ]


def _answers(namespace: str) -> list[Case]:
    at_app = {"job": "app"}
    waiting = f"database_pool_waiting_requests{{{_where(namespace, job='app', pod=POD)}}}"
    return [
        Case(
            "ErrorRateHigh",
            "critical",
            requests(namespace),
            at_app,
            f"100% of the requests in {namespace} were answered with a 5xx.",
            recovers=330,
        ),
        Case(
            "LatencyHigh",
            "warning",
            requests(namespace),
            at_app,
            f"The 95th percentile in {namespace} is 2.425s.",
            recovers=330,
        ),
        *(
            Case(
                alert,
                "critical",
                dependency(namespace, name),
                at_app,
                f"1 of its pods in {namespace} ask the {name} in vain. {impact}",
                recovers=LINGERS,
            )
            for alert, name, impact in (
                ("DatabaseUnreachable", "database", "Their requests are answered with a 503."),
                ("CacheUnreachable", "cache", "They read from the database instead, which has that load to bear."),
            )
        ),
        Case(
            "DatabasePoolExhausted",
            "warning",
            [Series(waiting, 0, 7)],
            {"job": "app", "pod": POD},
            f"7 requests wait in {namespace}/{POD}.",
        ),
    ]


def cases(namespace: str = OURS) -> list[Case]:
    """One for each alerting rule of prod's `app`."""
    subjects = (_availability, _saturation, _exports, _restlessness, _answers, _budgets)
    return [case for subject in subjects for case in subject(namespace)]
