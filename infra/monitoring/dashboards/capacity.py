"""Whether the cluster has room: nodes, what pods ask of them, disks."""

from infra.monitoring.dashboards.page import Page, Panel, Query, Row

RATE = "$__rate_interval"


def _requested(resource: str) -> str:
    # Pods that have ended ask for nothing any more.
    running = '(kube_pod_status_phase{phase=~"Pending|Running"} == 1)'
    asked = f'sum by (namespace, pod, node) (kube_pod_container_resource_requests{{resource="{resource}", node!=""}})'
    held = f"{asked} * on (namespace, pod) group_left () sum by (namespace, pod) {running}"
    return f'sum by (node) ({held}) / sum by (node) (kube_node_status_allocatable{{resource="{resource}"}})'


def capacity() -> Page:
    """The dashboard of the cluster's room."""
    full = "kubelet_volume_stats_used_bytes / kubelet_volume_stats_capacity_bytes"
    free = 'node_filesystem_avail_bytes{mountpoint="/"} / node_filesystem_size_bytes{mountpoint="/"}'
    placed = 'count by (node) (kube_pod_info) / on (node) sum by (node) (kube_node_status_allocatable{resource="pods"})'
    return Page(
        "marlinspike-capacity",
        "Cluster capacity",
        "What pods ask of the nodes, what they use of them, and the room that is left.",
        since="now-24h",
        rows=[
            Row(
                "Nodes and pods",
                [
                    Panel(
                        "Nodes",
                        "Nodes that are ready, and all.",
                        "short",
                        [
                            Query('sum(kube_node_status_condition{condition="Ready", status="true"})', "ready"),
                            Query("count(kube_node_info)", "all"),
                        ],
                        kind="stat",
                    ),
                    Panel(
                        "Pending pods",
                        "Pods without a node. For minutes: the autoscaler brings a node; longer: its maximum is reached.",
                        "short",
                        [Query('sum(kube_pod_status_phase{phase="Pending"})', "pending")],
                        kind="stat",
                        warn_at=1,
                        bad_at=5,
                    ),
                    Panel(
                        "Pods in % of the node's most",
                        "A node takes as many pods as it has addresses for.",
                        "percentunit",
                        [Query(placed, "{{node}}")],
                        warn_at=0.8,
                        bad_at=0.95,
                        most=1,
                    ),
                ],
            ),
            Row(
                "Asked for",
                [
                    Panel(
                        "CPU asked for",
                        "Sum of the requests of each node's pods, in % of what it gives. The scheduler looks at this.",
                        "percentunit",
                        [Query(_requested("cpu"), "{{node}}")],
                        warn_at=0.85,
                        bad_at=0.95,
                        most=1,
                    ),
                    Panel(
                        "Memory asked for",
                        "Sum of the requests of each node's pods, in % of what it has to give.",
                        "percentunit",
                        [Query(_requested("memory"), "{{node}}")],
                        warn_at=0.85,
                        bad_at=0.95,
                        most=1,
                    ),
                ],
            ),
            Row(
                "Used",
                [
                    Panel(
                        "CPU used",
                        "Of each node.",
                        "percentunit",
                        [
                            Query(
                                f'1 - avg by (instance) (rate(node_cpu_seconds_total{{mode="idle"}}[{RATE}]))',
                                "{{instance}}",
                            )
                        ],
                        warn_at=0.8,
                        bad_at=0.95,
                        most=1,
                    ),
                    Panel(
                        "Memory used",
                        "Of each node. Near 100 % the kubelet evicts pods.",
                        "percentunit",
                        [Query("1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes", "{{instance}}")],
                        warn_at=0.8,
                        bad_at=0.95,
                        most=1,
                    ),
                    Panel(
                        "Root disk used",
                        "Of each node: images, logs, emptyDirs. At 85 % the kubelet removes images, at 90 % pods.",
                        "percentunit",
                        [Query(f"1 - {free}", "{{instance}}")],
                        warn_at=0.8,
                        bad_at=0.9,
                        most=1,
                    ),
                    Panel(
                        "Volumes used",
                        "Persistent volumes, by claim.",
                        "percentunit",
                        [Query(full, "{{namespace}} {{persistentvolumeclaim}}")],
                        warn_at=0.8,
                        bad_at=0.9,
                        most=1,
                    ),
                ],
            ),
        ],
    )
