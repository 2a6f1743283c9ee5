"""What must be there, or must not yet, before a creation, as AWS enforces it."""

import re
from collections.abc import Iterator
from typing import Any

from rehearsal.plugins.aws.account import Account
from rehearsal.plugins.aws.errors import AwsError

# Ids that only AWS gives out: one that the account does not know is a mistake of the program, or of the order.
_IDENTIFIER = re.compile(r"(vpc|subnet|sg|igw|nat|rtb|eipalloc|lt|vpce)-[0-9a-f]{17}")
_TYPES = {
    "vpc": ("aws:ec2/vpc:Vpc", "InvalidVpcID.NotFound", "The vpc ID '{id}' does not exist"),
    "subnet": ("aws:ec2/subnet:Subnet", "InvalidSubnetID.NotFound", "The subnet ID '{id}' does not exist"),
    "sg": ("aws:ec2/securityGroup:SecurityGroup", "InvalidGroup.NotFound", "The security group '{id}' does not exist"),
    "igw": (
        "aws:ec2/internetGateway:InternetGateway",
        "InvalidInternetGatewayID.NotFound",
        "The internetGateway ID '{id}' does not exist",
    ),
    "nat": ("aws:ec2/natGateway:NatGateway", "InvalidNatGatewayID.NotFound", "The natGateway ID '{id}' does not exist"),
    "rtb": ("aws:ec2/routeTable:RouteTable", "InvalidRouteTableID.NotFound", "The routeTable ID '{id}' does not exist"),
    "eipalloc": ("aws:ec2/eip:Eip", "InvalidAllocationID.NotFound", "The allocation ID '{id}' does not exist"),
    "lt": (
        "aws:ec2/launchTemplate:LaunchTemplate",
        "InvalidLaunchTemplateId.NotFound",
        "The specified launch template, with template ID {id}, does not exist.",
    ),
    "vpce": (
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "InvalidVpcEndpointId.NotFound",
        "The Vpc Endpoint Id '{id}' does not exist",
    ),
}
# Those that AWS makes along with something else have no file of their own: the default ones of a VPC, the group of a cluster.
_MADE_ALONG = {"sg": ("aws:ec2/vpc:Vpc", "aws:eks/cluster:Cluster"), "rtb": ("aws:ec2/vpc:Vpc",)}


def check_references(account: Account, inputs: Any) -> None:
    """Raises AwsError when an input names a network resource that the account does not have."""
    for identifier in sorted(set(_identifiers(inputs))):
        prefix = identifier.split("-")[0]
        kind, code, message = _TYPES[prefix]
        if account.get(kind, identifier) is None and not any(
            identifier in str(owner.outputs) for by in _MADE_ALONG.get(prefix, ()) for owner in account.all(by)
        ):
            raise AwsError(code, message.format(id=identifier))


def _identifiers(value: Any) -> Iterator[str]:
    if isinstance(value, str) and _IDENTIFIER.fullmatch(value):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _identifiers(item)
    elif isinstance(value, list):
        for item in value:
            yield from _identifiers(item)


_LOGGING_SERVICES = {
    "aws:rds/instance:Instance": ("identifier", "enabledCloudwatchLogsExports", "/aws/rds/instance/{name}/{log}"),
    "aws:eks/cluster:Cluster": ("name", "enabledClusterLogTypes", "/aws/eks/{name}/cluster"),
}
"""Services that make their log groups unless they find them: the property with the name, the one with the logs, the group's
name."""


def refuse_log_group_of_a_service(account: Account, resource_type: str, name: Any) -> None:
    """A log group comes before the service that writes to it, or not at all (terraform-provider-aws#5348).

    Raises AwsError for a log group that a service of this account has made already.
    """
    if resource_type != "aws:cloudwatch/logGroup:LogGroup":
        return
    for record in account.all():
        if record.type in _LOGGING_SERVICES:
            named, logs, pattern = _LOGGING_SERVICES[record.type]
            made = {pattern.format(name=record.value(named), log=log) for log in record.value(logs) or []}
            if name in made:
                raise AwsError("ResourceAlreadyExistsException", f"The specified log group already exists: {name}")
