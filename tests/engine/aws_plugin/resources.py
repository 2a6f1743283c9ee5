"""What many tests of the simulated AWS make: a network, a cluster, its nodes."""

from pathlib import Path
from typing import Any

from tests.engine.plugin_client import Made, Plugin

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
INSTANCE = "aws:rds/instance:Instance"
SUBNET_GROUP = "aws:rds/subnetGroup:SubnetGroup"
ROLE = "aws:iam/role:Role"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
USER = "aws:elasticache/user:User"
CLUSTER = "aws:eks/cluster:Cluster"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"

DATABASE: dict[str, Any] = {
    "engine": "postgres",
    "engineVersion": "18",
    "instanceClass": "db.t4g.medium",
    "allocatedStorage": 20,
    "username": "master",
    "skipFinalSnapshot": True,
}
CONFIGURATION = {"region": "eu-west-3", "defaultTags": '{"tags":{"project":"marlinspike","owner":"default"}}'}
TRUST = '{"Version":"2012-10-17","Statement":[]}'


def configured(rehearsal: Path, **environment: str) -> Plugin:
    plugin = Plugin("aws", {"MARLINSPIKE_REHEARSAL": str(rehearsal), **environment})
    plugin.configure(**CONFIGURATION)
    return plugin


def network(aws: Plugin, zones: str = "ab") -> tuple[Made, list[Made]]:
    vpc = aws.create(VPC, "vpc", cidrBlock="10.0.0.0/16")
    subnets = [
        aws.create(SUBNET, f"subnet-{z}", vpcId=vpc.id, cidrBlock=f"10.0.{i}.0/24", availabilityZone=f"eu-west-3{z}")
        for i, z in enumerate(zones)
    ]
    return vpc, subnets


def cluster(aws: Plugin, subnets: list[Made], **more: Any) -> Made:
    role = aws.create(ROLE, "cluster-role", assumeRolePolicy=TRUST)
    return aws.create(
        CLUSTER,
        "cluster",
        name="test",
        roleArn=role.outputs["arn"],
        vpcConfig={"subnetIds": [each.id for each in subnets]},
        accessConfig={"authenticationMode": "API"},
        **more,
    )


def node_group(aws: Plugin) -> Made:
    _, subnets = network(aws)
    cluster(aws, subnets)
    template = aws.create(TEMPLATE, "nodes", instanceType="m7g.large")
    return aws.create(
        NODE_GROUP,
        "app",
        clusterName="test",
        nodeRoleArn="arn:aws:iam::111122223333:role/nodes",
        subnetIds=[each.id for each in subnets],
        scalingConfig={"minSize": 1, "desiredSize": 3, "maxSize": 6},
        launchTemplate={"id": template.id, "version": "1"},
    )
