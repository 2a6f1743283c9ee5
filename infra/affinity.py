"""Which nodes pods run on, and beside whom, beyond the node group and the spread of their own."""

from collections.abc import Mapping
from typing import Annotated

import pulumi_kubernetes as kubernetes
from pydantic import Field

from infra.naming import selector_labels
from infra.settings import Section

Label = Annotated[str, Field(pattern=r"^([a-z0-9.-]+/)?[\w.-]{1,63}$")]


class AffinitySettings(Section):
    """Affinity to nodes and to other workloads of the namespace."""

    nodes: dict[Label, tuple[str, ...]] = Field({})
    """Labels that a node must have, each with one of these values, as in `{kubernetes.io/arch: [arm64]}`."""

    near: tuple[str, ...] = Field((), max_length=5)
    """Workloads whose zone is preferred: traffic between zones costs and takes longer."""

    apart_from: tuple[str, ...] = Field((), max_length=5)
    """Workloads with which no node is ever shared; where there are too few nodes, pods wait."""


def affinity(settings: AffinitySettings) -> kubernetes.core.v1.AffinityArgsDict:
    """The same in Kubernetes' form; empty without settings."""
    found: kubernetes.core.v1.AffinityArgsDict = {}
    if settings.nodes:
        expressions: list[kubernetes.core.v1.NodeSelectorRequirementArgsDict] = [
            {"key": key, "operator": "In", "values": list(values)} for key, values in sorted(settings.nodes.items())
        ]
        terms: list[kubernetes.core.v1.NodeSelectorTermArgsDict] = [{"match_expressions": expressions}]
        found["node_affinity"] = {"required_during_scheduling_ignored_during_execution": {"node_selector_terms": terms}}
    if settings.near:
        found["pod_affinity"] = {
            "preferred_during_scheduling_ignored_during_execution": [
                {"weight": 100, "pod_affinity_term": _term(name, "topology.kubernetes.io/zone")}
                for name in settings.near
            ]
        }
    if settings.apart_from:
        found["pod_anti_affinity"] = {
            "required_during_scheduling_ignored_during_execution": [
                _term(name, "kubernetes.io/hostname") for name in settings.apart_from
            ]
        }
    return found


def _term(name: str, topology: str) -> kubernetes.core.v1.PodAffinityTermArgsDict:
    labels: Mapping[str, str] = selector_labels(name)
    return {"label_selector": {"match_labels": labels}, "topology_key": topology}
