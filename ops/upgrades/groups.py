"""The node groups of a stack, and who replaces their nodes: EKS, or in a rehearsal this, as EKS would."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import boto3  # type: ignore[import-untyped]

from infra.nodes import NODE_GROUP_LABEL
from ops.aws import asked
from ops.draining import Drain, nodes, schedulable
from ops.errors import OpsError
from ops.stack import Stack
from ops.upgrades.eks import Eks
from rehearsal.control_plane.api import Api, ApiError
from rehearsal.control_plane.simulated_nodes import FIELD_MANAGER, again, delete

GROUP_LABEL = "eks.amazonaws.com/nodegroup"
"""That EKS puts on every node of a managed group."""

ADDRESSES_OF_A_NODE = 17
"""The node's own, and its first prefix of sixteen for pods (EKS user guide, "Assign more IP addresses to Amazon EKS nodes with
prefixes")."""

SURGE_OF_A_ZONE = 2
"""Nodes that EKS starts in each zone before it takes the first one away, where more are not allowed to be unavailable (EKS user
guide, "Understand each phase of node updates")."""

NEWEST = {
    "AL2023_ARM_64_STANDARD": "/aws/service/eks/optimized-ami/{}/amazon-linux-2023/arm64/standard/recommended/release_version",
    "AL2023_x86_64_STANDARD": "/aws/service/eks/optimized-ami/{}/amazon-linux-2023/x86_64/standard/recommended/release_version",
    "BOTTLEROCKET_ARM_64": "/aws/service/bottlerocket/aws-k8s-{}/arm64/latest/image_version",
    "BOTTLEROCKET_x86_64": "/aws/service/bottlerocket/aws-k8s-{}/x86_64/latest/image_version",
}
"""Where AWS publishes the newest release of an image, by kind of image and Kubernetes version (EKS user guide, "Retrieve
recommended Amazon Linux AMI IDs"; Bottlerocket's README, "Finding an AMI"). The kinds are those of infra/nodes.py."""

Say = Callable[[str], None]


class Groups(ABC):
    """The managed node groups."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    @abstractmethod
    def names(self) -> list[str]:
        """EKS's names of the groups, the application's last."""

    @abstractmethod
    def faults(self, group: str) -> list[str]:
        """What of AWS's stands against replacing the group's nodes."""

    @abstractmethod
    def release(self, group: str) -> str:
        """The release of the image that its nodes run."""

    @abstractmethod
    def newest(self, group: str) -> str:
        """The release that a replacement brings."""

    @abstractmethod
    def replace(self, group: str, patience: float, say: Say) -> None:
        """Replaces all nodes of a group by new ones; returns when that is done. Raises OpsError."""

    def nodes(self, group: str) -> dict[str, str]:
        """The group's nodes in the cluster, by uid: their names."""
        return {
            node.metadata.uid: node.metadata.name
            for node in nodes(self.stack, f"{GROUP_LABEL}={group}")
            if schedulable(node)
        }


def of(stack: Stack) -> Groups:
    """Those of a stack on AWS, or of its rehearsal."""
    return PlayedGroups(stack) if stack.rehearsed else EksGroups(stack)


