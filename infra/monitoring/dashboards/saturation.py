"""How full a workload is: CPU and memory in % of the limit, its connections, its autoscaler."""

from infra.monitoring.dashboards.page import Page, Panel, Query, Row
from infra.monitoring.dashboards.selection import OF_CONTAINER, OF_DEPLOYMENT, OF_SERVICE, RATE, choose
from infra.release import VERSIONS

LIMITS = "kube_pod_container_resource_limits"
HPA = f'namespace="$namespace", horizontalpodautoscaler=~"$workload{VERSIONS}"'


def cpu_share() -> str:
    """CPU of each pod as a share of its limit."""
    used = f"sum by (pod) (rate(container_cpu_usage_seconds_total{{{OF_CONTAINER}}}[{RATE}]))"
    return f'{used} / sum by (pod) ({LIMITS}{{{OF_CONTAINER}, resource="cpu"}})'


def memory_share() -> str:
    """Memory of each pod as a share of its limit; the kernel kills at 1."""
    used = f"sum by (pod) (container_memory_working_set_bytes{{{OF_CONTAINER}}})"
    return f'{used} / sum by (pod) ({LIMITS}{{{OF_CONTAINER}, resource="memory"}})'


def saturation(namespace: str, workload: str) -> Page:
    """The dashboard of one workload's fullness."""
    return Page(
        "marlinspike-saturation",
        "Saturation",
        "How full the pods of one workload are, in % of what they may use.",
        variables=choose(namespace, workload, "kube_pod_container_info", "container"),
        runbooks=("CpuHigh", "MemoryHigh", "RestartsFrequent", "ScalingFrequent", "DatabasePoolExhausted"),
        rows=[_cpu_and_memory(), _connections(), _pods()],
    )


def _cpu_and_memory() -> Row:
    periods = f"rate(container_cpu_cfs_periods_total{{{OF_CONTAINER}}}[{RATE}])"
    throttled = f"rate(container_cpu_cfs_throttled_periods_total{{{OF_CONTAINER}}}[{RATE}])"
    return Row(
        "CPU and memory",
        [
            Panel(
                "CPU",
                "In % of the limit, by pod. 70 % for ten minutes is a warning, 90 % for five a page.",
                "percentunit",
                [Query(cpu_share(), "{{pod}}")],
                limits=(0.7, 0.9),
            ),
            Panel(
                "Memory",
                "Working set in % of the limit, by pod. At 100 % the kernel ends the container.",
                "percentunit",
                [Query(memory_share(), "{{pod}}")],
                limits=(0.8, 0.95),
            ),
            Panel(
                "CPU throttled",
                "Share of the scheduler's periods in which a container was stopped at its limit: time that callers wait.",
                "percentunit",
                [Query(f"sum by (pod) ({throttled}) / sum by (pod) ({periods})", "{{pod}}")],
                limits=(0.25, 0.5),
            ),
        ],
    )


def _connections() -> Row:
    held = Query(f"sum(database_pool_connections{{{OF_SERVICE}}})", "held")
    return Row(
        "Connections to the database",
        [
            Panel(
                "Pool",
                "Connections of all pods: held, and of those idle. None idle for long means that the pool is too small, "
                "or the database too slow.",
                "short",
                [held, Query(f"sum(database_pool_idle_connections{{{OF_SERVICE}}})", "idle")],
            ),
            Panel(
                "Waiting requests",
                "Requests that wait for a connection. More than zero for long is time that callers wait.",
                "short",
                [Query(f"sum by (pod) (database_pool_waiting_requests{{{OF_SERVICE}}})", "{{pod}}")],
                limits=(1, 10),
            ),
        ],
    )


def _pods() -> Row:
    restarts = f"kube_pod_container_status_restarts_total{{{OF_CONTAINER}}}"
    return Row(
        "Pods",
        [
            Panel(
                "Autoscaler",
                "Pods that are there, that are wanted, and the most there may be. At the maximum nothing grows any more.",
                "short",
                [
                    Query(f"sum(kube_horizontalpodautoscaler_status_current_replicas{{{HPA}}})", "there"),
                    Query(f"sum(kube_horizontalpodautoscaler_status_desired_replicas{{{HPA}}})", "wanted"),
                    Query(f"max(kube_horizontalpodautoscaler_spec_max_replicas{{{HPA}}})", "at most"),
                ],
            ),
            Panel(
                "Unavailable pods",
                "Pods that should serve and do not: starting, failing, or without a node.",
                "short",
                [Query(f"sum(kube_deployment_status_replicas_unavailable{{{OF_DEPLOYMENT}}})", "unavailable")],
                limits=(1, 2),
            ),
            Panel(
                "Restarts",
                "Containers begun again within the hour; the last one's reason: kubectl describe pod.",
                "short",
                [Query(f"sum by (pod) (increase({restarts}[1h]))", "{{pod}}")],
                limits=(1, 3),
            ),
        ],
    )
