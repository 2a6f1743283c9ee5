"""Which properties cannot be changed in place, so that a change replaces the resource.

Sources: `ForceNew: true` and `RequiresReplace()` in the schemas of terraform-provider-aws, which pulumi-aws 7.51.1 wraps
(internal/service/<service>/<file>, named beside each entry); for types that are not in the table, the sentences of the
SDK's documentation that say so. The documentation alone would not do: pulumi-aws strips "Forces new resource" from it.
"""

import functools
import re

from rehearsal.plugins.aws import types
from rehearsal.plugins.inputs import properties


def _read(table: str) -> dict[str, frozenset[str]]:
    """Lines of a type token and its properties; indented lines go on, `#` begins a remark."""
    found: dict[str, frozenset[str]] = {}
    token = ""
    for line in table.splitlines():
        words = line.split()
        if words and words[0].startswith("aws:"):
            token, *words = words
            found[token] = frozenset()
        if words and not words[0].startswith("#"):
            found[token] |= set(words)
    return found


TABLE: dict[str, frozenset[str]] = _read(
    """
# ec2/vpc_.go
aws:ec2/vpc:Vpc cidrBlock ipv4IpamPoolId ipv4NetmaskLength
# ec2/vpc_subnet.go
aws:ec2/subnet:Subnet cidrBlock availabilityZone availabilityZoneId vpcId outpostArn ipv6Native ipv4IpamPoolId
    ipv4NetmaskLength
# ec2/vpc_internet_gateway.go: vpcId can be attached anew
aws:ec2/internetGateway:InternetGateway
# ec2/ec2_eip.go
aws:ec2/eip:Eip address domain customerOwnedIpv4Pool networkBorderGroup publicIpv4Pool ipamPoolId
# ec2/vpc_nat_gateway.go
aws:ec2/natGateway:NatGateway allocationId connectivityType privateIp secondaryPrivateIpAddressCount subnetId vpcId
    availabilityMode
# ec2/vpc_route_table.go
aws:ec2/routeTable:RouteTable vpcId
# ec2/vpc_route.go
aws:ec2/route:Route routeTableId destinationCidrBlock destinationIpv6CidrBlock destinationPrefixListId
# ec2/vpc_route_table_association.go
aws:ec2/routeTableAssociation:RouteTableAssociation subnetId gatewayId
# ec2/vpc_endpoint.go
aws:ec2/vpcEndpoint:VpcEndpoint vpcId serviceName serviceNetworkArn resourceConfigurationArn serviceRegion
    vpcEndpointType dnsOptions.privateDnsPreference dnsOptions.privateDnsSpecifiedDomains
# ec2/vpc_subnet_cidr_reservation.go: everything
aws:ec2/subnetCidrReservation:SubnetCidrReservation cidrBlock description reservationType subnetId
# ec2/vpc_flow_log.go: everything but the tags
aws:ec2/flowLog:FlowLog deliverCrossAccountRole destinationOptions eniId iamRoleArn logDestination logDestinationType
    logFormat maxAggregationInterval subnetId trafficType transitGatewayId transitGatewayAttachmentId vpcId
    regionalNatGatewayId tagFieldSpecifications
# ec2/vpc_default_security_group.go
aws:ec2/defaultSecurityGroup:DefaultSecurityGroup vpcId
# ec2/vpc_security_group.go
aws:ec2/securityGroup:SecurityGroup name namePrefix description vpcId
# ec2/vpc_security_group_ingress_rule.go, vpc_security_group_egress_rule.go: ModifySecurityGroupRules changes the rest
aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule securityGroupId
aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule securityGroupId
# ec2/vpc_security_group_rule.go: everything but the description
aws:ec2/securityGroupRule:SecurityGroupRule securityGroupId type fromPort toPort protocol cidrBlocks ipv6CidrBlocks
    prefixListIds  self sourceSecurityGroupId
# ec2/ec2_launch_template.go
aws:ec2/launchTemplate:LaunchTemplate name namePrefix
# kms/key.go, kms/alias.go
aws:kms/key:Key customerMasterKeySpec keyUsage customKeyStoreId multiRegion xksKeyId
aws:kms/alias:Alias name namePrefix
# logs/group.go
aws:cloudwatch/logGroup:LogGroup name namePrefix logGroupClass
# iam/role.go, role_policy.go, role_policy_attachment.go, policy.go, instance_profile.go, openid_connect_provider.go
aws:iam/role:Role name namePrefix path
aws:iam/rolePolicy:RolePolicy name namePrefix role
aws:iam/rolePolicyAttachment:RolePolicyAttachment role policyArn
aws:iam/policy:Policy name namePrefix path description
aws:iam/instanceProfile:InstanceProfile name namePrefix path
aws:iam/openIdConnectProvider:OpenIdConnectProvider url
# eks/cluster.go (encryption can be switched on later, never off: see `removal`)
aws:eks/cluster:Cluster name roleArn bootstrapSelfManagedAddons remoteNetworkConfig
    accessConfig.bootstrapClusterCreatorAdminPermissions  kubernetesNetworkConfig.ipFamily
    kubernetesNetworkConfig.serviceIpv4Cidr outpostConfig  computeConfig.nodeRoleArn
# eks/node_group.go (of the launch template only the version changes in place)
aws:eks/nodeGroup:NodeGroup amiType capacityType clusterName diskSize instanceTypes launchTemplate.id
    launchTemplate.name  nodeGroupName nodeGroupNamePrefix nodeRoleArn remoteAccess subnetIds
# eks/addon.go, access_entry.go, access_policy_association.go, pod_identity_association.go
aws:eks/addon:Addon addonName clusterName
aws:eks/accessEntry:AccessEntry clusterName principalArn type
aws:eks/accessPolicyAssociation:AccessPolicyAssociation clusterName policyArn principalArn accessScope
aws:eks/podIdentityAssociation:PodIdentityAssociation clusterName namespace serviceAccount
# rds/instance.go (the subnet group changes in place), subnet_group.go, parameter_group.go
aws:rds/instance:Instance availabilityZone backupTarget characterSetName customIamInstanceProfile dbName engine
    identifier identifierPrefix  kmsKeyId ncharCharacterSetName restoreToPointInTime s3Import snapshotIdentifier
    storageEncrypted timezone username
aws:rds/subnetGroup:SubnetGroup name namePrefix
aws:rds/parameterGroup:ParameterGroup name namePrefix family description
aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication kmsKeyId preSignedUrl retentionPeriod
    sourceDbInstanceArn
# elasticache/replication_group.go, subnet_group.go, parameter_group.go, user.go, user_group.go
aws:elasticache/replicationGroup:ReplicationGroup atRestEncryptionEnabled dataTieringEnabled globalReplicationGroupId
    kmsKeyId networkType port  replicationGroupId securityGroupNames snapshotArns snapshotName subnetGroupName
    nodeGroupConfigurations
# elasticache/serverless_cache.go
aws:elasticache/serverlessCache:ServerlessCache engine kmsKeyId majorEngineVersion name networkType
    snapshotArnsToRestores subnetIds
aws:elasticache/subnetGroup:SubnetGroup name
aws:elasticache/parameterGroup:ParameterGroup name family description
aws:elasticache/user:User userId userName
aws:elasticache/userGroup:UserGroup userGroupId
# elbv2/load_balancer.go (of an application load balancer), target_group.go, listener.go, listener_rule.go
aws:lb/loadBalancer:LoadBalancer name namePrefix internal loadBalancerType customerOwnedIpv4Pool
aws:lb/targetGroup:TargetGroup name namePrefix port protocol protocolVersion targetType vpcId ipAddressType
    targetControlPort
aws:lb/listener:Listener loadBalancerArn
aws:lb/listenerRule:ListenerRule listenerArn
# acm/certificate.go, certificate_validation.go
aws:acm/certificate:Certificate domainName subjectAlternativeNames validationMethod validationOptions keyAlgorithm
    certificateAuthorityArn
aws:acm/certificateValidation:CertificateValidation certificateArn validationRecordFqdns
# wafv2/web_acl.go, web_acl_association.go, web_acl_logging_configuration.go
aws:wafv2/webAcl:WebAcl name namePrefix scope
aws:wafv2/webAclAssociation:WebAclAssociation resourceArn webAclArn
aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration resourceArn logDestinationConfigs
# route53/record.go (a change of the set's identifier deletes and makes in one batch), health_check.go
aws:route53/record:Record name zoneId
aws:route53/healthCheck:HealthCheck type referenceName measureLatency requestInterval routingControlArn
# logs/resource_policy.go
aws:cloudwatch/logResourcePolicy:LogResourcePolicy policyName resourceArn
# s3/bucket.go, bucket_*.go: whatever is set on a bucket moves with it
aws:s3/bucket:Bucket bucket bucketPrefix bucketNamespace objectLockEnabled
aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration bucket expectedBucketOwner
aws:s3/bucketLogging:BucketLogging bucket expectedBucketOwner
aws:s3/bucketOwnershipControls:BucketOwnershipControls bucket
aws:s3/bucketPolicy:BucketPolicy bucket
aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock bucket
aws:s3/bucketReplicationConfig:BucketReplicationConfig bucket
aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration bucket expectedBucketOwner
aws:s3/bucketVersioning:BucketVersioning bucket expectedBucketOwner
# ecr/repository.go, lifecycle_policy.go (no update at all), repository_policy.go, repository_creation_template.go
aws:ecr/repository:Repository name encryptionConfigurations
aws:ecr/lifecyclePolicy:LifecyclePolicy repository policy
aws:ecr/repositoryPolicy:RepositoryPolicy repository
aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate prefix
# cloudfront/origin_access_control.go: everything changes in place, the name too
aws:cloudfront/originAccessControl:OriginAccessControl
aws:cloudfront/distribution:Distribution staging
# sns/topic.go, topic_policy.go, topic_subscription.go
aws:sns/topic:Topic name namePrefix fifoTopic
aws:sns/topicPolicy:TopicPolicy arn
aws:sns/topicSubscription:TopicSubscription endpoint protocol topic
# cloudwatch/metric_alarm.go, budgets/budget.go, rds/event_subscription.go
aws:cloudwatch/metricAlarm:MetricAlarm name
aws:budgets/budget:Budget accountId name namePrefix
aws:rds/eventSubscription:EventSubscription name namePrefix
# backup/vault.go, vault_lock_configuration.go (it has no update), plan.go, selection.go (nor has this), restore_testing_plan.go,
# restore_testing_selection.go
aws:backup/vault:Vault name kmsKeyArn
aws:backup/vaultLockConfiguration:VaultLockConfiguration backupVaultName changeableForDays maxRetentionDays
    minRetentionDays
aws:backup/plan:Plan name
aws:backup/selection:Selection conditions iamRoleArn name notResources planId resources selectionTags
aws:backup/restoreTestingPlan:RestoreTestingPlan name
aws:backup/restoreTestingSelection:RestoreTestingSelection name protectedResourceType restoreTestingPlanName
"""
)
"""For each type token the properties (dotted paths, names on the wire) whose change replaces."""

