"""How long AWS and Kubernetes take to make a resource: one table of typical seconds, each with where it comes from.

AWS publishes hardly any figures, and says "several minutes". Where it names a range, the table takes the middle of it; where it
names none, the row says so. Times add up along a chain only, so what takes a second or two is not listed: `OTHERWISE`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

OTHERWISE = 3
"""Seconds for a resource that one API call makes: a rule, a tag, a role, a Kubernetes object."""

RESTORE_SECONDS_PER_GIB = 6
"""Of a database restored from a backup in its own region: about 170 MiB/s of reads while volumes are filled from S3 (an
assumption; `ops drill` measures it). RDS opens the database before all blocks are there."""


@dataclass(frozen=True)
class Duration:
    """Typical seconds until a resource can be used."""

    seconds: int
    source: str


DURATIONS: Mapping[str, Duration] = {
    "aws:eks/cluster:Cluster": Duration(
        600,
        "EKS API reference, CreateCluster: several minutes; 15 min on average in 2021 (containers-roadmap#1227), less today",
    ),
    "eks:index:Cluster": Duration(620, "the control plane, then its VPC CNI add-on; for plans that do not look inside"),
    "aws:eks/nodeGroup:NodeGroup": Duration(180, "instances start, join and become ready; no published figure"),
    "aws:eks/addon:Addon": Duration(60, "until its pods are ready; no published figure"),
    "aws:rds/instance:Instance": Duration(
        720, 'RDS user guide, "Creating and connecting to a PostgreSQL DB instance": up to 20 minutes'
    ),
    "aws:elasticache/replicationGroup:ReplicationGroup": Duration(600, "no published figure; some minutes a node"),
    "aws:elasticache/serverlessCache:ServerlessCache": Duration(120, "ElastiCache user guide: about a minute"),
    "aws:ec2/natGateway:NatGateway": Duration(120, "pending for one to two minutes"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Duration(90, "an interface in each zone, then its private name"),
    "aws:lb/loadBalancer:LoadBalancer": Duration(150, "provisioning for two to three minutes"),
    "aws:acm/certificateValidation:CertificateValidation": Duration(
        300, 'ACM user guide, "DNS validation": up to 30 minutes, usually some'
    ),
    "aws:route53/record:Record": Duration(45, "Route 53 FAQ: changes are INSYNC within 60 seconds"),
    "aws:cloudfront/distribution:Distribution": Duration(300, "CloudFront: deployments of about five minutes"),
    "aws:kms/key:Key": Duration(15, "until its policy holds everywhere"),
    "aws:iam/role:Role": Duration(10, "IAM is eventually consistent; services refuse a role for some seconds"),
    "kubernetes:helm.sh/v3:Release": Duration(90, "images are pulled and pods become ready; no published figure"),
    "kubernetes:apps/v1:Deployment": Duration(60, "image pull, start-up, 5 s of readiness"),
    "kubernetes:batch/v1:Job": Duration(30, "image pull and a connection to the database"),
}


DAEMON_ADD_ONS = ("vpc-cni", "kube-proxy", "pod-identity-agent")
DAEMON_SECONDS = 20
"""Add-ons that come before the nodes are DaemonSets without a pod: active as soon as they are stored (no published figure)."""


def seconds(resource_type: str, name: str) -> int:
    """Typical seconds for a resource of that type and logical name."""
    if resource_type == "aws:eks/addon:Addon" and name.endswith(DAEMON_ADD_ONS):
        return DAEMON_SECONDS
    found = DURATIONS.get(resource_type)
    return found.seconds if found else OTHERWISE
