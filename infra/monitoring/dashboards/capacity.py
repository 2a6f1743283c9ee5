"""Whether the cluster has room: nodes, what pods ask of them, disks."""

from infra.monitoring.dashboards.page import Page, Panel, Query, Row
from infra.monitoring.dashboards.selection import RATE


def capacity() -> Page:
    """The dashboard of the cluster's room."""
    return Page(
        "marlinspike-capacity",
        "Cluster capacity",
        "What pods ask of the nodes, what they use of them, and the room that is left.",
        since="now-24h",
        rows=[_nodes_and_pods(), _asked_for(), _used()],
    )


def _nodes_and_pods() -> Row:
    ready = Query('sum(kube_node_status_condition{condition="Ready", status="true"})', "ready")
    placed = 'count by (node) (kube_pod_info) / on (node) sum by (node) (kube_node_status_allocatable{resource="pods"})'
    return Row(
        "Nodes and pods",
        [
            Panel(
                "Nodes",
                "Nodes that are ready, and all.",
                "short",
                [ready, Query("count(kube_node_info)", "all")],
                kind="stat",
            ),
            Panel(
                "Pending pods",
                "Pods without a node. For minutes: the autoscaler brings a node; longer: its maximum is reached.",
                "short",
                [Query('sum(kube_pod_status_phase{phase="Pending"})', "pending")],
                kind="stat",
                limits=(1, 5),
            ),
            _full(
                "Pods in % of the node's most",
                "A node takes as many pods as it has addresses for.",
                Query(placed, "{{node}}"),
                limits=(0.8, 0.95),
            ),
        ],
    )


def _asked_for() -> Row:
    return Row(
        "Asked for",
        [
            _full(
                "CPU asked for",
                "Sum of the requests of each node's pods, in % of what it gives. The scheduler looks at this.",
                _requested("cpu"),
                limits=(0.85, 0.95),
            ),
            _full(
                "Memory asked for",
                "Sum of the requests of each node's pods, in % of what it has to give.",
                _requested("memory"),
                limits=(0.85, 0.95),
            ),
        ],
    )


def _requested(resource: str) -> Query:
    # Pods that have ended ask for nothing any more.
    running = '(kube_pod_status_phase{phase=~"Pending|Running"} == 1)'
    asked = f'sum by (namespace, pod, node) (kube_pod_container_resource_requests{{resource="{resource}", node!=""}})'
    held = f"{asked} * on (namespace, pod) group_left () sum by (namespace, pod) {running}"
    allocatable = f'sum by (node) (kube_node_status_allocatable{{resource="{resource}"}})'
    return Query(f"sum by (node) ({held}) / {allocatable}", "{{node}}")


def _used() -> Row:
    idle = f'avg by (instance) (rate(node_cpu_seconds_total{{mode="idle"}}[{RATE}]))'
    available = "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes"
    free = 'node_filesystem_avail_bytes{mountpoint="/"} / node_filesystem_size_bytes{mountpoint="/"}'
    full = "kubelet_volume_stats_used_bytes / kubelet_volume_stats_capacity_bytes"
    return Row(
        "Used",
        [
            _full("CPU used", "Of each node.", Query(f"1 - {idle}", "{{instance}}"), limits=(0.8, 0.95)),
            _full(
                "Memory used",
                "Of each node. Near 100 % the kubelet evicts pods.",
                Query(f"1 - {available}", "{{instance}}"),
                limits=(0.8, 0.95),
            ),
            _full(
                "Root disk used",
                "Of each node: images, logs, emptyDirs. At 85 % the kubelet removes images, at 90 % pods.",
                Query(f"1 - {free}", "{{instance}}"),
                limits=(0.8, 0.9),
            ),
            _full(
                "Volumes used",
                "Persistent volumes, by claim.",
                Query(full, "{{namespace}} {{persistentvolumeclaim}}"),
                limits=(0.8, 0.9),
            ),
        ],
    )


def _full(title: str, description: str, query: Query, limits: tuple[float, float]) -> Panel:
    """A share of a whole that cannot be exceeded."""
    return Panel(title, description, "percentunit", [query], limits=limits, most=1)
