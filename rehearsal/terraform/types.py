"""Terraform's names for what pulumi-aws names in its own way: resource types, arguments and blocks.

pulumi-aws is generated from terraform-provider-aws, and no table of the names that it changed is installed with it.
"""

import re

SERVICES = {
    "accessanalyzer": "analyzer",
    "acm": "certificate certificateValidation",
    "backup": "framework plan reportPlan restoreTestingPlan restoreTestingSelection selection vault vaultLockConfiguration "
    "vaultNotifications vaultPolicy",
    "budgets": "budget budgetAction",
    "cloudfront": "cachePolicy distribution function originAccessControl originRequestPolicy responseHeadersPolicy",
    "cloudwatch": "compositeAlarm dashboard eventRule eventTarget logDelivery logDeliveryDestination logDeliverySource "
    "logGroup logMetricFilter logResourcePolicy logSubscriptionFilter metricAlarm",
    "dlm": "lifecyclePolicy",
    "ecr": "lifecyclePolicy pullThroughCacheRule registryPolicy registryScanningConfiguration replicationConfiguration "
    "repository repositoryCreationTemplate repositoryPolicy",
    "eks": "accessEntry accessPolicyAssociation addon cluster fargateProfile identityProviderConfig nodeGroup "
    "podIdentityAssociation",
    "elasticache": "cluster parameterGroup replicationGroup serverlessCache subnetGroup user userGroup userGroupAssociation",
    "iam": "accountPasswordPolicy instanceProfile policy role rolePolicy rolePolicyAttachment serviceLinkedRole",
    "kms": "alias grant key replicaKey",
    "lambda": "function permission",
    "lb": "listener listenerCertificate listenerRule targetGroup targetGroupAttachment",
    "rds": "cluster clusterInstance clusterParameterGroup",
    "route53": "healthCheck keySigningKey queryLog record zone zoneAssociation",
    "s3": "accessPoint accountPublicAccessBlock bucket bucketAcl bucketCorsConfiguration "
    "bucketIntelligentTieringConfiguration bucketLifecycleConfiguration bucketLogging bucketMetric bucketNotification "
    "bucketObjectLockConfiguration bucketOwnershipControls bucketPolicy bucketPublicAccessBlock "
    "bucketServerSideEncryptionConfiguration bucketVersioning",
    "scheduler": "schedule scheduleGroup",
    "secretsmanager": "secret secretPolicy secretRotation secretVersion",
    "sns": "topic topicPolicy topicSubscription",
    "sqs": "queue queuePolicy",
    "ssm": "parameter",
    "wafv2": "ipSet ruleGroup webAcl webAclAssociation webAclLoggingConfiguration",
}
"""By pulumi-aws's module: the types that Terraform names `aws_<module>_<type>`."""

WITHOUT_SERVICE = (
    "defaultNetworkAcl defaultRouteTable defaultSecurityGroup egressOnlyInternetGateway eip eipAssociation flowLog instance "
    "internetGateway launchTemplate natGateway networkAcl networkAclAssociation networkAclRule networkInterface route "
    "routeTable routeTableAssociation securityGroup securityGroupRule subnet vpc vpcDhcpOptions vpcDhcpOptionsAssociation "
    "vpcEndpoint vpcEndpointPolicy vpcEndpointRouteTableAssociation vpcEndpointSubnetAssociation "
    "vpcIpv4CidrBlockAssociation vpcPeeringConnection"
)
"""Types of the module `ec2` that Terraform names `aws_<type>`."""

IRREGULAR = {
    "cloudtrail/trail": "aws_cloudtrail",
    "ebs/defaultKmsKey": "aws_ebs_default_kms_key",
    "ebs/encryptionByDefault": "aws_ebs_encryption_by_default",
    "ebs/snapshotBlockPublicAccess": "aws_ebs_snapshot_block_public_access",
    "ec2/instanceMetadataDefaults": "aws_ec2_instance_metadata_defaults",
    "ec2/managedPrefixList": "aws_ec2_managed_prefix_list",
    "ec2/subnetCidrReservation": "aws_ec2_subnet_cidr_reservation",
    "iam/openIdConnectProvider": "aws_iam_openid_connect_provider",
    "lb/loadBalancer": "aws_lb",
    "rds/eventSubscription": "aws_db_event_subscription",
    "rds/instance": "aws_db_instance",
    "rds/instanceAutomatedBackupsReplication": "aws_db_instance_automated_backups_replication",
    "rds/optionGroup": "aws_db_option_group",
    "rds/parameterGroup": "aws_db_parameter_group",
    "rds/proxy": "aws_db_proxy",
    "rds/subnetGroup": "aws_db_subnet_group",
    "route53/hostedZoneDnsSec": "aws_route53_hosted_zone_dnssec",
    "s3/bucketReplicationConfig": "aws_s3_bucket_replication_configuration",
    "vpc/securityGroupEgressRule": "aws_vpc_security_group_egress_rule",
    "vpc/securityGroupIngressRule": "aws_vpc_security_group_ingress_rule",
}
"""The rest that is known: `<module>/<type>` of the token, and Terraform's type."""

PLURAL_BLOCKS = frozenset(
    {
        "block_device_mappings",
        "tag_specifications",
        "network_interfaces",
        "managed_rule_group_configs",
        "cost_types",
        "dns_options",
        "access_logs",
        "connection_logs",
    }
)
"""Blocks whose names are plural in Terraform too; of the others pulumi-aws makes a list with a plural name."""

ARGUMENTS = {
    ("aws_cloudwatch_metric_alarm", "name"): "alarm_name",
    ("aws_cloudwatch_dashboard", "name"): "dashboard_name",
    ("aws_cloudwatch_composite_alarm", "name"): "alarm_name",
    ("aws_iam_openid_connect_provider", "client_id_lists"): "client_id_list",
    ("aws_iam_openid_connect_provider", "thumbprint_lists"): "thumbprint_list",
}
"""By Terraform's type and the argument's name in lower case: what Terraform calls it."""


def snake(name: str) -> str:
    """`enableDnsHostnames` as `enable_dns_hostnames`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _regular() -> dict[str, str]:
    found = {
        f"{module}/{kind}": f"aws_{module}_{snake(kind)}"
        for module, kinds in SERVICES.items()
        for kind in kinds.split()
    }
    return found | {f"ec2/{kind}": f"aws_{snake(kind)}" for kind in WITHOUT_SERVICE.split()}


KNOWN = {**_regular(), **IRREGULAR}
"""Terraform's type for each type that was looked up."""


def is_known(token: str) -> bool:
    """Whether Terraform's name of a type such as `aws:ec2/vpc:Vpc` was looked up, and not guessed."""
    return token.split(":")[1] in KNOWN


def terraform_type(token: str) -> str:
    """Terraform's type for a token such as `aws:ec2/vpc:Vpc`; the most likely one when it is not known."""
    path = token.split(":")[1]
    return KNOWN.get(path) or f"aws_{snake(path.replace('/', '_'))}"


def argument_name(kind: str, name: str) -> str:
    """Terraform's name of an argument of the type `kind` that is no block."""
    return ARGUMENTS.get((kind, snake(name)), snake(name))


def block_name(name: str, *, listed: bool) -> str:
    """Terraform's name of a block, of which pulumi-aws makes one object, or with `listed` several under a plural name."""
    plural = snake(name)
    if not listed or plural in PLURAL_BLOCKS:
        return plural
    for ending, singular in (("ies", "y"), ("sses", "ss"), ("aliases", "alias"), ("s", "")):
        if plural.endswith(ending) and not plural.endswith("ss"):
            return plural.removesuffix(ending) + singular
    return plural
