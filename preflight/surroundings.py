"""What must stand around the stack: its names, its images, networks that it does not collide with."""

import ipaddress
from collections.abc import Iterator

from infra.naming import aws_tags
from infra.recovery import REGISTRY_HOST
from preflight.account import Account
from preflight.findings import Finding, fault, fine, warning
from stacks.settings import AwsSettings


def names(account: Account, settings: AwsSettings) -> Iterator[Finding]:
    """Whether each hosted zone exists, is public, and holds the domain."""
    wanted = []
    if settings.edge:
        wanted.append(("edge.hosted_zone_id", settings.edge.hosted_zone_id, settings.edge.domain))
    if settings.cdn:
        wanted.append(("cdn.zone_id", settings.cdn.zone_id, settings.cdn.domain))
    client = account.client("route53")
    for key, zone_id, domain in wanted:
        check = f"DNS: {domain}"
        try:
            zone = client.get_hosted_zone(Id=zone_id)["HostedZone"]
        except (client.exceptions.NoSuchHostedZone, client.exceptions.InvalidInput):
            yield fault(
                check,
                f"{key}: the account has no zone {zone_id}",
                "write the id that aws route53 list-hosted-zones shows",
            )
            continue
        name = zone["Name"].rstrip(".")
        if zone["Config"].get("PrivateZone"):
            yield fault(
                check,
                f"{key}: {zone_id} ({name}) is private; nobody outside sees it, and no certificate is issued",
                "write the id of the public zone",
            )
        elif domain != name and not domain.endswith(f".{name}"):
            yield fault(
                check, f"{key}: the domain does not lie in {zone_id}, which is {name}", f"choose a name in {name}"
            )
        else:
            yield fine(check, f"lies in {zone_id} ({name}); that the world is delegated to it is not asked here")


def images(account: Account, settings: AwsSettings) -> Iterator[Finding]:
    """Whether each image that lies in ECR is there; nodes could not pull it otherwise."""
    every = {"app.image": settings.app.image}
    every |= {f"workloads.{name}.image": workload.image for name, workload in settings.workloads.items()}
    for key, image in every.items():
        found = REGISTRY_HOST.match(image)
        if found is None:
            yield fine("images", f"{key}: {image} does not lie in ECR, and is not asked for")
            continue
        repository, digest, tag = _parts(image[found.end() :])
        client = account.client("ecr", found["region"])
        try:
            client.describe_images(
                registryId=found["account"],
                repositoryName=repository,
                imageIds=[{"imageDigest": digest} if digest else {"imageTag": tag}],
            )
        except client.exceptions.RepositoryNotFoundException:
            yield fault(
                "images",
                f"{key}: {found['region']} has no repository {repository}",
                "bring up the account's own stack (docs/procedures/first-account.md), or correct the key",
            )
        except client.exceptions.ImageNotFoundException:
            yield fault(
                "images", f"{key}: {repository} has no image {digest or tag}", "push it, or write one that is there"
            )
        else:
            yield fine("images", f"{key}: {image} is there")


def _parts(rest: str) -> tuple[str, str, str]:
    """Repository, digest and tag of `repository[:tag][@digest]`."""
    named, _, digest = rest.partition("@")
    repository, _, tag = named.partition(":")
    return repository, digest, tag or "latest"


def networks(account: Account, settings: AwsSettings, stack: str) -> Iterator[Finding]:
    """Whether the VPC's addresses are free, so that it could be peered; the stack's own VPC does not count."""
    check, wanted, own = "network", ipaddress.IPv4Network(settings.network.cidr), aws_tags(stack)
    shared = False
    for vpc in account.pages("ec2", "describe_vpcs", "Vpcs"):
        tags = {tag["Key"]: tag["Value"] for tag in vpc.get("Tags", [])}
        if all(tags.get(key) == value for key, value in own.items()):
            yield warning(
                check,
                f"{vpc['VpcId']} is this stack's already: what it has is counted as used, and needed once more",
                "a preflight is for the time before the first up; read the quotas with that in mind",
            )
            continue
        for block in vpc.get("CidrBlockAssociationSet") or [{"CidrBlock": vpc["CidrBlock"]}]:
            if wanted.overlaps(ipaddress.IPv4Network(block["CidrBlock"])):
                shared = True
                yield warning(
                    check,
                    f"network.cidr {wanted} overlaps {block['CidrBlock']} of {vpc['VpcId']}: the two could never be connected",
                    "choose other addresses while nothing stands on them",
                )
    if not shared:
        yield fine(check, f"{wanted} overlaps no other VPC of {account.region}")
