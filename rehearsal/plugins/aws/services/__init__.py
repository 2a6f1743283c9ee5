"""What AWS decides for each resource type, one file for each service. Importing this package fills the table of makers."""

from rehearsal.plugins.aws.services import backup, ec2, eks, elasticache, iam, notification, rds, various, vpc

__all__ = ["backup", "ec2", "eks", "elasticache", "iam", "notification", "rds", "various", "vpc"]
