"""What making each type of resource asks of IAM: action, resource, and what the request says about itself.

A type that the program makes and that is not here fails a test: add it, and its actions to infra/delivery. `{name}` is the
physical name where the program gives one, else the logical name as auto-naming begins with it; other braces are inputs.
Source: AWS Service Authorization Reference.
"""

from typing import Final

Ask = tuple[str, str, str]
"""Action, ARN, context: `made` (the request has the environment's tags), `owned` (the resource has them), `bound` (the
role's boundary), or nothing."""

ACCOUNT: Final = "111122223333"
HERE: Final = f"eu-west-3:{ACCOUNT}"


def _ec2(action: str, kind: str, context: str = "made") -> Ask:
    return (f"ec2:{action}", f"arn:aws:ec2:{HERE}:{kind}/{kind}-0abc", context)


def _bucket(action: str) -> tuple[Ask, ...]:
    return ((f"s3:{action}", "arn:aws:s3:::{bucket}", ""),)


def _role(action: str) -> Ask:
    return (f"iam:{action}", f"arn:aws:iam::{ACCOUNT}:role/{{role}}", "bound")


def _eks(action: str, *more: str) -> tuple[Ask, ...]:
    return tuple((f"eks:{each}", f"arn:aws:eks:{HERE}:cluster/{{cluster}}", "") for each in (action, *more))


