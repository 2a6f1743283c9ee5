"""Traces: an OpenTelemetry collector between the pods and X-Ray, or whatever else speaks OTLP."""

from typing import Annotated, Any

from pydantic import Field

from infra import versions
from infra.charts import WITHOUT_PRIVILEGES, Chart
from infra.identity import Permission
from infra.policies import Flow, Peer
from infra.settings import Section

NAME = "otel-collector"
"""Of release, objects and service account."""

NAMESPACE = "tracing"

OTLP_PORT = 4318
"""OTLP over HTTP (OpenTelemetry, "OTLP Specification")."""

CHART = Chart(
    "opentelemetry-collector",
    versions.OPENTELEMETRY_COLLECTOR,
    "https://open-telemetry.github.io/opentelemetry-helm-charts",
)

LABELS = {
    "app.kubernetes.io/name": "opentelemetry-collector",
    "app.kubernetes.io/instance": NAME,
    "component": "standalone-collector",
}
"""On the collector's pods, and exactly what its Service selects by: the VPC CNI opens the Service's address only then."""

ENDPOINT = f"http://{NAME}.{NAMESPACE}.svc:{OTLP_PORT}"

TO_COLLECTOR = Flow(Peer(namespace=NAMESPACE, pod_labels=LABELS), ports=(OTLP_PORT,))

PERSONAL = (
    *("client.address", "net.peer.ip", "net.sock.peer.addr", "http.client_ip", "network.peer.address"),
    *("url.full", "url.query", "http.url", "http.target", "user_agent.original", "http.user_agent"),
    *("enduser.id", "user.id", "user.email", "http.request.header.cookie", "http.request.header.authorization"),
)
"""Attributes of OpenTelemetry's conventions that tell of a person; the application sends none, other workloads may."""


class TracingSettings(Section):
    """Section `tracing` of a stack file: which requests are followed, and where their traces go."""

    sample_ratio: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Share of requests that are followed, chosen as they come in. X-Ray takes $5 for a million ("AWS X-Ray pricing")."""

    otlp_endpoint: (
        Annotated[str, Field(pattern=r"^https?://[^\s/]+$", examples=["http://jaeger-collector.jaeger.svc:4318"])]
        | None
    ) = None
    """Where Jaeger, or anything else that takes OTLP over HTTP, is; X-Ray when left out."""


def to_xray(region: str) -> dict[str, Permission]:
    """What the collector may do on AWS, in this region; neither action has a resource level."""
    here = {"StringEquals": {"aws:RequestedRegion": region}}
    return {"WriteTraces": Permission(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"], here)}


def collector_configuration(settings: TracingSettings, region: str) -> dict[str, Any]:
    """The collector's whole configuration: traces in by OTLP over HTTP, out to one place."""
    to, exporter = "awsxray", {"region": region}
    if settings.otlp_endpoint:
        to, exporter = "otlphttp", {"endpoint": settings.otlp_endpoint}
    return {
        "extensions": {"health_check": {"endpoint": "${env:MY_POD_IP}:13133"}},
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"${{env:MY_POD_IP}}:{OTLP_PORT}"}}}},
        "processors": {
            "memory_limiter": {"check_interval": "1s", "limit_percentage": 80, "spike_limit_percentage": 25},
            "attributes/personal": {"actions": [{"key": key, "action": "delete"} for key in PERSONAL]},
            "batch": {"timeout": "5s", "send_batch_size": 512, "send_batch_max_size": 1024},
        },
        "exporters": {to: exporter},
        "service": {
            "extensions": ["health_check"],
            "pipelines": {
                "traces": {
                    "receivers": ["otlp"],
                    # The limiter first: what it refuses costs nothing more.
                    "processors": ["memory_limiter", "attributes/personal", "batch"],
                    "exporters": [to],
                }
            },
        },
    }


def collector_values(settings: TracingSettings, region: str) -> dict[str, Any]:
    """Values of the chart: two pods, since a pod that goes would take the traces of that minute along."""
    return {
        "mode": "deployment",
        "fullnameOverride": NAME,
        "replicaCount": 2,
        # The distribution with AWS's exporter.
        "image": {"repository": "otel/opentelemetry-collector-contrib"},
        "command": {"name": "otelcol-contrib"},
        "serviceAccount": {"name": NAME},
        "alternateConfig": collector_configuration(settings, region),  # in place of the chart's, not merged into it
        "ports": {
            "otlp-http": {"enabled": True},
            **{
                each: {"enabled": False}
                for each in ("otlp", "jaeger-compact", "jaeger-thrift", "jaeger-grpc", "zipkin")
            },
        },
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "podDisruptionBudget": {"enabled": True, "maxUnavailable": 1},
        "podSecurityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "securityContext": {"runAsUser": 10001, **WITHOUT_PRIVILEGES},
    }
