"""The nodes: managed node groups on encrypted disks, whose pods cannot reach the instance metadata."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions
from pydantic import AfterValidator, Field, model_validator

from infra.naming import PROJECT
from infra.service_role import service_role
from infra.settings import Section

NODE_GROUP_LABEL = f"{PROJECT}.io/node-group"
"""Label on every node of a group; workloads choose their group by it."""

NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")
"""AWS managed policies of the nodes' role (EKS user guide, "Amazon EKS node IAM role"). The third one there is the VPC CNI's,
which has a role of its own (infra/cluster.py)."""

GRAVITON = r"^[a-z]+[0-9]+g[a-z]*$"
"""Instance families of AWS's own ARM processors carry a `g` behind the generation: t4g, m7g, c8gd."""

AMI_TYPES = {
    "amazon-linux-2023": {"arm": "AL2023_ARM_64_STANDARD", "x86": "AL2023_x86_64_STANDARD"},
    "bottlerocket": {"arm": "BOTTLEROCKET_ARM_64", "x86": "BOTTLEROCKET_x86_64"},
}
"""EKS's names of its images, by operating system and processor (EKS API, "Nodegroup", amiType)."""

EFFECTS = {
    "NoSchedule": "NO_SCHEDULE",
    "PreferNoSchedule": "PREFER_NO_SCHEDULE",
    "NoExecute": "NO_EXECUTE",
}
"""What Kubernetes calls the effects of a taint, and EKS."""

GroupName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]

NAME = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
PREFIX = r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?"
"""Of keys of labels and taints (kubernetes.io, "Labels and Selectors")."""


def _not_reserved(key: str) -> str:
    prefix = key.rpartition("/")[0]
    if any(f".{prefix}".endswith(f".{owner}") for owner in ("kubernetes.io", "k8s.io", "eks.amazonaws.com")):
        raise ValueError("has a prefix that EKS keeps for itself and refuses; choose another (containers-roadmap#1451)")
    if key == NODE_GROUP_LABEL:
        raise ValueError("is the label by which workloads choose their group; set `serves` for another value")
    return key


LabelKey = Annotated[str, Field(pattern=rf"^{PREFIX}{NAME}$"), AfterValidator(_not_reserved)]
LabelValue = Annotated[str, Field(pattern=rf"^({NAME})?$")]


class TaintSettings(Section):
    """What keeps pods that do not tolerate it off the nodes of a group."""

    key: Annotated[str, Field(pattern=rf"^{PREFIX}{NAME}$", max_length=63)]
    value: LabelValue = ""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]


class NodeGroupSettings(Section):
    """One node group of section `nodes`."""

    instance_types: tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]+\.[a-z0-9]+$")], ...] = Field(min_length=1)
    """EC2 types of one processor architecture; several widen the choice of spot capacity. Another type means a new group that
    takes the old one's place (docs/procedures/change-instance-family.md)."""

    operating_system: Literal["amazon-linux-2023", "bottlerocket"] = "amazon-linux-2023"
    """Bottlerocket has neither shell nor package manager, and updates as a whole; what needs a host's shell does not run."""

    capacity: Literal["on-demand", "spot"] = "on-demand"

    minimum: int = Field(ge=1)
    desired: int = Field(ge=1)
    """Nodes at the beginning. From then on the cluster autoscaler moves the number between minimum and maximum, and a change
    of this setting does nothing (docs/procedures/number-of-nodes.md)."""
    maximum: int = Field(ge=1, le=100)

    disk_gib: int = Field(50, ge=20, le=1000)
    """Disk in GiB for images, logs and `emptyDir` volumes of the node's pods. Bottlerocket's own disk comes on top."""

    labels: Mapping[LabelKey, LabelValue] = {}
    """On every node of the group, beside the group's own label."""

    taints: tuple[TaintSettings, ...] = Field((), max_length=50)
    """Workloads that choose the group by its name tolerate them; others stay away."""

    serves: GroupName | None = None
    """The group whose workloads run here too; its own name when left out. A second group that serves the first takes over from
    it without downtime (docs/procedures/change-instance-family.md)."""

    @model_validator(mode="after")
    def _sizes_are_in_order(self) -> "NodeGroupSettings":
        if not self.minimum <= self.desired <= self.maximum:
            raise ValueError(
                f"minimum {self.minimum}, desired {self.desired}, maximum {self.maximum} must not decrease"
            )
        return self

    @model_validator(mode="after")
    def _one_image_fits(self) -> "NodeGroupSettings":
        if any(instance_type.startswith("a1.") for instance_type in self.instance_types):
            raise ValueError("instance_types names a1, the first Graviton, for which Amazon Linux 2023 is not built")
        if len({_is_graviton(instance_type) for instance_type in self.instance_types}) != 1:
            raise ValueError(
                "instance_types mixes ARM (Graviton) and x86; an image of the operating system fits only one"
            )
        return self

    @model_validator(mode="after")
    def _each_taint_is_said_once(self) -> "NodeGroupSettings":
        if len({(taint.key, taint.effect) for taint in self.taints}) != len(self.taints):
            raise ValueError("taints has a key and effect twice; Kubernetes keeps one value for both together")
        return self

    @property
    def ami_type(self) -> str:
        """EKS's name of the operating system's image for the group's processors."""
        return AMI_TYPES[self.operating_system]["arm" if _is_graviton(self.instance_types[0]) else "x86"]

    @property
    def disks(self) -> dict[str, int | None]:
        """Device to GiB; none is as large as the image.

        Bottlerocket boots from one disk and keeps everything else on the other (its README, "Default Volumes").
        """
        if self.operating_system == "bottlerocket":
            return {"/dev/xvda": None, "/dev/xvdb": self.disk_gib}
        return {"/dev/xvda": self.disk_gib}

    @property
    def takes_any_pod(self) -> bool:
        """Whether pods without any toleration can run here."""
        return all(taint.effect == "PreferNoSchedule" for taint in self.taints)


