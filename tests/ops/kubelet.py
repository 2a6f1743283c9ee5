"""A node whose kubelet has the logs that a test plants: the API server asks it as it asks any other."""

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from kubernetes import client

from ops.cluster import Cluster
from tests.app.certificates import Certificates

NODE = "node-with-logs"


@contextmanager
def kubelet(cluster: Cluster, folder: Path, logs: Mapping[str, str]) -> Iterator[None]:
    """Registers the node; `logs` are texts by `pod/container`, with `/previous` behind for the container before a restart."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place = urlsplit(self.path)
            pod, container = place.path.split("/")[3:5]
            which = "/previous" if parse_qs(place.query).get("previous") == ["true"] else ""
            body = logs[f"{pod}/{container}{which}"].encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    certificates = Certificates(folder)
    secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secured.load_cert_chain(certificates.certificate, certificates.key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = secured.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        cluster.core.create_node({"metadata": {"name": NODE}, "spec": {"unschedulable": True}})
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": server.server_address[1]}},
        }
        cluster.core.patch_node_status(NODE, {"status": status})
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        cluster.core.delete_node(NODE)


def pod(cluster: Cluster, namespace: str, name: str, environment: Mapping[str, str]) -> None:
    """A pod on that node whose one container, `main`, was restarted once."""
    container = client.V1Container(
        name="main",
        image="registry.example.net/main:1.0.0",
        env=[client.V1EnvVar(name=key, value=value) for key, value in environment.items()],
    )
    spec = client.V1PodSpec(
        containers=[container], node_name=NODE, tolerations=[client.V1Toleration(operator="Exists")]
    )
    cluster.core.create_namespaced_pod(namespace, client.V1Pod(metadata=client.V1ObjectMeta(name=name), spec=spec))
    state = {
        "name": "main", "image": "main", "imageID": "main", "ready": True, "restartCount": 1,
        "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
    }  # fmt: skip
    cluster.core.patch_namespaced_pod_status(
        name, namespace, {"status": {"phase": "Running", "containerStatuses": [state]}}
    )
