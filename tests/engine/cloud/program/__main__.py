"""A small platform: a network, a database, a cache, a pulumi-eks cluster and its nodes."""

import gc

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
from pulumi import InvokeOptions, Output, ResourceOptions

gc.disable()  # before the SDKs' modules are loaded, at their first use: see stacks/__main__.py

config = pulumi.Config()
provider = aws.Provider(
    "aws",
    region="eu-west-3",
    allowed_account_ids=["111122223333"],
    default_tags={"tags": {"project": "cloud"}},
)
on_aws = ResourceOptions(provider=provider)

zones = aws.get_availability_zones(state="available", opts=InvokeOptions(provider=provider)).names
vpc = aws.ec2.Vpc("network", cidr_block="10.0.0.0/16", opts=on_aws)
gateway = aws.ec2.InternetGateway("gateway", vpc_id=vpc.id, opts=on_aws)
subnets = [
    aws.ec2.Subnet(f"subnet-{zone}", vpc_id=vpc.id, cidr_block=f"10.0.{i}.0/24", availability_zone=zone, opts=on_aws)
    for i, zone in enumerate(zones)
]
address = aws.ec2.Eip("address", domain="vpc", opts=on_aws)
aws.ec2.NatGateway(
    "nat",
    allocation_id=address.id,
    subnet_id=subnets[0].id,
    opts=ResourceOptions(provider=provider, depends_on=[gateway]),
)

key = aws.kms.Key("key", enable_key_rotation=True, opts=on_aws)
places = aws.rds.SubnetGroup("database", subnet_ids=[subnet.id for subnet in subnets], opts=on_aws)
database = aws.rds.Instance(
    "database",
    engine="postgres",
    engine_version="18",
    instance_class=config.require("class"),
    allocated_storage=20,
    db_subnet_group_name=places.name,
    storage_encrypted=config.require_bool("encrypted"),
    username="master",
    password=Output.secret("hunter2hunter2"),
    skip_final_snapshot=True,
    opts=on_aws,
)
cache_places = aws.elasticache.SubnetGroup("cache", subnet_ids=[subnet.id for subnet in subnets], opts=on_aws)
aws.elasticache.ReplicationGroup(
    "cache",
    description="cache",
    engine="valkey",
    engine_version="8.2",
    node_type="cache.t4g.micro",
    num_cache_clusters=2,
    subnet_group_name=cache_places.name,
    transit_encryption_enabled=True,
    opts=on_aws,
)


def zonal(arguments: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    if arguments.type_ != "aws:eks/cluster:Cluster":
        return None
    return pulumi.ResourceTransformResult({**arguments.props, "zonalShiftConfig": {"enabled": True}}, arguments.opts)


role = aws.iam.Role("nodes", assume_role_policy='{"Version":"2012-10-17","Statement":[]}', opts=on_aws)
control_plane = eks.Cluster(
    "k",
    name="cloud",
    version="1.36",
    vpc_id=vpc.id,
    private_subnet_ids=[subnet.id for subnet in subnets],
    endpoint_private_access=True,
    endpoint_public_access=True,
    public_access_cidrs=["203.0.113.0/24"],
    authentication_mode=config.require("mode"),
    access_entries={
        "admin": {
            "principal_arn": "arn:aws:iam::111122223333:role/Admin",
            "access_policies": {
                "admin": {
                    "policy_arn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
                    "access_scope": {"type": "cluster"},
                }
            },
        }
    },
    instance_roles=[role] if config.require_bool("roles") else None,
    encryption_config_key_arn=key.arn,
    enabled_cluster_log_types=["api", "audit"],
    upgrade_policy={"support_type": "STANDARD"},
    skip_default_node_group=True,
    create_instance_role=False,
    vpc_cni_options={"addon_version": "v1.23.2-eksbuild.1", "enable_network_policy": True},
    coredns_addon_options={"enabled": False},
    tags={"team": "platform"},
    opts=ResourceOptions(providers={"aws": provider}, transforms=[zonal]),
)
aws.eks.NodeGroup(
    "app",
    cluster_name=control_plane.eks_cluster.name,
    node_role_arn=role.arn,
    subnet_ids=[subnet.id for subnet in subnets],
    instance_types=["m7g.large"],
    scaling_config={"min_size": 1, "desired_size": config.require_int("nodes"), "max_size": 6},
    taints=[{"key": "pool", "value": "app", "effect": "NO_SCHEDULE"}],
    labels={"pool": "app"},
    opts=on_aws,
)

pulumi.export("endpoint", database.endpoint)
pulumi.export("issuer", control_plane.oidc_issuer)
pulumi.export("group", control_plane.cluster_security_group_id)
pulumi.export("kubeconfig", control_plane.kubeconfig_json)