CREATES: Final[dict[str, tuple[Ask, ...]]] = {
    "aws:acm/certificate:Certificate": (
        ("acm:RequestCertificate", f"arn:aws:acm:{HERE}:certificate/0abc", "made"),
        ("acm:AddTagsToCertificate", f"arn:aws:acm:{HERE}:certificate/0abc", "made"),
        ("acm:DeleteCertificate", f"arn:aws:acm:{HERE}:certificate/0abc", "owned"),
    ),
    "aws:acm/certificateValidation:CertificateValidation": (
        ("acm:DescribeCertificate", f"arn:aws:acm:{HERE}:certificate/0abc", "owned"),
    ),
    "aws:backup/plan:Plan": (("backup:CreateBackupPlan", f"arn:aws:backup:{HERE}:backup-plan:0abc", "made"),),
    "aws:backup/selection:Selection": (
        ("backup:CreateBackupSelection", f"arn:aws:backup:{HERE}:backup-plan:0abc", "owned"),
    ),
    "aws:backup/vault:Vault": (
        ("backup:CreateBackupVault", f"arn:aws:backup:{HERE}:backup-vault:{{name}}", "made"),
        ("backup-storage:MountCapsule", "*", ""),
    ),
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": (
        ("backup:PutBackupVaultLockConfiguration", f"arn:aws:backup:{HERE}:backup-vault:{{name}}", ""),
    ),
    "aws:backup/vaultPolicy:VaultPolicy": (
        ("backup:PutBackupVaultAccessPolicy", f"arn:aws:backup:{HERE}:backup-vault:{{name}}", ""),
    ),
    "aws:backup/vaultNotifications:VaultNotifications": (
        ("backup:PutBackupVaultNotifications", f"arn:aws:backup:{HERE}:backup-vault:{{name}}", ""),
    ),
    "aws:backup/restoreTestingPlan:RestoreTestingPlan": (
        ("backup:CreateRestoreTestingPlan", f"arn:aws:backup:{HERE}:restore-testing-plan:a_b", "made"),
    ),
    "aws:backup/restoreTestingSelection:RestoreTestingSelection": (
        ("backup:CreateRestoreTestingSelection", f"arn:aws:backup:{HERE}:restore-testing-plan:a_b", "owned"),
    ),
    "aws:budgets/budget:Budget": (("budgets:ModifyBudget", f"arn:aws:budgets::{ACCOUNT}:budget/{{name}}", "made"),),
    "aws:cloudfront/distribution:Distribution": (
        ("cloudfront:CreateDistribution", f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1", "made"),
        ("cloudfront:TagResource", f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1", "made"),
        ("cloudfront:DeleteDistribution", f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1", "owned"),
    ),
    "aws:cloudfront/originAccessControl:OriginAccessControl": (
        ("cloudfront:CreateOriginAccessControl", f"arn:aws:cloudfront::{ACCOUNT}:origin-access-control/E1", ""),
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": (
        ("cloudwatch:PutCompositeAlarm", f"arn:aws:cloudwatch:{HERE}:alarm:{{name}}", "made"),
    ),
    "aws:cloudwatch/dashboard:Dashboard": (
        ("cloudwatch:PutDashboard", f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{{name}}", ""),
    ),
    "aws:cloudwatch/eventRule:EventRule": (("events:PutRule", f"arn:aws:events:{HERE}:rule/{{name}}", "made"),),
    "aws:cloudwatch/eventTarget:EventTarget": (("events:PutTargets", f"arn:aws:events:{HERE}:rule/{{name}}", ""),),
    "aws:cloudwatch/logGroup:LogGroup": tuple(
        (f"logs:{action}", f"arn:aws:logs:{HERE}:log-group:{{name}}", "made")
        for action in ("CreateLogGroup", "AssociateKmsKey", "PutRetentionPolicy", "TagResource", "DeleteLogGroup")
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        ("cloudwatch:PutMetricAlarm", f"arn:aws:cloudwatch:{HERE}:alarm:{{name}}", "made"),
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": (
        _ec2("CreateTags", "security-group"),
        _ec2("RevokeSecurityGroupIngress", "security-group", "owned"),
        _ec2("RevokeSecurityGroupEgress", "security-group", "owned"),
    ),
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": (
        _ec2("CreateTags", "network-acl"),
        _ec2("DeleteNetworkAclEntry", "network-acl", "owned"),
    ),
    "aws:ec2/defaultRouteTable:DefaultRouteTable": (
        _ec2("CreateTags", "route-table"),
        _ec2("DeleteRoute", "route-table", "owned"),
    ),
    "aws:ec2/eip:Eip": (_ec2("AllocateAddress", "elastic-ip"), _ec2("ReleaseAddress", "elastic-ip", "owned")),
    "aws:ec2/flowLog:FlowLog": (_ec2("CreateFlowLogs", "vpc-flow-log"), _ec2("CreateFlowLogs", "vpc", "owned")),
    "aws:ec2/internetGateway:InternetGateway": (
        _ec2("CreateInternetGateway", "internet-gateway"),
        _ec2("AttachInternetGateway", "vpc", "owned"),
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": (
        _ec2("CreateLaunchTemplate", "launch-template"),
        _ec2("CreateLaunchTemplateVersion", "launch-template", "owned"),
        _ec2("DeleteLaunchTemplate", "launch-template", "owned"),
    ),
    "aws:ec2/natGateway:NatGateway": (
        _ec2("CreateNatGateway", "natgateway"),
        _ec2("CreateNatGateway", "subnet", "owned"),
        _ec2("CreateNatGateway", "elastic-ip", "owned"),
    ),
    "aws:ec2/networkAcl:NetworkAcl": (_ec2("CreateNetworkAcl", "network-acl"),),
    "aws:ec2/networkAclRule:NetworkAclRule": (_ec2("CreateNetworkAclEntry", "network-acl", "owned"),),
    "aws:ec2/route:Route": (_ec2("CreateRoute", "route-table", "owned"),),
    "aws:ec2/routeTable:RouteTable": (
        _ec2("CreateRouteTable", "route-table"),
        _ec2("CreateRouteTable", "vpc", "owned"),
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": (
        _ec2("AssociateRouteTable", "route-table", "owned"),
        _ec2("AssociateRouteTable", "subnet", "owned"),
    ),
    "aws:ec2/securityGroup:SecurityGroup": (
        _ec2("CreateSecurityGroup", "security-group"),
        _ec2("CreateSecurityGroup", "vpc", "owned"),
        _ec2("DeleteSecurityGroup", "security-group", "owned"),
    ),
    "aws:ec2/subnet:Subnet": (_ec2("CreateSubnet", "subnet"), _ec2("ModifySubnetAttribute", "subnet", "owned")),
    "aws:ec2/subnetCidrReservation:SubnetCidrReservation": (_ec2("CreateSubnetCidrReservation", "subnet", "owned"),),
    "aws:ec2/vpc:Vpc": (_ec2("CreateVpc", "vpc"), _ec2("ModifyVpcAttribute", "vpc", "owned")),
    "aws:ec2/vpcEndpoint:VpcEndpoint": (
        _ec2("CreateVpcEndpoint", "vpc-endpoint"),
        _ec2("CreateVpcEndpoint", "route-table", "owned"),
        _ec2("DeleteVpcEndpoints", "vpc-endpoint", "owned"),
    ),
    "aws:eks/accessEntry:AccessEntry": _eks("CreateAccessEntry"),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": _eks("AssociateAccessPolicy"),
    "aws:eks/addon:Addon": _eks("CreateAddon"),
    "aws:eks/cluster:Cluster": _eks("CreateCluster", "TagResource", "UpdateClusterVersion", "DeleteCluster"),
    "aws:eks/nodeGroup:NodeGroup": (
        *_eks("CreateNodegroup"),
        ("ec2:RunInstances", f"arn:aws:ec2:{HERE}:instance/*", "made"),
        ("ec2:RunInstances", f"arn:aws:ec2:{HERE}:volume/*", "made"),
        ("ec2:RunInstances", f"arn:aws:ec2:{HERE}:subnet/subnet-0abc", "owned"),
        ("ec2:RunInstances", f"arn:aws:ec2:{HERE}:security-group/sg-0abc", "template"),
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _eks("CreatePodIdentityAssociation"),
    "aws:elasticache/parameterGroup:ParameterGroup": (
        ("elasticache:CreateCacheParameterGroup", f"arn:aws:elasticache:{HERE}:parametergroup:{{name}}", "made"),
    ),
    "aws:elasticache/replicationGroup:ReplicationGroup": tuple(
        (f"elasticache:{action}", f"arn:aws:elasticache:{HERE}:replicationgroup:{{name}}", "made")
        for action in (
            "CreateReplicationGroup",
            "ModifyReplicationGroup",
            "IncreaseReplicaCount",
            "DeleteReplicationGroup",
        )
    ),
    "aws:elasticache/serverlessCache:ServerlessCache": (
        ("elasticache:CreateServerlessCache", f"arn:aws:elasticache:{HERE}:serverlesscache:{{name}}", "made"),
    ),
    "aws:elasticache/subnetGroup:SubnetGroup": (
        ("elasticache:CreateCacheSubnetGroup", f"arn:aws:elasticache:{HERE}:subnetgroup:{{name}}", "made"),
    ),
    "aws:elasticache/user:User": (("elasticache:CreateUser", f"arn:aws:elasticache:{HERE}:user:{{name}}", "made"),),
    "aws:elasticache/userGroup:UserGroup": (
        ("elasticache:CreateUserGroup", f"arn:aws:elasticache:{HERE}:usergroup:{{name}}", "made"),
    ),
    "aws:iam/policy:Policy": (("iam:CreatePolicy", f"arn:aws:iam::{ACCOUNT}:policy/{{name}}", "made"),),
    "aws:iam/role:Role": (
        ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/{{name}}", "bound"),
        ("iam:TagRole", f"arn:aws:iam::{ACCOUNT}:role/{{name}}", ""),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/{{name}}", "passed"),
        ("iam:DeleteRole", f"arn:aws:iam::{ACCOUNT}:role/{{name}}", ""),
    ),
    "aws:iam/rolePolicy:RolePolicy": (_role("PutRolePolicy"), _role("DeleteRolePolicy")),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": (_role("AttachRolePolicy"), _role("DetachRolePolicy")),
    "aws:kms/alias:Alias": (
        ("kms:CreateAlias", f"arn:aws:kms:{HERE}:{{name}}", ""),
        ("kms:CreateAlias", f"arn:aws:kms:{HERE}:key/0abc", "owned"),
    ),
    "aws:kms/key:Key": (
        ("kms:CreateKey", "*", "made"),
        ("kms:TagResource", f"arn:aws:kms:{HERE}:key/0abc", "made"),
        ("kms:PutKeyPolicy", f"arn:aws:kms:{HERE}:key/0abc", "owned"),
        ("kms:ScheduleKeyDeletion", f"arn:aws:kms:{HERE}:key/0abc", "owned"),
    ),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": (
        ("logs:PutResourcePolicy", "*", ""),
        ("logs:DeleteResourcePolicy", "*", ""),
    ),
    "aws:rds/eventSubscription:EventSubscription": (
        ("rds:CreateEventSubscription", f"arn:aws:rds:{HERE}:es:{{name}}", "made"),
        ("rds:DeleteEventSubscription", f"arn:aws:rds:{HERE}:es:{{name}}", ""),
    ),
    "aws:lb/listener:Listener": (
        ("elasticloadbalancing:CreateListener", f"arn:aws:elasticloadbalancing:{HERE}:loadbalancer/app/a/1", "owned"),
    ),
    "aws:lb/listenerRule:ListenerRule": (
        ("elasticloadbalancing:CreateRule", f"arn:aws:elasticloadbalancing:{HERE}:listener/app/a/1/2", "owned"),
        ("elasticloadbalancing:DeleteRule", f"arn:aws:elasticloadbalancing:{HERE}:listener-rule/app/a/1/2/3", "owned"),
    ),
    "aws:lb/loadBalancer:LoadBalancer": (
        (
            "elasticloadbalancing:CreateLoadBalancer",
            f"arn:aws:elasticloadbalancing:{HERE}:loadbalancer/app/a/1",
            "made",
        ),
        ("elasticloadbalancing:AddTags", f"arn:aws:elasticloadbalancing:{HERE}:loadbalancer/app/a/1", "made"),
    ),
    "aws:lb/targetGroup:TargetGroup": (
        ("elasticloadbalancing:CreateTargetGroup", f"arn:aws:elasticloadbalancing:{HERE}:targetgroup/a/1", "made"),
    ),
    "aws:rds/instance:Instance": (
        *(
            (f"rds:{action}", f"arn:aws:rds:{HERE}:db:{{name}}", "made")
            for action in ("CreateDBInstance", "AddTagsToResource", "ModifyDBInstance", "DeleteDBInstance")
        ),
        ("secretsmanager:CreateSecret", f"arn:aws:secretsmanager:{HERE}:secret:rds!db-0abc", ""),
        ("kms:CreateGrant", f"arn:aws:kms:{HERE}:key/0abc", "lent"),
    ),
    "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": (
        ("rds:StartDBInstanceAutomatedBackupsReplication", f"arn:aws:rds:{HERE}:db:{{name}}", ""),
    ),
    "aws:rds/parameterGroup:ParameterGroup": (
        ("rds:CreateDBParameterGroup", f"arn:aws:rds:{HERE}:pg:{{name}}", "made"),
    ),
    "aws:rds/subnetGroup:SubnetGroup": (("rds:CreateDBSubnetGroup", f"arn:aws:rds:{HERE}:subgrp:{{name}}", "made"),),
    "aws:route53/healthCheck:HealthCheck": (("route53:CreateHealthCheck", "arn:aws:route53:::healthcheck/*", ""),),
    "aws:route53/record:Record": (("route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z0EXAMPLE", ""),),
    "aws:s3/bucket:Bucket": (*_bucket("CreateBucket"), *_bucket("PutBucketTagging"), *_bucket("DeleteBucket")),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _bucket("PutLifecycleConfiguration"),
    "aws:s3/bucketLogging:BucketLogging": _bucket("PutBucketLogging"),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _bucket("PutBucketOwnershipControls"),
    "aws:s3/bucketPolicy:BucketPolicy": _bucket("PutBucketPolicy"),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _bucket("PutBucketPublicAccessBlock"),
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": _bucket("PutReplicationConfiguration"),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _bucket(
        "PutEncryptionConfiguration"
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _bucket("PutBucketVersioning"),
    "aws:secretsmanager/secret:Secret": (
        ("secretsmanager:CreateSecret", f"arn:aws:secretsmanager:{HERE}:secret:{{name}}", "made"),
    ),
    "aws:sns/topic:Topic": (("sns:CreateTopic", f"arn:aws:sns:{HERE}:{{name}}", "made"),),
    "aws:sns/topicPolicy:TopicPolicy": (("sns:SetTopicAttributes", f"arn:aws:sns:{HERE}:{{name}}", ""),),
    "aws:sns/topicSubscription:TopicSubscription": (("sns:Subscribe", f"arn:aws:sns:{HERE}:{{name}}", ""),),
    "aws:ssm/parameter:Parameter": (("ssm:PutParameter", f"arn:aws:ssm:{HERE}:parameter/{{name}}", "made"),),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": (
        _ec2("AuthorizeSecurityGroupEgress", "security-group", "owned"),
        _ec2("AuthorizeSecurityGroupEgress", "security-group-rule"),
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": (
        _ec2("AuthorizeSecurityGroupIngress", "security-group", "owned"),
        _ec2("AuthorizeSecurityGroupIngress", "security-group-rule"),
        _ec2("RevokeSecurityGroupIngress", "security-group", "owned"),
    ),
    "aws:wafv2/webAcl:WebAcl": (
        ("wafv2:CreateWebACL", f"arn:aws:wafv2:{HERE}:regional/webacl/{{name}}/1", "made"),
        ("wafv2:CreateWebACL", f"arn:aws:wafv2:{HERE}:regional/managedruleset/AWS/1", "made"),
    ),
    "aws:wafv2/webAclAssociation:WebAclAssociation": (
        ("wafv2:AssociateWebACL", f"arn:aws:wafv2:{HERE}:regional/webacl/{{name}}/1", ""),
        ("elasticloadbalancing:SetWebACL", f"arn:aws:elasticloadbalancing:{HERE}:loadbalancer/app/a/1", "owned"),
    ),
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": (
        ("wafv2:PutLoggingConfiguration", f"arn:aws:wafv2:{HERE}:regional/webacl/{{name}}/1", ""),
    ),
}

MADE_BY_EKS: Final = (
    "aws:eks/accessEntry:AccessEntry",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    "aws:eks/cluster:Cluster",
)
"""Types that only the component pulumi-eks makes, out of sight of the unit tests' plan."""
