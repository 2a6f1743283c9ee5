"""The nodes: managed node groups on encrypted disks, whose pods cannot reach the instance metadata."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions
from pydantic import Field, model_validator

from infra.identity import trusting
from infra.naming import PROJECT
from infra.settings import Section

NODE_GROUP_LABEL = f"{PROJECT}.io/node-group"
"""Label on every node of a group; workloads choose their group by it."""

NODE_POLICIES = (
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEKS_CNI_Policy",  # the VPC CNI add-on runs with the node's role
)
"""AWS managed policies of the nodes' role (EKS user guide, "Amazon EKS node IAM role")."""

GRAVITON = r"^[a-z]+[0-9]+g[a-z]*$"
"""Instance families of AWS's own ARM processors carry a `g` behind the generation: t4g, m7g, c8gd."""

ROOT_DEVICE = "/dev/xvda"
"""Of Amazon Linux 2023."""


class NodeGroupSettings(Section):
    """One node group of section `nodes`."""

    instance_types: tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]+\.[a-z0-9]+$")], ...] = Field(min_length=1)
    """EC2 types of one processor architecture; several widen the choice of spot capacity."""

    capacity: Literal["on-demand", "spot"] = "on-demand"

    minimum: int = Field(ge=1)
    desired: int = Field(ge=1)
    """Nodes that run; no autoscaler moves the number yet."""
    maximum: int = Field(ge=1, le=100)

    disk_gib: int = Field(50, ge=20, le=1000)
    """Root volume in GiB: images, logs and `emptyDir` volumes of the node's pods."""

    @model_validator(mode="after")
    def _sizes_are_in_order(self) -> "NodeGroupSettings":
        if not self.minimum <= self.desired <= self.maximum:
            raise ValueError(
                f"minimum {self.minimum}, desired {self.desired}, maximum {self.maximum} must not decrease"
            )
        if any(instance_type.startswith("a1.") for instance_type in self.instance_types):
            raise ValueError("instance_types names a1, the first Graviton, for which Amazon Linux 2023 is not built")
        if len({_is_graviton(instance_type) for instance_type in self.instance_types}) != 1:
            raise ValueError(
                "instance_types mixes ARM (Graviton) and x86; an image of the operating system fits only one"
            )
        return self

    @property
    def ami_type(self) -> str:
        """EKS's name of the Amazon Linux 2023 image for the group's processors."""
        return "AL2023_ARM_64_STANDARD" if _is_graviton(self.instance_types[0]) else "AL2023_x86_64_STANDARD"


def _is_graviton(instance_type: str) -> bool:
    return re.match(GRAVITON, instance_type.partition(".")[0]) is not None


NodesSettings = Annotated[
    dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")], NodeGroupSettings], Field(min_length=1)
]
"""Section `nodes` of a stack file: groups by name."""


class Nodes(pulumi.ComponentResource):
    """The managed node groups of a cluster and the role that their nodes share.

    `tags` go on instances and their disks: the provider's default tags do not reach what Auto Scaling starts.

    Type token: `marlinspike:nodes:Nodes`. Makes an IAM role with the three policies that EKS asks for, and for each group a
    launch template (IMDSv2 only, hop limit 1, encrypted gp3) and the group.
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
        role = aws.iam.Role(
            f"{name}-node",
            assume_role_policy=trusting("ec2.amazonaws.com"),
            opts=child,
        )
        attachments = [
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy}", role=role.name, policy_arn=f"arn:aws:iam::aws:policy/{policy}", opts=child
            )
            for policy in NODE_POLICIES
        ]
        self.groups = []
        for group_name, group in settings.items():
            template = aws.ec2.LaunchTemplate(
                f"{name}-{group_name}",
                update_default_version=True,
                metadata_options={
                    "http_endpoint": "enabled",
                    "http_tokens": "required",
                    "http_put_response_hop_limit": 1,  # a pod is one hop further away, and is not answered
                },
                block_device_mappings=[
                    {
                        "device_name": ROOT_DEVICE,
                        "ebs": {
                            "volume_type": "gp3",
                            "volume_size": group.disk_gib,
                            "encrypted": "true",
                            "kms_key_id": key_arn,
                            "delete_on_termination": "true",
                        },
                    }
                ],
                tag_specifications=[
                    {"resource_type": kind, "tags": {**tags, "Name": f"{name}-{group_name}"}}
                    for kind in ("instance", "volume")
                ],
                opts=child,
            )
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
                    labels={NODE_GROUP_LABEL: group_name},
                    opts=ResourceOptions(
                        parent=self,
                        depends_on=[*attachments, *depends_on],
                        # A drain that respects disruption budgets may take up to 60 minutes for a group.
                        custom_timeouts=pulumi.CustomTimeouts(create="30m", update="90m", delete="60m"),
                    ),
                )
            )
        self.register_outputs({})
