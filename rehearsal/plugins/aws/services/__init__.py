"""What AWS decides for each resource type, one file for each service. Importing this package fills the table of makers."""

from rehearsal.plugins.aws.services import ec2, edge, eks, elasticache, iam, rds, various, vpc, vpc_endpoints

__all__ = ["ec2", "edge", "eks", "elasticache", "iam", "rds", "various", "vpc", "vpc_endpoints"]
