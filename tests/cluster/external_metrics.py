"""A server of Kubernetes' external metrics API, as KEDA runs one: what it answers is what a test says."""

import json
import ssl
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from rehearsal.control_plane.api import Api
from tests.app.certificates import Certificates

GROUP = "external.metrics.k8s.io"
API_SERVICE = f"v1beta1.{GROUP}"
NAMESPACE = "kube-system"
SERVICE = "test-external-metrics"


@dataclass
class ExternalMetrics:
    """Registered with the API server as long as it is open. `value` is the answer for any metric; None is an error."""

    api: Api
    folder: Path
    value: int | None = 0

    def __enter__(self) -> Self:
        certificates = Certificates(self.folder)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secured.load_cert_chain(certificates.certificate, certificates.key)
        self._server.socket = secured.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        port = self._server.server_port
        # The API server goes to the name that a Service of this type tells: to loopback.
        self.api.create(
            f"/api/v1/namespaces/{NAMESPACE}/services",
            {
                "metadata": {"name": SERVICE},
                "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
            },
        )
        self.api.create(
            "/apis/apiregistration.k8s.io/v1/apiservices",
            {
                "metadata": {"name": API_SERVICE},
                "spec": {
                    "group": GROUP,
                    "version": "v1beta1",
                    "groupPriorityMinimum": 100,
                    "versionPriority": 100,
                    # Its certificate is for `localhost`; the API server asks for the Service's name.
                    "insecureSkipTLSVerify": True,
                    "service": {"name": SERVICE, "namespace": NAMESPACE, "port": port},
                },
            },
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.api.delete(f"/apis/apiregistration.k8s.io/v1/apiservices/{API_SERVICE}")
        self.api.delete(f"/api/v1/namespaces/{NAMESPACE}/services/{SERVICE}")
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        metrics = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, answer = metrics.answer(self.path.partition("?")[0])
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        return Handler

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        """Of a request: (status, content)."""
        parts = path.strip("/").split("/")
        if len(parts) < 6:
            resource = {"name": "externalmetrics", "singularName": "", "namespaced": True, "verbs": ["get"]}
            resource["kind"] = "ExternalMetricValueList"
            found = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/v1beta1"}
            return 200, {**found, "resources": [resource]}
        if self.value is None:
            return 500, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 500, "message": "no answer"}
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        value = {"metricName": parts[-1], "metricLabels": None, "timestamp": now, "value": str(self.value)}
        return 200, {
            "kind": "ExternalMetricValueList",
            "apiVersion": f"{GROUP}/v1beta1",
            "metadata": {},
            "items": [value],
        }
