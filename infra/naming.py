"""Names, tags and labels: one place, so that bills, dashboards and selectors agree."""

from pulumi import Input
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

PROJECT = "marlinspike"

MANAGED_BY = "pulumi"

SYSTEM_NAMESPACE = "kube-system"
"""Kubernetes' own."""

PLATFORM_LABELS = {"app.kubernetes.io/part-of": PROJECT, "app.kubernetes.io/managed-by": MANAGED_BY}
"""On every Kubernetes object of the program; of Kubernetes' recommended set (kubernetes.io, "Recommended Labels")."""


def aws_tags(stack: str) -> dict[str, str]:
    """Tags on every AWS resource, given once to the provider as `default_tags`."""
    return {"Project": PROJECT, "Environment": stack, "ManagedBy": MANAGED_BY}


def selector_labels(name: str) -> dict[str, str]:
    """The labels by which a workload's pods are selected. They never change: a Deployment's selector is immutable."""
    return {"app.kubernetes.io/name": name}


def object_labels(name: str) -> dict[str, str]:
    """Labels of an object that belongs to the workload `name`."""
    return {**selector_labels(name), **PLATFORM_LABELS}


def object_metadata(name: str, namespace: Input[str]) -> ObjectMetaArgsDict:
    """Name, namespace and labels of such an object."""
    return {"name": name, "namespace": namespace, "labels": object_labels(name)}
