"""EKS add-ons that need nodes to run on: cluster DNS, the metrics that autoscaling reads, disks, and an eye on the nodes."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input, ResourceOptions

from infra import versions
from infra.add_ons import ebs_csi
from infra.identity import WorkloadIdentity
from infra.placement import Placement

DNS_LABELS = {"k8s-app": "kube-dns"}


class AddOns(pulumi.ComponentResource):
    """CoreDNS, metrics-server, the EBS driver and the node monitoring agent as EKS add-ons, at the pinned versions.

    Type token: `marlinspike:add_ons:AddOns`. Made after the node groups: without a node CoreDNS stays degraded and the add-on
    never becomes active (pulumi-eks#1819). The driver also waits for the rights of its identity.
    """

    def __init__(
        self,
        name: str,
        cluster_name: Input[str],
        nodes: list[aws.eks.NodeGroup],
        disks: WorkloadIdentity,
        placement: Placement,
        tags: Mapping[str, str],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:add_ons:AddOns", name, {}, opts)
        for add_on, values in _configurations(placement, tags).items():
            aws.eks.Addon(
                f"{name}-{add_on}",
                cluster_name=cluster_name,
                addon_name=add_on,
                addon_version=versions.ADD_ONS[add_on],
                configuration_values=json.dumps(values) if values else None,
                resolve_conflicts_on_create="OVERWRITE",  # takes over what EKS installs by itself in a new cluster
                resolve_conflicts_on_update="OVERWRITE",
                opts=ResourceOptions(parent=self, depends_on=[*nodes, disks] if add_on == ebs_csi.NAME else [*nodes]),
            )
        self.register_outputs({})


def _configurations(placement: Placement, tags: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What each add-on is told, by its AWS name."""
    return {
        "coredns": _dns(placement),
        # The only one that does not tolerate the system's taint by itself; it has two replicas and a budget.
        "metrics-server": placement.values(),
        ebs_csi.NAME: ebs_csi.configuration(tags, placement),
        "eks-node-monitoring-agent": {},  # on every node, whatever its taint
    }


def _dns(placement: Placement) -> dict[str, Any]:
    """CoreDNS over zones and nodes, growing with the cluster (EKS Best Practices Guide, "Cluster Services: Scale CoreDNS").

    EKS itself sets the number of replicas by nodes and cores. It tolerates the system's taint by default.
    """
    return {
        "autoScaling": {"enabled": True, "minReplicas": 2, "maxReplicas": 10},
        "podDisruptionBudget": {"enabled": True, "maxUnavailable": 1},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": DNS_LABELS},
            }
            for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        ],
        **placement.values(),
    }
