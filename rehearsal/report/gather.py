"""Gathers the material of the report from a rehearsal, and writes the page."""

import datetime
import platform
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rehearsal import summary, timeline
from rehearsal.control_plane.api import Api, ApiError
from rehearsal.events import Step
from rehearsal.report.cluster import Cluster, observed
from rehearsal.report.graph import Graph
from rehearsal.report.material import Material, dates_in, left_in
from rehearsal.report.page import page
from rehearsal.run import Rehearsal, Result

FILE = "report.html"

SDKS = {"Pulumi SDK": "pulumi", "AWS SDK": "pulumi-aws", "EKS SDK": "pulumi-eks"}
"""By what the report calls it: the package."""


def write(rehearsal: Rehearsal, result: Result | None = None) -> Path:
    """Writes the report of a rehearsed stack, after an `up` with its result; returns the file.

    Raises RehearsalError where the state can't be read.
    """
    file = rehearsal.out / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page(gather(rehearsal, result)), "utf-8")
    return file


def gather(rehearsal: Rehearsal, result: Result | None = None) -> Material:
    """All that is known of a rehearsed stack now."""
    state = result.state if result and result.state else rehearsal.state()
    graph = Graph.of_state(state)
    cluster = _cluster(rehearsal.kubeconfig)
    steps = [Step("same", each.urn, each.type, None, {}) for each in graph.resources]
    about_the_node = result.real_node if result else ()
    return Material(
        stack=rehearsal.stack,
        when=datetime.datetime.now().astimezone(),
        graph=graph,
        resources=(state.get("deployment") or {}).get("resources") or [],
        cluster=cluster,
        times=timeline.read(rehearsal.state_directory),
        changes=result.changes if result else {},
        versions=_versions(state, cluster),
        simulated=[line.strip() for line in summary.simulated(steps, summary.by_type(steps), about_the_node)],
        real=_real(cluster),
        left=left_in(rehearsal.out),
        dates=dates_in(rehearsal.out),
    )


def _cluster(kubeconfig: Path) -> Cluster:
    """What runs; nothing where no control plane answers."""
    if not kubeconfig.exists():
        return Cluster()
    try:
        with Api(kubeconfig) as api:
            return observed(api)
    except ApiError:
        return Cluster()


def _versions(state: Mapping[str, Any], cluster: Cluster) -> dict[str, str]:
    engine = str(((state.get("deployment") or {}).get("manifest") or {}).get("version") or "")
    known = {"Pulumi engine": engine.removeprefix("v"), "Kubernetes": cluster.version.removeprefix("v")}
    found = {name: text for name, text in known.items() if re.match(r"\d", text)}
    return {**found, "Python": platform.python_version(), **{name: version(package) for name, package in SDKS.items()}}


def _real(cluster: Cluster) -> list[str]:
    lines = [
        "the Pulumi engine, its state and its order of work",
        "the program: the same that is deployed, with the same stack file",
    ]
    if cluster.nodes:
        lines.append("the Kubernetes API server with its admission, scheduler, controllers, autoscaler and etcd")
    if any(not node["simulated"] for node in cluster.nodes):
        lines.append("the node: containerd, kubelet, kube-proxy, CoreDNS, and the pods that run on it")
    return lines
