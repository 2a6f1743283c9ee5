"""Helm charts, pinned, and their releases."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

TIMEOUT_SECONDS = 600
"""For images to be pulled and pods to be ready; a release that takes longer is rolled back."""

WITHOUT_PRIVILEGES = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
"""A container's security, where a chart does not decide so by itself."""


@dataclass(frozen=True)
class Chart:
    """A pinned chart of a repository."""

    name: str
    version: str
    repository: str


def install(
    logical_name: str,
    chart: Chart,
    namespace: Input[str],
    values: Mapping[str, Any],
    opts: ResourceOptions,
    *,
    name: str | None = None,
    timeout: int = TIMEOUT_SECONDS,
) -> kubernetes.helm.v3.Release:
    """Makes a release, called as its chart unless by another `name`, which is rolled back when it does not come up."""
    return kubernetes.helm.v3.Release(
        logical_name,
        name=name or chart.name,
        chart=chart.name,
        version=chart.version,
        repository_opts=kubernetes.helm.v3.RepositoryOptsArgs(repo=chart.repository),
        namespace=namespace,
        create_namespace=False,
        atomic=True,
        timeout=timeout,
        max_history=5,  # each revision is a Secret; Helm keeps all of them unless told otherwise
        values=dict(values),
        opts=opts,
    )
