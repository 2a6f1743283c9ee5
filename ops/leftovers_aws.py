"""What nobody needs any more in the account: images that no release uses, disks and network interfaces without a user."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3  # type: ignore[import-untyped]
import yaml

from infra.naming import aws_tags
from infra.recovery import REGISTRY_HOST
from ops.errors import OpsError
from ops.images import Reference
from ops.leftovers import Leftover
from ops.rollback import images_of
from ops.stack import Stack
from price.table import UnknownPriceError, table

MADE_BY_THE_DRIVER = "ebs.csi.aws.com/cluster"
"""Tag of every disk of the EBS driver (aws-ebs-csi-driver, "Tagging")."""

CLUSTER_OF_AN_INTERFACE = "cluster.k8s.amazonaws.com/name"
"""Tag of interfaces that the VPC CNI made for pods (amazon-vpc-cni-k8s, README, CLUSTER_NAME)."""

NEWEST_IMAGES = 10
"""Of a repository these stay whoever uses them: somebody has just pushed one."""

BYTES = 1e9


def volumes(stack: Stack, before: datetime) -> Iterator[Leftover]:
    """Disks that the cluster's driver made, that are on no machine, and that no PersistentVolume of the cluster names."""
    region = stack.aws.account.region
    ec2 = boto3.client("ec2", region_name=region)
    found = stack.cluster.core.list_persistent_volume().items
    named = {each.spec.csi.volume_handle for each in found if each.spec.csi}
    wanted = [{"Name": "status", "Values": ["available"]}, {"Name": "tag-key", "Values": [MADE_BY_THE_DRIVER]}]
    wanted += [
        {"Name": f"tag:{key}", "Values": [value]} for key, value in aws_tags(stack.name).items() if key != "ManagedBy"
    ]
    for page in ec2.get_paginator("describe_volumes").paginate(Filters=wanted):
        for volume in page["Volumes"]:
            name, gibibytes = volume["VolumeId"], volume["Size"]
            if name in named or volume["CreateTime"] >= before:
                continue
            tags = {tag["Key"]: tag["Value"] for tag in volume.get("Tags", [])}
            claim = tags.get("kubernetes.io/created-for/pvc/name", "no claim")
            usd = _usd("AmazonEBS", "gp3", region, gibibytes)
            delete = _call(ec2.delete_volume, VolumeId=name)
            yield Leftover("volume", name, volume["CreateTime"], f"was for {claim}", delete, gibibytes, usd)


def interfaces(stack: Stack, before: datetime) -> Iterator[Leftover]:
    """Network interfaces that the cluster's nodes left: each holds addresses of its subnet."""
    ec2 = boto3.client("ec2", region_name=stack.aws.account.region)
    wanted = [
        {"Name": "status", "Values": ["available"]},
        {"Name": f"tag:{CLUSTER_OF_AN_INTERFACE}", "Values": [str(stack.outputs["cluster_name"])]},
    ]
    for page in ec2.get_paginator("describe_network_interfaces").paginate(Filters=wanted):
        for interface in page["NetworkInterfaces"]:
            name, tags = interface["NetworkInterfaceId"], {tag["Key"]: tag["Value"] for tag in interface["TagSet"]}
            made = _moment(tags.get("node.k8s.amazonaws.com/createdAt"))
            if made is None or made < before:
                node = tags.get("node.k8s.amazonaws.com/instance_id", "an unknown node")
                delete = _call(ec2.delete_network_interface, NetworkInterfaceId=name)
                yield Leftover("network interface", name, made or before, f"was of {node}", delete, usd_a_month=0.0)


def images(stack: Stack, before: datetime) -> Iterator[Leftover]:
    """Images of this stack's workloads that no stack file names, none of its updates ran, and nobody has just pushed."""
    platform = stack.aws
    used = {*images_in_files(stack), *images_of(stack.engine.history()), *_running(stack)}
    of_workloads = {image for each in (platform.app, *platform.workloads.values()) for image in each.images}
    repositories = {
        (found["account"], found["region"], Reference.of(image).repository)
        for image in of_workloads
        if (found := REGISTRY_HOST.match(image))
    }
    kept = {(Reference.of(image).repository, Reference.of(image).version) for image in used}
    for account, region, repository in sorted(repositories):
        ecr = boto3.client("ecr", region_name=region)
        asked = {"registryId": account, "repositoryName": repository, "filter": {"tagStatus": "TAGGED"}}
        details = [
            one for page in ecr.get_paginator("describe_images").paginate(**asked) for one in page["imageDetails"]
        ]
        details.sort(key=lambda one: one["imagePushedAt"], reverse=True)
        for one in details[NEWEST_IMAGES:]:
            versions = [*one.get("imageTags", []), one["imageDigest"]]
            if one["imagePushedAt"] >= before or any((repository, version) in kept for version in versions):
                continue
            gigabytes = one.get("imageSizeInBytes", 0) / BYTES
            deletion = {
                "registryId": account,
                "repositoryName": repository,
                "imageIds": [{"imageDigest": one["imageDigest"]}],
            }
            yield Leftover(
                "image",
                f"{repository}:{versions[0]}",
                one["imagePushedAt"],
                "no stack names it, and it ran in none of this stack's updates",
                _deleting_images(ecr, deletion),
                gigabytes,
                _usd("AmazonECR", "storage", region, gigabytes),
            )


def images_in_files(stack: Stack) -> set[str]:
    """Whatever any stack file of the folder calls an image: of the other environments too, which share the registry."""
    found: set[str] = set()
    for file in stack.folder.glob("Pulumi.*.yaml"):
        found |= _named(yaml.safe_load(file.read_text()))
    return found


def _named(content: Any, key: str = "") -> set[str]:
    if isinstance(content, dict):
        return {image for name, value in content.items() for image in _named(value, str(name))}
    if isinstance(content, list):
        return {image for value in content for image in _named(value)}
    return {content} if key in ("image", "standby") and isinstance(content, str) else set()


def _running(stack: Stack) -> set[str]:
    pods = stack.cluster.core.list_pod_for_all_namespaces().items
    return {container.image for pod in pods for container in [*(pod.spec.init_containers or []), *pod.spec.containers]}


def _deleting_images(ecr: Any, deletion: dict[str, Any]) -> Callable[[], object]:
    def delete() -> None:
        failures = ecr.batch_delete_image(**deletion)["failures"]
        if failures:  # ECR answers 200 all the same
            raise OpsError("; ".join(each["failureReason"] for each in failures))

    return delete


def _call(method: Callable[..., object], **arguments: str) -> Callable[[], object]:
    return lambda: method(**arguments)


def _usd(service: str, item: str, region: str, quantity: float) -> float | None:
    try:
        return quantity * table().price(service, item, region)
    except UnknownPriceError:
        return None


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except ValueError:
        return None