def _is_graviton(instance_type: str) -> bool:
    return re.match(GRAVITON, instance_type.partition(".")[0]) is not None


NodesSettings = Annotated[dict[GroupName, NodeGroupSettings], Field(min_length=1)]
"""Section `nodes` of a stack file: groups by name."""


def by_served_name(groups: Mapping[str, NodeGroupSettings]) -> dict[str, list[NodeGroupSettings]]:
    """The groups by the name under which workloads choose them: several while one takes over from another."""
    found: dict[str, list[NodeGroupSettings]] = {}
    for name, group in groups.items():
        found.setdefault(group.serves or name, []).append(group)
    return found


class Nodes(pulumi.ComponentResource):
    """The managed node groups of a cluster and the role that their nodes share.

    `tags` go on instances and their disks: the provider's default tags do not reach what Auto Scaling starts.

    Type token: `marlinspike:nodes:Nodes`. Makes an IAM role with the two policies that a node needs, and for each group a
    launch template (IMDSv2 only, hop limit 1, encrypted gp3) and the group. Group and template have automatic names: what cannot
    be changed in place is made anew before the old one goes.
    """

    groups: list[aws.eks.NodeGroup]

    def __init__(
        self,
        name: str,
        settings: Mapping[str, NodeGroupSettings],
        cluster_name: Input[str],
        cluster_version: str,
        subnet_ids: list[Output[str]],
        key_arn: Input[str],
        tags: Mapping[str, str],
        depends_on: list[pulumi.Resource],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:nodes:Nodes", name, {}, opts)
        child = ResourceOptions(parent=self)
        policies = {f"{name}-{policy}": policy for policy in NODE_POLICIES}
        role = service_role(f"{name}-node", "ec2.amazonaws.com", child, managed=policies)
        self.groups = []
        for group_name, group in settings.items():
            template = _launch_template(f"{name}-{group_name}", group, key_arn, tags, child)
            self.groups.append(
                aws.eks.NodeGroup(
                    f"{name}-{group_name}",
                    cluster_name=cluster_name,
                    node_role_arn=role.arn,
                    subnet_ids=subnet_ids,
                    version=cluster_version,
                    ami_type=group.ami_type,
                    capacity_type=group.capacity.upper().replace("-", "_"),
                    instance_types=list(group.instance_types),
                    scaling_config={
                        "min_size": group.minimum,
                        "desired_size": group.desired,
                        "max_size": group.maximum,
                    },
                    launch_template={
                        "id": template.id,
                        "version": template.latest_version.apply(str),
                    },
                    update_config={"max_unavailable_percentage": 33},  # a third at a time
                    node_repair_config={"enabled": True},
                    labels={**group.labels, NODE_GROUP_LABEL: group.serves or group_name},
                    taints=[
                        {"key": taint.key, "value": taint.value, "effect": EFFECTS[taint.effect]}
                        for taint in group.taints
                    ],
                    opts=ResourceOptions(
                        parent=self,
                        depends_on=[*role.granted, *depends_on],
                        ignore_changes=["scalingConfig.desiredSize"],  # the cluster autoscaler's
                        # A drain that respects disruption budgets may take up to 60 minutes for a group.
                        custom_timeouts=pulumi.CustomTimeouts(create="30m", update="90m", delete="60m"),
                    ),
                )
            )
        self.register_outputs({})


def _launch_template(
    name: str, group: NodeGroupSettings, key_arn: Input[str], tags: Mapping[str, str], opts: ResourceOptions
) -> aws.ec2.LaunchTemplate:
    return aws.ec2.LaunchTemplate(
        name,
        update_default_version=True,
        metadata_options={
            "http_endpoint": "enabled",
            "http_tokens": "required",
            "http_put_response_hop_limit": 1,  # a pod is one hop further away, and is not answered
        },
        block_device_mappings=[_disk(device, size, key_arn) for device, size in group.disks.items()],
        # EKS starts the nodes from a copy of the template that keeps no other kinds (containers-roadmap#1496).
        tag_specifications=[{"resource_type": kind, "tags": {**tags, "Name": name}} for kind in ("instance", "volume")],
        opts=opts,
    )


def _disk(device: str, size: int | None, key_arn: Input[str]) -> aws.ec2.LaunchTemplateBlockDeviceMappingArgsDict:
    ebs: aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgsDict = {
        "volume_type": "gp3",
        "encrypted": "true",
        "kms_key_id": key_arn,
        "delete_on_termination": "true",
    }
    if size is not None:
        ebs["volume_size"] = size
    return {"device_name": device, "ebs": ebs}
