"""Services and Ingresses: ready when traffic would find a pod."""

from typing import Any

from rehearsal.plugins.kubernetes.api import ApiServer
from rehearsal.plugins.kubernetes.objects import Kind, name_of, namespace_of
from rehearsal.plugins.kubernetes.readiness.verdict import READY, Verdict

_SERVICE = Kind("v1", "Service")
_ENDPOINT_SLICE = Kind("discovery.k8s.io/v1", "EndpointSlice")
_NO_PODS = (
    "Service does not target any Pods. Selected Pods may not be ready, or field '.spec.selector' may not match labels "
    "on any Pods"
)
_NO_ADDRESS = "Service was not allocated an IP address; does your cloud provider support this?"


def service(server: ApiServer, live: dict[str, Any]) -> Verdict:
    """A pod behind it is ready, and a load balancer has its address.

    Headless ones, external names and those without selector are not waited for.
    """
    spec = live["spec"]
    waits_for_pods = (
        spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None" and bool(spec.get("selector"))
    )
    if waits_for_pods and not _has_ready_endpoint(server, namespace_of(live), name_of(live)):
        return Verdict(False, "[1/3] Finding Pods to direct traffic to", lambda: [_NO_PODS])
    if spec.get("type") == "LoadBalancer" and not _has_address(live):
        return Verdict(False, "[2/3] Attempting to allocate IP address to Service", lambda: [_NO_ADDRESS])
    return READY


def ingress(server: ApiServer, live: dict[str, Any]) -> Verdict:
    """Each Service behind it exists and has a ready pod, and its controller has given it an address."""
    namespace = namespace_of(live)
    for name in _backends(live["spec"]):
        found = server.get(_SERVICE, namespace, name)
        if found is None or (
            found["spec"].get("type") != "ExternalName" and not _has_ready_endpoint(server, namespace, name)
        ):
            reason = f"Ingress has a rule that directs traffic to Service {name!r}, which " + (
                "does not exist" if found is None else "has no ready Pods"
            )
            return _unmatched(reason)
    if not _has_address(live):
        return Verdict(
            False,
            "[2/3] Waiting for update of .status.loadBalancer with hostname/IP",
            lambda: [
                "Ingress .status.loadBalancer field was not updated with a hostname/IP address; is its controller running?"
            ],
        )
    return READY


def _unmatched(reason: str) -> Verdict:
    return Verdict(False, "[1/3] Finding a matching service for each Ingress path", lambda: [reason])


def _backends(spec: dict[str, Any]) -> list[str]:
    paths = [path for rule in spec.get("rules") or [] for path in (rule.get("http") or {}).get("paths") or []]
    backends = [path.get("backend") or {} for path in paths] + (
        [spec["defaultBackend"]] if spec.get("defaultBackend") else []
    )
    return list(dict.fromkeys(backend["service"]["name"] for backend in backends if backend.get("service")))


def _has_ready_endpoint(server: ApiServer, namespace: str, name: str) -> bool:
    slices = server.list(_ENDPOINT_SLICE, namespace, labelSelector=f"kubernetes.io/service-name={name}")
    endpoints = [endpoint for found in slices for endpoint in found.get("endpoints") or []]
    return any((endpoint.get("conditions") or {}).get("ready") for endpoint in endpoints)


def _has_address(live: dict[str, Any]) -> bool:
    return bool(live.get("status", {}).get("loadBalancer", {}).get("ingress"))
