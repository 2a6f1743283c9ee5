"""EBS volumes for pods: what the driver may do, and the class of disks that a claim gets."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions

from infra.add_ons.controller import Platform
from infra.identity import Permission, WorkloadIdentity
from infra.naming import SYSTEM_NAMESPACE, object_labels
from infra.placement import Placement

NAME = "aws-ebs-csi-driver"

SERVICE_ACCOUNT = "ebs-csi-controller-sa"
"""Of the add-on's controller; the part on every node needs no rights on AWS."""

MANAGED_POLICY = "AmazonEBSCSIDriverPolicyV2"
"""AWS's own; unlike its predecessor it touches only volumes that the driver has marked as its own."""

STORAGE_CLASS = "gp3"


def identity(
    name: str, platform: Platform, cluster_name: Input[str], opts: ResourceOptions | None = None
) -> WorkloadIdentity:
    """The driver's role: AWS's policy, and the use of the platform's key through EC2.

    The actions are those of the EBS user guide's "Required permissions for IAM principals"; the grant lets EC2 attach the disk.
    """
    through_ec2 = {"kms:ViaService": f"ec2.{platform.region}.amazonaws.com"}
    return WorkloadIdentity(
        f"{name}-{NAME}",
        cluster_name,
        SYSTEM_NAMESPACE,
        SERVICE_ACCOUNT,
        {
            "EncryptDisks": Permission(
                actions=["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"],
                resources=[platform.key_arn],
                conditions={"StringEquals": through_ec2},
            ),
            "AttachDisks": Permission(
                actions=["kms:CreateGrant"],
                resources=[platform.key_arn],
                conditions={"StringEquals": through_ec2, "Bool": {"kms:GrantIsForAWSResource": "true"}},
            ),
        },
        managed_policies=[MANAGED_POLICY],
        opts=opts,
    )


def configuration(tags: Mapping[str, str], placement: Placement) -> dict[str, Any]:
    """Of the add-on. Its controller tolerates the system's taint by default, the part on each node every taint."""
    return {"controller": {"extraVolumeTags": dict(tags), **placement.values()}}


class Disks(pulumi.ComponentResource):
    """The default StorageClass: gp3, encrypted with the platform's key, made in the zone of the pod that needs it, growing.

    Type token: `marlinspike:add_ons:Disks`. A claim that is deleted takes its disk along: what must survive lives in RDS.
    """

    storage_class: Output[str]

    def __init__(self, name: str, key_arn: Input[str], opts: ResourceOptions | None = None) -> None:
        super().__init__("marlinspike:add_ons:Disks", name, {}, opts)
        made = kubernetes.storage.v1.StorageClass(
            f"{name}-storage-class",
            metadata={
                "name": STORAGE_CLASS,
                "labels": object_labels(STORAGE_CLASS),
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            provisioner="ebs.csi.aws.com",
            parameters={"type": "gp3", "encrypted": "true", "kmsKeyId": key_arn},
            volume_binding_mode="WaitForFirstConsumer",
            allow_volume_expansion=True,
            reclaim_policy="Delete",
            opts=ResourceOptions(parent=self),
        )
        self.storage_class = made.metadata.name.apply(str)
        self.register_outputs({"storageClass": self.storage_class})
