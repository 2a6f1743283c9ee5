"""Objects as a program registers them, and what the API server made of them."""

import json
from typing import Any

from rehearsal.plugins.kubernetes.api import ApiServer
from rehearsal.plugins.kubernetes.objects import Kind

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
NAMESPACE = "kubernetes:core/v1:Namespace"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
SECRET = "kubernetes:core/v1:Secret"  # noqa: S105 - the type
SERVICE = "kubernetes:core/v1:Service"
JOB = "kubernetes:batch/v1:Job"


def deployment(namespace: str, name: str = "web", **spec: Any) -> dict[str, Any]:
    """A Deployment whose pod runs on any simulated node."""
    labels = {"app": name}
    container = {"name": "app", "image": "registry.example/app:1", "resources": {"requests": {"cpu": "10m"}}}
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "spec": {
            "selector": {"matchLabels": dict(labels)},
            "template": {"metadata": {"labels": dict(labels)}, "spec": {"containers": [container]}},
            **spec,
        },
    }


def with_image(inputs: dict[str, Any], image: str) -> dict[str, Any]:
    """The same Deployment with another image."""
    changed: dict[str, Any] = json.loads(json.dumps(inputs))
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return changed


def unschedulable(inputs: dict[str, Any]) -> dict[str, Any]:
    """The same Deployment, for nodes that don't exist."""
    changed: dict[str, Any] = json.loads(json.dumps(inputs))
    changed["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "made-of-gold"}
    return changed


def config_map(namespace: str, name: str = "settings", **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "data": data or {"colour": "blue"}}


def live(server: ApiServer, api_version: str, kind: str, namespace: str, name: str) -> dict[str, Any]:
    found = server.get(Kind(api_version, kind), namespace, name)
    assert found is not None, f"{kind} {namespace}/{name} is not there"
    return found