class EksGroups(Groups):
    """EKS replaces the nodes: new ones first, then a drain that respects the budgets, a third at a time (infra/nodes.py)."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)
        self._eks = Eks(stack)
        self._parameters = boto3.client("ssm", region_name=str(stack.outputs["region"]))

    def names(self) -> list[str]:
        """As EKS lists them."""
        with asked("eks"):
            pages = self._eks.client.get_paginator("list_nodegroups").paginate(clusterName=self._eks.name)
            found = [str(name) for page in pages for name in page["nodegroups"]]
        return sorted(found, key=lambda name: ("application" in name, name))

    def faults(self, group: str) -> list[str]:
        """A group that is not well, or busy; no addresses for the nodes that are there meanwhile."""
        found = self._described(group)
        faults = [f"node group {group}: {issue['code']}: {issue['message']}" for issue in found["health"]["issues"]]
        if found["status"] != "ACTIVE":
            faults.append(f"node group {group} is {found['status']}, not ACTIVE: wait until EKS is done with it")
        size, zones = found["scalingConfig"]["desiredSize"], len(found["subnets"])
        share = found["updateConfig"].get("maxUnavailablePercentage", 0)
        surge = max(SURGE_OF_A_ZONE * zones, found["updateConfig"].get("maxUnavailable", math.ceil(size * share / 100)))
        wanted = math.ceil(surge / zones) * ADDRESSES_OF_A_NODE
        return faults + self._eks.without_addresses(found["subnets"], wanted)

    def release(self, group: str) -> str:
        """As EKS says."""
        return str(self._described(group)["releaseVersion"])

    def newest(self, group: str) -> str:
        """As AWS publishes it."""
        found = self._described(group)
        with asked("ssm"):
            parameter = self._parameters.get_parameter(Name=NEWEST[found["amiType"]].format(found["version"]))
        return str(parameter["Parameter"]["Value"])

    def replace(self, group: str, patience: float, say: Say) -> None:
        """Asks EKS for the newest image of the group's own Kubernetes version and template, and follows the nodes."""
        before = self.nodes(group)
        with asked("eks"):
            update = self._eks.client.update_nodegroup_version(clusterName=self._eks.name, nodegroupName=group)[
                "update"
            ]
        deadline = time.monotonic() + patience
        told = -1
        while True:
            with asked("eks"):
                found = self._eks.client.describe_update(
                    name=self._eks.name, nodegroupName=group, updateId=update["id"]
                )["update"]
            if found["status"] == "Successful":
                return
            if found["status"] != "InProgress":
                reasons = "; ".join(f"{each['errorCode']}: {each['errorMessage']}" for each in found["errors"])
                raise OpsError(f"node group {group}: the update is {found['status']}: {reasons}")
            left = len(before.keys() & self.nodes(group).keys())
            if left != told:
                say(f"{group}: {len(before) - left} of {len(before)} nodes replaced")
                told = left
            if time.monotonic() > deadline:
                raise OpsError(
                    f"node group {group}: not done after {patience:.0f} s, and EKS goes on with it: "
                    f"aws eks describe-update --name {self._eks.name} --nodegroup-name {group} --update-id {update['id']}"
                )
            time.sleep(5)

    def _described(self, group: str) -> Any:
        with asked("eks"):
            return self._eks.client.describe_nodegroup(clusterName=self._eks.name, nodegroupName=group)["nodegroup"]


class PlayedGroups(Groups):
    """The rehearsal's simulated nodes: each is drained and made anew. EKS would start new ones first."""

    def names(self) -> list[str]:
        """By the label that EKS would have put on the nodes."""
        found = {
            node.metadata.labels[GROUP_LABEL]: node.metadata.labels.get(NODE_GROUP_LABEL, "")
            for node in nodes(self.stack, GROUP_LABEL)
        }
        return sorted(found, key=lambda name: ("application" in name, name))

    def faults(self, group: str) -> list[str]:  # noqa: ARG002 - AWS is played
        """None: there are no addresses that could lack."""
        return []

    def release(self, group: str) -> str:  # noqa: ARG002 - AWS is played
        """None that would mean anything."""
        return "simulated"

    def newest(self, group: str) -> str:  # noqa: ARG002 - AWS is played
        """Always another."""
        return "simulated anew"

    def replace(self, group: str, patience: float, say: Say) -> None:
        """One node after the other: drained within the budgets, deleted, made anew."""
        before = self.nodes(group)
        for count, name in enumerate(before.values(), 1):
            drain = Drain(self.stack, [name])
            try:
                drain.run(patience)
                self._anew(name)
            finally:
                drain.undo()
            self._wait_for(group, name, patience)
            say(f"{group}: {count} of {len(before)} nodes replaced")

    def _wait_for(self, group: str, name: str, patience: float) -> None:
        deadline = time.monotonic() + patience
        while name not in self.nodes(group).values():
            if time.monotonic() > deadline:
                raise OpsError(f"node {name} is not ready after {patience:.0f} s")
            time.sleep(0.3)

    def _anew(self, name: str) -> None:
        kubeconfig = self.stack.engine.kubeconfig()
        assert kubeconfig is not None  # noqa: S101 - every rehearsal has one
        try:
            with Api(kubeconfig) as api:
                node = api.get(f"/api/v1/nodes/{name}")
                delete(api, [name])
                api.apply(again(node), FIELD_MANAGER)
        except ApiError as error:
            raise OpsError(f"node {name} can't be made anew: {error}") from None
