"""What AWS decides for each resource type, one file for each service. Importing this package fills the table of makers."""

from rehearsal.plugins.aws.services import (
    backup,
    cloudfront,
    ec2,
    ecr,
    edge,
    eks,
    elasticache,
    iam,
    notification,
    rds,
    s3,
    various,
    vpc,
    vpc_endpoints,
)

__all__ = [
    "backup",
    "cloudfront",
    "ec2",
    "ecr",
    "edge",
    "eks",
    "elasticache",
    "iam",
    "notification",
    "rds",
    "s3",
    "various",
    "vpc",
    "vpc_endpoints",
]
