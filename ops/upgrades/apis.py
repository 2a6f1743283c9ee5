"""Deprecated APIs that somebody still asks for, by the API server's own count."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from kubernetes.client.exceptions import ApiException

from ops.stack import Stack

METRIC = "apiserver_requested_deprecated_apis"
"""Set to 1 by the first request since the API server's start (kubernetes.io, "Kubernetes Metrics Reference")."""

SAMPLE = re.compile(rf"^{METRIC}\{{(?P<labels>[^}}]*)\}} 1", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Deprecated:
    """An API that was asked for, and will go."""

    name: str
    """As in `flowcontrol.apiserver.k8s.io/v1beta3 flowschemas`."""
    removed_in: str
    """Minor version of Kubernetes that no longer has it; empty while none is said."""


def deprecated_in(metrics: str) -> list[Deprecated]:
    """What the API server's metrics count, by name."""
    found = []
    for sample in SAMPLE.finditer(metrics):
        labels = dict(LABEL.findall(sample["labels"]))
        group = "/".join(part for part in (labels["group"], labels["version"]) if part)
        resource = "/".join(part for part in (labels["resource"], labels.get("subresource", "")) if part)
        found.append(Deprecated(f"{group} {resource}", labels.get("removed_release", "")))
    return sorted(found, key=lambda each: each.name)


def requested(stack: Stack) -> list[Deprecated]:
    """What is counted now. Raises what the Kubernetes client raises."""
    return deprecated_in(stack.cluster.get("/metrics").decode())


def ask_for_the_programs(stack: Stack) -> list[str]:
    """Asks for one object of each kind that the stack's state holds, so that the API server counts those too.

    It counts since its start only, and EKS replaces API servers. Returns a fault for each kind that the cluster does not serve.
    """
    faults = []
    for version, kind in sorted(set(_kinds(stack))):
        prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
        try:
            served = json.loads(stack.cluster.get(prefix))["resources"]
        except ApiException as error:
            if error.status != 404:
                raise
            served = []
        names = [each["name"] for each in served if each["kind"] == kind and "/" not in each["name"]]
        if names:
            stack.cluster.get(f"{prefix}/{names[0]}?limit=1")
        else:
            faults.append(f"the cluster does not serve {version} {kind}, of which the stack has objects")
    return faults


def _kinds(stack: Stack) -> Iterator[tuple[str, str]]:
    for resource in stack.resources:
        outputs = resource.get("outputs") or {}
        if resource["type"].startswith("kubernetes:") and "apiVersion" in outputs and "kind" in outputs:
            yield str(outputs["apiVersion"]), str(outputs["kind"])
