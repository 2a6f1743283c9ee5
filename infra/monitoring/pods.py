"""Alerts on a workload's pods: whether they answer, are enough, come and go, and how near they are to their limits."""

from infra.monitoring.alert import AS_LONG_AS_CONSEQUENCES, Alert, Severity, Watched

RESTARTS = 3
"""In an hour. A crash loop is the chart's own alert, KubePodCrashLooping."""

SCALINGS = 8
"""Changes in half an hour. One wave of load from 3 to 20 pods and back is six: 6, 12, 20; 10, 5, 3."""


def pod_alerts(workload: Watched) -> list[Alert]:
    """What applies to any workload, and to one that is scraped, autoscaled or has two pods at least."""
    return [
        *(_answering(workload) if workload.scraped else []),
        *_saturation(workload),
        _restarts(workload),
        *([_scaling(workload)] if workload.autoscaled else []),
    ]


def _answering(workload: Watched) -> list[Alert]:
    name, up = workload.name, f"up{{{workload.job}}}"
    any_up = f"sum by (namespace, job) ({up})"
    found = [
        Alert(
            name="WorkloadDown",
            # `absent` keeps the labels of a plain selector only.
            expression=f"{any_up} == 0 or absent({up})",
            hold="2m",
            severity="critical",
            summary=f"No pod of {name} answers its metrics request.",
            description="Prometheus has reached no pod in {{ $labels.namespace }} for two minutes.",
            lingers=AS_LONG_AS_CONSEQUENCES,
        ),
        Alert(
            name="PodDown",
            # Where none is left, WorkloadDown says so, once.
            expression=f"{up} == 0 and on (namespace, job) {any_up} > 0",
            hold="5m",
            severity="critical",
            summary=f"A pod of {name} does not answer its metrics request.",
            description="Prometheus has not reached {{ $labels.namespace }}/{{ $labels.pod }} for five minutes.",
        ),
    ]
    if workload.least_replicas >= 2:
        ready = f'kube_pod_status_ready{{namespace="{workload.namespace}", condition="true"}}'
        # While kube-state-metrics is replaced, two of it tell the same.
        serving = f"sum by (namespace) (max by (namespace, pod) ({ready}) and on (namespace, pod) {up})"
        found.append(
            Alert(
                name="AvailablePodsLow",
                # Of the version that serves: pods of another colour take no requests. No target at all is no pod.
                expression=f"({serving} or 0 * sum by (namespace) (absent({up}))) < 2",
                hold="1m",
                severity="critical",
                summary=f"{name} has fewer than two available pods.",
                description="{{ $value }} pods are available in {{ $labels.namespace }}; the next failure is an outage.",
            )
        )
    return found


def _saturation(workload: Watched) -> list[Alert]:
    chosen = workload.container
    cpu = f"rate(container_cpu_usage_seconds_total{{{chosen}}}[2m])"
    memory = f"container_memory_working_set_bytes{{{chosen}}}"
    levels: list[tuple[str, str, str, str, int, str, Severity]] = [
        ("CpuHigh", "cpu", cpu, "CPU", 90, "5m", "critical"),
        ("CpuHigh", "cpu", cpu, "CPU", 70, "10m", "warning"),
        ("MemoryHigh", "memory", memory, "memory", 95, "2m", "critical"),
        ("MemoryHigh", "memory", memory, "memory", 80, "5m", "warning"),
    ]
    return [
        Alert(
            name=name,
            expression=(
                # A container that was restarted is there twice for a while.
                f"max by (namespace, pod, container) ({used}) / on (namespace, pod, container)"
                f' max by (namespace, pod, container) (kube_pod_container_resource_limits{{{chosen}, resource="{resource}"}})'
                f" > {percent / 100:g}"
            ),
            hold=hold,
            severity=severity,
            summary=f"A pod of {workload.name} uses more than {percent} % of the {words} that it may.",
            description="{{ $labels.namespace }}/{{ $labels.pod }} is at {{ $value | humanizePercentage }} of its limit.",
        )
        for name, resource, used, words, percent, hold, severity in levels
    ]


def _restarts(workload: Watched) -> Alert:
    counter = f"kube_pod_container_status_restarts_total{{{workload.container}}}"
    return Alert(
        name="RestartsFrequent",
        expression=f"max by (namespace, pod, container) (changes({counter}[1h])) >= {RESTARTS}",
        hold="1m",
        severity="warning",
        summary=f"A pod of {workload.name} restarts again and again.",
        description="{{ $labels.namespace }}/{{ $labels.pod }} restarted {{ $value }} times within an hour.",
    )


def _scaling(workload: Watched) -> Alert:
    autoscaler = f'namespace="{workload.namespace}", horizontalpodautoscaler=~"{workload.versions}"'
    desired = f"changes(kube_horizontalpodautoscaler_status_desired_replicas{{{autoscaler}}}[30m])"
    return Alert(
        name="ScalingFrequent",
        expression=f"max by (namespace, horizontalpodautoscaler) ({desired}) > {SCALINGS}",
        hold="5m",
        severity="warning",
        summary=f"The number of pods of {workload.name} goes up and down.",
        description="{{ $labels.namespace }}/{{ $labels.horizontalpodautoscaler }} changed it {{ $value }} times in 30 min.",
    )
