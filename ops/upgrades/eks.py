"""What EKS knows of a cluster that is to be upgraded. A rehearsal has none to ask: there the engine's state answers."""

from collections.abc import Iterable, Mapping
from typing import Any

import boto3  # type: ignore[import-untyped]

from ops.aws import asked
from ops.errors import OpsError
from ops.stack import Stack

FREE_ADDRESSES = 5
"""That EKS may need in the control plane's subnets for an upgrade (EKS user guide, "Update existing cluster to new Kubernetes
version", considerations)."""


def running_version(stack: Stack) -> str:
    """The minor version of the control plane, as in `1.36`."""
    if not stack.rehearsed:
        return str(Eks(stack).cluster["version"])
    for resource in stack.engine.state()["deployment"].get("resources") or []:
        if resource["type"] == "aws:eks/cluster:Cluster":
            return str(resource["outputs"]["version"])
    raise OpsError(f"stack {stack.name} has no EKS cluster in its state")


class Eks:
    """EKS, asked about the stack's cluster. Raises OpsError in AWS's words."""

    def __init__(self, stack: Stack) -> None:
        region = str(stack.outputs["region"])
        self.name = str(stack.outputs["cluster_name"])
        self.client = boto3.client("eks", region_name=region)
        self._ec2 = boto3.client("ec2", region_name=region)

    @property
    def cluster(self) -> Mapping[str, Any]:
        """As EKS describes it."""
        with asked("eks"):
            found: Mapping[str, Any] = self.client.describe_cluster(name=self.name)["cluster"]
        return found

    def faults(self, target: str, add_ons: Mapping[str, str]) -> list[str]:
        """What of it stands against an upgrade to `target` with these add-ons."""
        cluster = self.cluster
        status = cluster["status"]
        found = (
            []
            if status == "ACTIVE"
            else [f"cluster {self.name} is {status}, not ACTIVE: wait until EKS is done with it"]
        )
        found += self.without_addresses(cluster["resourcesVpcConfig"]["subnetIds"], FREE_ADDRESSES)
        for name, version in add_ons.items():
            if version not in self._offered(name, target):
                found.append(
                    f"add-on {name}: EKS has no {version} for Kubernetes {target}; choose one of `aws eks "
                    f"describe-addon-versions --addon-name {name} --kubernetes-version {target}` in infra/versions.py"
                )
        return found

    def insights(self, target: str) -> tuple[list[str], list[str]]:
        """EKS's upgrade insights for `target`: those that fail, and those to know of."""
        with asked("eks"):
            pages = self.client.get_paginator("list_insights").paginate(
                clusterName=self.name, filter={"categories": ["UPGRADE_READINESS"], "kubernetesVersions": [target]}
            )
            found = [insight for page in pages for insight in page["insights"]]
        said: dict[str, list[str]] = {"ERROR": [], "WARNING": []}
        for insight in found:
            status = insight["insightStatus"]
            said.setdefault(status["status"], []).append(f"EKS: {insight['name']}: {status['reason']}")
        return said["ERROR"], said["WARNING"]

    def without_addresses(self, subnets: Iterable[str], wanted: int) -> list[str]:
        """A fault for each of the subnets that has fewer free addresses than wanted."""
        with asked("ec2"):
            found = self._ec2.describe_subnets(SubnetIds=list(subnets))["Subnets"]
        return [
            f"subnet {each['SubnetId']} in {each['AvailabilityZone']} has {each['AvailableIpAddressCount']} free addresses; "
            f"{wanted} are needed"
            for each in found
            if each["AvailableIpAddressCount"] < wanted
        ]

    def _offered(self, add_on: str, target: str) -> set[str]:
        with asked("eks"):
            pages = self.client.get_paginator("describe_addon_versions").paginate(
                addonName=add_on, kubernetesVersion=target
            )
            return {
                version["addonVersion"]
                for page in pages
                for found in page["addons"]
                for version in found["addonVersions"]
            }
