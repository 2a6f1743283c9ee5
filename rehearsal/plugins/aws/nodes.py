"""Brings the simulated nodes of an EKS node group up and down in the rehearsal's control plane.

Without `MARLINSPIKE_REHEARSAL_KUBECONFIG` there is no control plane, and nothing happens.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rehearsal.plugins.aws.account import Account, Record
from rehearsal.plugins.aws.errors import AwsError
from rehearsal.plugins.aws.subject import SUBNET
from rehearsal.variables import KUBECONFIG

# EKS' words for the effects of a taint, and Kubernetes' own.
_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}


def reconcile(account: Account, outputs: Mapping[str, Any]) -> None:
    """Makes the nodes of a group be what the group says. Raises AwsError in EKS' words when they do not come up."""
    kubeconfig = os.environ.get(KUBECONFIG)
    if not kubeconfig:
        return
    from rehearsal.control_plane import simulated_nodes  # noqa: PLC0415 - brings a Kubernetes client, which only node groups need

    group = simulated_nodes.SimulatedNodeGroup(
        name=str(outputs["nodeGroupName"]),
        instance_type=_instance_type(account, outputs),
        count=int(outputs["scalingConfig"]["desiredSize"]),
        zones=_zones(account, outputs["subnetIds"]),
        labels={str(name): str(value) for name, value in (outputs.get("labels") or {}).items()},
        taints=tuple(_taint(taint) for taint in outputs.get("taints") or []),
    )
    try:
        simulated_nodes.reconcile(Path(kubeconfig), group)
    except Exception as error:  # whatever a control plane can raise: the engine must see it as a failed node group
        raise AwsError("NodeCreationFailure", f"Instances failed to join the kubernetes cluster: {error}") from error


def remove(outputs: Mapping[str, Any]) -> None:
    """Takes the nodes of a group away. Raises AwsError when the control plane refuses."""
    kubeconfig = os.environ.get(KUBECONFIG)
    if not kubeconfig:
        return
    from rehearsal.control_plane import simulated_nodes  # noqa: PLC0415 - as above

    try:
        simulated_nodes.remove(Path(kubeconfig), str(outputs["nodeGroupName"]))
    except Exception as error:
        raise AwsError(
            "NodeDeletionFailure", f"Instances of {outputs['nodeGroupName']} could not be removed: {error}"
        ) from error


def _taint(taint: Mapping[str, Any]) -> dict[str, str]:
    return {"key": str(taint["key"]), "value": str(taint.get("value") or ""), "effect": _EFFECTS[str(taint["effect"])]}


def _zones(account: Account, subnet_ids: list[str]) -> tuple[str, ...]:
    """The zones of the group's subnets, each once, in order."""
    found = [account.get(SUBNET, identifier) for identifier in subnet_ids]
    return tuple(sorted({str(subnet.value("availabilityZone")) for subnet in found if subnet is not None}))


def _instance_type(account: Account, outputs: Mapping[str, Any]) -> str:
    """The first of the group's instance types, else its launch template's, else EKS' own default."""
    listed = outputs.get("instanceTypes") or []
    if listed:
        return str(listed[0])
    template = outputs.get("launchTemplate") or {}
    found: Record | None = account.get("aws:ec2/launchTemplate:LaunchTemplate", str(template.get("id")))
    return str((found.value("instanceType") if found else None) or "t3.medium")