# Properties whose removal alone replaces (customdiff.ForceNewIfChange in eks/cluster.go: encryption is never switched off).
_REMOVAL: dict[str, frozenset[str]] = {"aws:eks/cluster:Cluster": frozenset({"encryptionConfig"})}

_SENTENCE = re.compile(
    r"(?:forces?|will force|causes?) (?:a |the )?"
    r"(?:new resource|re-?creation|replacement|creation of a new|new \w+ to be created)"
    r"|changing this (?:creates|will create|forces) a new",
    re.IGNORECASE,
)


def replaces(token: str, path: str, *, removed: bool = False) -> bool:
    """Whether a change at that path (without indexes, such as `launchTemplate.id`) replaces; of `region` it always does."""
    if path == "region":
        return True
    forcing = TABLE[token] if token in TABLE else _documented(token)
    if removed and path in _REMOVAL.get(token, ()):
        return True
    names = path.split(".")
    return any(".".join(names[:length]) in forcing for length in range(1, len(names) + 1))


@functools.cache
def _documented(token: str) -> frozenset[str]:
    """The properties whose documentation says that a change makes a new resource; and the name, which AWS never changes."""
    kind = types.resource_type(token)
    found = {"name", "namePrefix"} & set(kind.inputs.types)
    for python_name, (wire_name, _) in properties(kind.arguments).items():
        if _SENTENCE.search(getattr(kind.arguments, python_name).__doc__ or ""):
            found.add(wire_name)
    return frozenset(found)
