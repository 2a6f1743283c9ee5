"""Security groups: who may come in, on one port; and a group for a data store that only named clients can pass."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions


@dataclass(frozen=True)
class DataNetwork:
    """Where a data store lives and who may connect: security groups by name."""

    vpc_id: Input[str]
    subnet_ids: list[Output[str]]
    clients: Mapping[str, Input[str]]


def fence(name: str, description: str, network: DataNetwork, port: int, opts: ResourceOptions) -> Output[str]:
    """Makes a security group without a way out and with one ingress rule for each client group; returns its id."""
    group = aws.ec2.SecurityGroup(
        f"{name}-fence",
        vpc_id=network.vpc_id,
        description=description,
        tags={"Name": f"{name}-fence"},
        opts=opts,
    )
    for client, group_id in network.clients.items():
        admit(f"{name}-from-{client}", group.id, port, f"From {client}", opts, client_id=group_id)
    return group.id


def admit(
    name: str,
    group_id: Input[str],
    port: int,
    description: str,
    opts: ResourceOptions,
    *,
    cidr: str | None = None,
    client_id: Input[str] | None = None,
) -> None:
    """Opens one TCP port of a security group, to addresses or to another security group."""
    aws.vpc.SecurityGroupIngressRule(
        name,
        security_group_id=group_id,
        cidr_ipv4=cidr,
        referenced_security_group_id=client_id,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        description=description,
        opts=opts,
    )


def tail(identifier: Output[str]) -> Output[str]:
    """The part of an AWS identifier behind its prefix: `0abc` of `sg-0abc`."""
    return identifier.apply(lambda value: value.rsplit("-", 1)[-1])
