"""What AWS decides for each resource type, one file for each service. Importing this package fills the table of makers."""

from rehearsal.plugins.aws.services import cloudfront, ec2, ecr, eks, elasticache, iam, rds, s3, various, vpc

__all__ = ["cloudfront", "ec2", "ecr", "eks", "elasticache", "iam", "rds", "s3", "various", "vpc"]
