"""What a deploy role may do to the network and the machines in it; ids of EC2 say nothing, so tags bind."""

from infra.delivery.scope import Scope
from infra.identity import Permission

MADE = (
    "elastic-ip",
    "internet-gateway",
    "launch-template",
    "natgateway",
    "network-acl",
    "route-table",
    "security-group",
    "security-group-rule",
    "subnet",
    "vpc",
    "vpc-endpoint",
    "vpc-flow-log",
)
"""Kinds of resource that the program makes; each is tagged as it is made."""

CREATE = (
    "AllocateAddress",
    "AuthorizeSecurityGroupEgress",
    "AuthorizeSecurityGroupIngress",
    "CreateFlowLogs",
    "CreateInternetGateway",
    "CreateLaunchTemplate",
    "CreateNatGateway",
    "CreateNetworkAcl",
    "CreateRouteTable",
    "CreateSecurityGroup",
    "CreateSubnet",
    "CreateVpc",
    "CreateVpcEndpoint",
)

MANAGE = (
    "AssociateRouteTable",
    "AssociateVpcCidrBlock",
    "AttachInternetGateway",
    "CreateLaunchTemplateVersion",
    "CreateNetworkAclEntry",
    "CreateRoute",
    "CreateSubnetCidrReservation",
    "DeleteFlowLogs",
    "DeleteInternetGateway",
    "DeleteLaunchTemplate",
    "DeleteLaunchTemplateVersions",
    "DeleteNatGateway",
    "DeleteNetworkAcl",
    "DeleteNetworkAclEntry",
    "DeleteRoute",
    "DeleteRouteTable",
    "DeleteSecurityGroup",
    "DeleteSubnet",
    "DeleteSubnetCidrReservation",
    "DeleteTags",
    "DeleteVpc",
    "DeleteVpcEndpoints",
    "DetachInternetGateway",
    "DisassociateAddress",
    "DisassociateRouteTable",
    "DisassociateVpcCidrBlock",
    "ModifyLaunchTemplate",
    "ModifySecurityGroupRules",
    "ModifySubnetAttribute",
    "ModifyVpcAttribute",
    "ModifyVpcEndpoint",
    "ReleaseAddress",
    "ReplaceNetworkAclAssociation",
    "ReplaceNetworkAclEntry",
    "ReplaceRoute",
    "ReplaceRouteTableAssociation",
    "RevokeSecurityGroupEgress",
    "RevokeSecurityGroupIngress",
    "UpdateSecurityGroupRuleDescriptionsEgress",
    "UpdateSecurityGroupRuleDescriptionsIngress",
)

DEFAULTS = ("network-acl", "route-table", "security-group")
"""What a VPC brings along without tags, and the program takes over by tagging it."""


def network(scope: Scope) -> dict[str, Permission]:
    """VPC, subnets, gateways, routes, endpoints, flow logs and security groups, and the nodes' launch templates."""
    made = scope.arns("ec2", *(f"{kind}/*" for kind in MADE))
    anything = scope.arns("ec2", "*/*")
    create = [f"ec2:{action}" for action in CREATE]
    return {
        # A creation is asked for on the new resource and on those that it names: one statement for each.
        "MakeTagged": Permission(actions=create, resources=made, conditions=scope.created),
        "MakeWithin": Permission(actions=create, resources=made, conditions=scope.owned),
        "TagWhileMaking": Permission(
            actions=["ec2:CreateTags"],
            resources=anything,
            conditions={"StringEquals": {"ec2:CreateAction": [*CREATE, "RunInstances"]}},
        ),
        "TagDefaults": Permission(
            actions=["ec2:CreateTags"],
            resources=scope.arns("ec2", *(f"{kind}/*" for kind in DEFAULTS)),
            conditions=scope.claimed,
        ),
        "Manage": Permission(
            actions=["ec2:CreateTags", *(f"ec2:{action}" for action in MANAGE)],
            resources=anything,
            conditions=scope.owned,
        ),
    }


def launching(scope: Scope) -> dict[str, Permission]:
    """EKS starts nodes, and asks first whether its caller might.

    EC2 user guide, "IAM permissions required for Amazon EC2 launch templates".
    """
    images = ["arn:aws:ec2:*::image/*"]  # AWS's own
    templates = {"ArnLike": {"ec2:LaunchTemplate": scope.arns("ec2", "launch-template/*")[0]}}
    run = ["ec2:RunInstances"]
    return {
        "LaunchTagged": Permission(run, scope.arns("ec2", "instance/*", "volume/*"), scope.created),
        "LaunchWithin": Permission(run, scope.arns("ec2", "launch-template/*", "subnet/*"), scope.owned),
        "LaunchWith": Permission(
            run, [*images, *scope.arns("ec2", "network-interface/*", "security-group/*")], templates
        ),
    }
