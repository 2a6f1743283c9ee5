"""What the kubelet (cAdvisor), kube-state-metrics and node exporter would tell, served on this machine.

No such exporter runs in these tests. Names and labels are those of their documentation: cAdvisor, "Monitoring cAdvisor with
Prometheus"; kube-state-metrics, docs/metrics; kubelet, "Kubernetes Metrics Reference"; node exporter's collectors.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

POD = 'namespace="marlinspike", pod="app-1a2b3c4d-x"'
CONTAINER = f'{POD}, container="app"'
DEPLOYMENT = 'namespace="marlinspike", deployment="app-1a2b3c4d"'
HPA = 'namespace="marlinspike", horizontalpodautoscaler="app-1a2b3c4d"'
NODE = 'node="node-1"'
HOST = 'instance="10.0.0.1:9100"'
ENDED = 'namespace="marlinspike", pod="database-migrate-y"'
"""A pod that has ended: what it asked for holds nobody up."""

MIB = 2**20

STEADY = {
    f"kube_deployment_status_replicas_available{{{DEPLOYMENT}}}": 3,
    f"kube_deployment_status_replicas_unavailable{{{DEPLOYMENT}}}": 0,
    # Another workload whose name begins alike.
    'kube_deployment_status_replicas_available{namespace="marlinspike", deployment="app-admin"}': 40,
    f"kube_pod_container_info{{{CONTAINER}}}": 1,
    f'kube_pod_container_resource_limits{{{CONTAINER}, {NODE}, resource="cpu", unit="core"}}': 1,
    f'kube_pod_container_resource_limits{{{CONTAINER}, {NODE}, resource="memory", unit="byte"}}': 512 * MIB,
    f'kube_pod_container_resource_requests{{{CONTAINER}, {NODE}, resource="cpu", unit="core"}}': 0.5,
    f'kube_pod_container_resource_requests{{{CONTAINER}, {NODE}, resource="memory", unit="byte"}}': 256 * MIB,
    f'kube_pod_container_resource_requests{{{ENDED}, container="job", {NODE}, resource="cpu", unit="core"}}': 1,
    f'kube_pod_container_resource_requests{{{ENDED}, container="job", {NODE}, resource="memory", unit="byte"}}': 256
    * MIB,
    f"kube_pod_container_status_restarts_total{{{CONTAINER}}}": 0,
    f"kube_pod_info{{{POD}, {NODE}}}": 1,
    f'kube_pod_status_phase{{{POD}, phase="Running"}}': 1,
    f'kube_pod_status_phase{{{POD}, phase="Pending"}}': 0,
    f'kube_pod_status_phase{{{ENDED}, phase="Running"}}': 0,
    f'kube_pod_status_phase{{{ENDED}, phase="Pending"}}': 0,
    f'kube_pod_status_phase{{{ENDED}, phase="Succeeded"}}': 1,
    f"kube_horizontalpodautoscaler_status_current_replicas{{{HPA}}}": 3,
    f"kube_horizontalpodautoscaler_status_desired_replicas{{{HPA}}}": 3,
    f"kube_horizontalpodautoscaler_spec_max_replicas{{{HPA}}}": 20,
    f"kube_node_info{{{NODE}}}": 1,
    f'kube_node_status_condition{{{NODE}, condition="Ready", status="true"}}': 1,
    f'kube_node_status_allocatable{{{NODE}, resource="cpu", unit="core"}}': 2,
    f'kube_node_status_allocatable{{{NODE}, resource="memory", unit="byte"}}': 1024 * MIB,
    f'kube_node_status_allocatable{{{NODE}, resource="pods", unit="integer"}}': 10,
    f"container_memory_working_set_bytes{{{CONTAINER}}}": 128 * MIB,
    'kubelet_volume_stats_used_bytes{namespace="monitoring", persistentvolumeclaim="prometheus"}': 5 * 2**30,
    'kubelet_volume_stats_capacity_bytes{namespace="monitoring", persistentvolumeclaim="prometheus"}': 20 * 2**30,
    f"node_memory_MemAvailable_bytes{{{HOST}}}": 3 * 2**30,
    f"node_memory_MemTotal_bytes{{{HOST}}}": 4 * 2**30,
    f'node_filesystem_avail_bytes{{{HOST}, mountpoint="/"}}': 15 * 2**30,
    f'node_filesystem_size_bytes{{{HOST}, mountpoint="/"}}': 20 * 2**30,
}

GROWING = {
    f"container_cpu_usage_seconds_total{{{CONTAINER}}}": 0.25,
    f"container_cpu_cfs_periods_total{{{CONTAINER}}}": 10,
    f"container_cpu_cfs_throttled_periods_total{{{CONTAINER}}}": 1,
    f'node_cpu_seconds_total{{{HOST}, cpu="0", mode="idle"}}': 0.5,
}
"""Counters, by what each scrape adds."""


@contextmanager
def exporter() -> Iterator[int]:
    """Serves the series on the loopback interface; its port."""
    scrapes = count(1)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            number = next(scrapes)
            series = STEADY | {name: step * number for name, step in GROWING.items()}
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write("".join(f"{name} {value}\n" for name, value in series.items()).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
