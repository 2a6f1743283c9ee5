"""The security groups that the component makes unless told to skip them.

Source: nodejs/eks/cluster/cluster.ts and nodejs/eks/nodes/securitygroup.ts of pulumi-eks.
"""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

Tags = Input[Mapping[str, Input[str]]] | None


def merged(name: str, *tags: Tags) -> Output[dict[str, str]]:
    """A `Name` tag, over it the tags in their order."""
    return Output.all(*tags).apply(
        lambda known: {"Name": name, **{key: value for each in known for key, value in (each or {}).items()}}
    )


def cluster_group(
    name: str, vpc_id: Input[str], tags: Tags, own_tags: Tags, parent: pulumi.Resource
) -> aws.ec2.SecurityGroup:
    """The group of the control plane, with its way out."""
    group = aws.ec2.SecurityGroup(
        f"{name}-eksClusterSecurityGroup",
        vpc_id=vpc_id,
        revoke_rules_on_delete=True,
        tags=merged(f"{name}-eksClusterSecurityGroup", own_tags, tags),
        opts=ResourceOptions(parent=parent),
    )
    _way_out(f"{name}-eksClusterInternetEgressRule", group.id, parent)
    return group


def node_group(
    name: str,
    vpc_id: Input[str],
    cluster: aws.eks.Cluster,
    cluster_group_id: Input[str],
    tags: Tags,
    own_tags: Tags,
    parent: pulumi.Resource,
) -> tuple[aws.ec2.SecurityGroup, aws.ec2.SecurityGroupRule]:
    """The group of the nodes with its rules, and the rule that lets the nodes reach the API server."""
    named = Output.all(tags, own_tags, cluster.name).apply(
        lambda known: {
            "Name": f"{name}-nodeSecurityGroup",
            f"kubernetes.io/cluster/{known[2]}": "owned",
            **(known[1] or {}),
            **(known[0] or {}),
        }
    )
    group = aws.ec2.SecurityGroup(
        f"{name}-nodeSecurityGroup",
        vpc_id=vpc_id,
        revoke_rules_on_delete=True,
        tags=named,
        opts=ResourceOptions(parent=parent),
    )
    _rule(f"{name}-eksNodeIngressRule", group.id, parent, "Allow nodes to communicate with each other", self_=True)
    _rule(
        f"{name}-eksNodeClusterIngressRule",
        group.id,
        parent,
        "Allow worker Kubelets and pods to receive communication from the cluster control plane",
        ports=(1025, 65535),
        source=cluster_group_id,
    )
    _rule(
        f"{name}-eksExtApiServerClusterIngressRule",
        group.id,
        parent,
        "Allow pods running extension API servers on port 443 to receive communication from cluster control plane",
        ports=(443, 443),
        source=cluster_group_id,
    )
    _way_out(f"{name}-eksNodeInternetEgressRule", group.id, parent)
    ingress = _rule(
        f"{name}-eksClusterIngressRule",
        cluster_group_id,
        parent,
        "Allow pods to communicate with the cluster API Server",
        ports=(443, 443),
        source=group.id,
    )
    return group, ingress


def _way_out(name: str, group_id: Input[str], parent: pulumi.Resource) -> None:
    _rule(name, group_id, parent, "Allow internet access.", direction="egress", cidr_blocks=["0.0.0.0/0"])


def _rule(
    name: str,
    group_id: Input[str],
    parent: pulumi.Resource,
    description: str,
    *,
    direction: str = "ingress",
    ports: tuple[int, int] | None = None,
    source: Input[str] | None = None,
    cidr_blocks: list[str] | None = None,
    self_: bool | None = None,
) -> aws.ec2.SecurityGroupRule:
    """One rule: TCP on the ports, or all traffic without them."""
    first, last = ports or (0, 0)
    return aws.ec2.SecurityGroupRule(
        name,
        description=description,
        type=direction,
        from_port=first,
        to_port=last,
        protocol="tcp" if ports else "-1",
        security_group_id=group_id,
        source_security_group_id=source,
        cidr_blocks=cidr_blocks,
        self=self_,
        opts=ResourceOptions(parent=parent),
    )
