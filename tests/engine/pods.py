"""What tests do with pods of a rehearsed cluster beyond what the program does."""

from typing import Any

from rehearsal.control_plane.api import Api, ApiError


def bare_pod(name: str, selector: dict[str, str], tolerations: list[dict[str, str]]) -> dict[str, Any]:
    """A pod of the namespace `default`."""
    container = {"name": "a", "image": "example.invalid/a:1"}
    spec = {"nodeSelector": selector, "tolerations": tolerations, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def scheduling(api: Api, pod: str) -> str:
    """Why a pod of the namespace `default` has no node yet; empty when it has one."""
    found = api.get(f"/api/v1/namespaces/default/pods/{pod}")
    if found["spec"].get("nodeName"):
        return ""
    reasons = [condition.get("message", "") for condition in found["status"].get("conditions", [])]
    return " ".join(reasons) or "the scheduler has not looked yet"


def evict(api: Api, namespace: str, pod: str) -> str | None:
    """Asks the eviction API; returns the reason of a refusal."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
    try:
        api.create(f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction", body)
    except ApiError as refused:
        return str(refused)
    return None
