"""What hinders a deletion, as AWS enforces it: a wrong order of a destroy fails here as it would fail there."""

from dataclasses import dataclass
from typing import Any

from rehearsal.plugins.aws.account import Account, Record
from rehearsal.plugins.aws.errors import AwsError


@dataclass(frozen=True)
class Hindrance:
    """Resources of type `by` whose property `path` (a value or a list, or within a list) has the victim's `names` hinder it."""

    by: str
    path: str
    code: str
    message: str
    names: str = "id"


def _uses_subnet(by: str, path: str) -> Hindrance:
    return Hindrance(by, path, "DependencyViolation", "The subnet '{id}' has dependencies and cannot be deleted.")


def _uses_group(by: str, path: str) -> Hindrance:
    return Hindrance(by, path, "DependencyViolation", "resource {id} has a dependent object")


def _in_vpc(by: str) -> Hindrance:
    return Hindrance(by, "vpcId", "DependencyViolation", "The vpc '{id}' has dependencies and cannot be deleted.")


_DETACH = "Cannot delete entity, must detach all policies first."

HINDRANCES: dict[str, list[Hindrance]] = {
    "aws:ec2/vpc:Vpc": [
        _in_vpc("aws:ec2/subnet:Subnet"),
        _in_vpc("aws:ec2/securityGroup:SecurityGroup"),
        _in_vpc("aws:ec2/internetGateway:InternetGateway"),
        _in_vpc("aws:ec2/routeTable:RouteTable"),
        _in_vpc("aws:ec2/vpcEndpoint:VpcEndpoint"),
        _in_vpc("aws:lb/targetGroup:TargetGroup"),
    ],
    "aws:ec2/subnet:Subnet": [
        _uses_subnet("aws:ec2/natGateway:NatGateway", "subnetId"),
        _uses_subnet("aws:ec2/vpcEndpoint:VpcEndpoint", "subnetIds"),
        _uses_subnet("aws:eks/nodeGroup:NodeGroup", "subnetIds"),
        _uses_subnet("aws:eks/cluster:Cluster", "vpcConfig.subnetIds"),
        _uses_subnet("aws:lb/loadBalancer:LoadBalancer", "subnets"),
        _uses_subnet("aws:elasticache/serverlessCache:ServerlessCache", "subnetIds"),
    ],
    "aws:ec2/securityGroup:SecurityGroup": [
        _uses_group("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "referencedSecurityGroupId"),
        _uses_group("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "referencedSecurityGroupId"),
        _uses_group("aws:ec2/securityGroupRule:SecurityGroupRule", "sourceSecurityGroupId"),
        _uses_group("aws:ec2/vpcEndpoint:VpcEndpoint", "securityGroupIds"),
        _uses_group("aws:rds/instance:Instance", "vpcSecurityGroupIds"),
        _uses_group("aws:elasticache/replicationGroup:ReplicationGroup", "securityGroupIds"),
        _uses_group("aws:elasticache/serverlessCache:ServerlessCache", "securityGroupIds"),
        _uses_group("aws:eks/cluster:Cluster", "vpcConfig.securityGroupIds"),
        _uses_group("aws:lb/loadBalancer:LoadBalancer", "securityGroups"),
    ],
    "aws:ec2/eip:Eip": [
        Hindrance(
            "aws:ec2/natGateway:NatGateway", "allocationId", "InvalidIPAddress.InUse", "Address {publicIp} is in use."
        )
    ],
    "aws:ec2/routeTable:RouteTable": [
        Hindrance(
            "aws:ec2/routeTableAssociation:RouteTableAssociation",
            "routeTableId",
            "DependencyViolation",
            "The routeTable '{id}' has dependencies and cannot be deleted.",
        )
    ],
    "aws:iam/role:Role": [
        Hindrance("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "role", "DeleteConflict", _DETACH),
        Hindrance(
            "aws:iam/rolePolicy:RolePolicy",
            "role",
            "DeleteConflict",
            "Cannot delete entity, must delete policies first.",
        ),
        Hindrance(
            "aws:iam/instanceProfile:InstanceProfile",
            "role",
            "DeleteConflict",
            "Cannot delete entity, must remove roles from instance profile first.",
        ),
    ],
    "aws:iam/policy:Policy": [
        Hindrance(
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            "policyArn",
            "DeleteConflict",
            "Cannot delete a policy attached to entities.",
        )
    ],
    "aws:eks/cluster:Cluster": [
        Hindrance(
            "aws:eks/nodeGroup:NodeGroup", "clusterName", "ResourceInUseException", "Cluster has nodegroups attached"
        ),
    ],
    "aws:rds/subnetGroup:SubnetGroup": [
        Hindrance(
            "aws:rds/instance:Instance",
            "dbSubnetGroupName",
            "InvalidDBSubnetGroupStateFault",
            "Cannot delete the subnet group '{id}' because at least one database instance: {other} is still using it.",
        )
    ],
    "aws:rds/parameterGroup:ParameterGroup": [
        Hindrance(
            "aws:rds/instance:Instance",
            "parameterGroupName",
            "InvalidDBParameterGroupState",
            "One or more database instances are still members of this parameter group {id}, so the group cannot be deleted",
        )
    ],
    "aws:elasticache/subnetGroup:SubnetGroup": [
        Hindrance(
            "aws:elasticache/replicationGroup:ReplicationGroup",
            "subnetGroupName",
            "CacheSubnetGroupInUse",
            "Cache subnet group {id} is currently in use by a cache cluster.",
        )
    ],
    "aws:elasticache/parameterGroup:ParameterGroup": [
        Hindrance(
            "aws:elasticache/replicationGroup:ReplicationGroup",
            "parameterGroupName",
            "InvalidCacheParameterGroupState",
            "One or more cache clusters are still members of this parameter group {id}, so the group cannot be deleted.",
        )
    ],
    "aws:acm/certificate:Certificate": [
        Hindrance(
            "aws:lb/listener:Listener",
            "certificateArn",
            "ResourceInUseException",
            "Certificate {id} is in use. Certificate must be disassociated from all resources before it can be deleted.",
        )
    ],
    "aws:lb/targetGroup:TargetGroup": [
        Hindrance(by, path, "ResourceInUse", "Target group '{id}' is currently in use by a listener or a rule")
        for by, path in (
            ("aws:lb/listener:Listener", "defaultActions.targetGroupArn"),
            ("aws:lb/listenerRule:ListenerRule", "actions.targetGroupArn"),
        )
    ],
    "aws:wafv2/webAcl:WebAcl": [
        Hindrance(
            "aws:wafv2/webAclAssociation:WebAclAssociation",
            "webAclArn",
            "WAFAssociatedItemException",
            "AWS WAF couldn't perform the operation because your resource is being used by another resource or it's "
            "associated with another resource.",
            names="arn",
        )
    ],
    "aws:backup/plan:Plan": [
        Hindrance(
            "aws:backup/selection:Selection",
            "planId",
            "InvalidRequestException",
            "Related backup plan selections must be deleted prior to backup plan deletion",
        )
    ],
    "aws:backup/restoreTestingPlan:RestoreTestingPlan": [
        Hindrance(
            "aws:backup/restoreTestingSelection:RestoreTestingSelection",
            "restoreTestingPlanName",
            "InvalidRequestException",
            "Restore testing selections of the plan {id} must be deleted first",
        )
    ],
    "aws:elasticache/userGroup:UserGroup": [
        Hindrance(
            "aws:elasticache/replicationGroup:ReplicationGroup",
            "userGroupIds",
            "InvalidUserGroupState",
            "User group {id} is associated with replication group {other}.",
        ),
        Hindrance(
            "aws:elasticache/serverlessCache:ServerlessCache",
            "userGroupId",
            "InvalidUserGroupState",
            "User group {id} is associated with serverless cache {other}.",
        ),
    ],
}


def check_deletion(account: Account, record: Record) -> None:
    """Raises AwsError when AWS would not delete the resource now."""
    _check_protection(record)
    for hindrance in HINDRANCES.get(record.type, []):
        if hindrance.message == _DETACH and record.value("forceDetachPolicies"):
            continue
        wanted = record.id if hindrance.names == "id" else record.value(hindrance.names)
        for other in account.all(hindrance.by):
            if wanted in _values_at(other, hindrance.path):
                raise AwsError(
                    hindrance.code,
                    hindrance.message.format(id=record.id, other=other.id, publicIp=record.value("publicIp")),
                )
    if record.type == "aws:ec2/subnet:Subnet":
        _check_group_members(account, record)
    if record.type == "aws:ec2/internetGateway:InternetGateway":
        _check_public_addresses(account, record)


def _check_protection(record: Record) -> None:
    """Deletion protection, as each service words it."""
    if record.type == "aws:rds/instance:Instance":
        if record.value("deletionProtection"):
            raise AwsError(
                "InvalidParameterCombination",
                "Cannot delete protected DB Instance, please disable deletion protection and try again.",
            )
        if not record.value("skipFinalSnapshot") and not record.value("finalSnapshotIdentifier"):
            raise AwsError(
                "InvalidParameterCombination", "final_snapshot_identifier is required when skip_final_snapshot is false"
            )
    if record.type == "aws:eks/cluster:Cluster" and record.value("deletionProtection"):
        raise AwsError(
            "InvalidRequestException",
            f"Cluster {record.id} has deletion protection enabled. Disable deletion protection before deleting the cluster.",
        )
    if record.type == "aws:lb/loadBalancer:LoadBalancer" and record.value("enableDeletionProtection"):
        raise AwsError(
            "OperationNotPermitted",
            f"Load balancer '{record.id}' cannot be deleted because deletion protection is enabled",
        )


def _check_group_members(account: Account, subnet: Record) -> None:
    """Databases and caches reach a subnet through their subnet group and keep network interfaces there."""
    for users, groups, name in (
        ("aws:rds/instance:Instance", "aws:rds/subnetGroup:SubnetGroup", "dbSubnetGroupName"),
        (
            "aws:elasticache/replicationGroup:ReplicationGroup",
            "aws:elasticache/subnetGroup:SubnetGroup",
            "subnetGroupName",
        ),
    ):
        for user in account.all(users):
            group = account.get(groups, str(user.value(name)))
            if group is not None and subnet.id in _values(group.value("subnetIds")):
                raise AwsError(
                    "DependencyViolation", f"The subnet '{subnet.id}' has dependencies and cannot be deleted."
                )


def _check_public_addresses(account: Account, gateway: Record) -> None:
    owner = gateway.value("vpcId")
    public = [nat for nat in account.all("aws:ec2/natGateway:NatGateway") if nat.value("connectivityType") == "public"]
    public += [each for each in account.all("aws:lb/loadBalancer:LoadBalancer") if not each.value("internal")]
    if owner and any(each.value("vpcId") == owner for each in public):
        raise AwsError(
            "DependencyViolation",
            f"Network {owner} has some mapped public address(es). "
            "Please unmap those public address(es) before detaching the gateway.",
        )


def _values_at(record: Record, path: str) -> list[Any]:
    """The values at a dotted path; of a list in between, those of every item."""
    first, _, rest = path.partition(".")
    within = record.value(first)
    if rest and isinstance(within, list):
        return [item[rest] for item in within if isinstance(item, dict) and rest in item]
    return _values(record.value(path))


def _values(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [] if found is None else [found]
