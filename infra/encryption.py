"""The key that encrypts what the platform stores: secrets of the cluster, disks, database, cache and logs."""

import json

import pulumi
import pulumi_aws as aws
from pulumi import Output, ResourceOptions
from pydantic import Field

from infra.identity import policy_of
from infra.log_delivery import LOG_DELIVERY, for_this_account
from infra.settings import Section

NOTIFIERS = ("cloudwatch.amazonaws.com", "budgets.amazonaws.com", "events.rds.amazonaws.com")
"""Services that publish to the alarms' encrypted topic: alarms, budgets, and events of the database."""

AUTO_SCALING_ROLE = "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"

USE = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
"""What AWS's guides ask for where a service encrypts with somebody's key."""


class EncryptionSettings(Section):
    """Section `encryption` of a stack file."""

    deletion_window_days: int = Field(30, ge=7, le=30)
    """Days in which a deleted key can still be saved (AWS allows 7 to 30)."""


class EncryptionKey(pulumi.ComponentResource):
    """A customer-managed KMS key, rotated each year, and its alias.

    Type token: `marlinspike:encryption:EncryptionKey`. The key policy lets the account's own IAM policies decide, and the
    region's CloudWatch Logs use the key for this account's log groups only, AWS's log delivery for what it writes to this
    account's buckets, and the services that notify for this account's resources. With `for_cloudfront` the account's
    distributions may read what it encrypts. With `keep` a deletion leaves the key in the account (1 USD per month): without it
    nobody could read the snapshots and files that the deletion leaves too.
    """

    arn: Output[str]

    def __init__(
        self,
        name: str,
        settings: EncryptionSettings,
        account_id: str,
        region: str,
        *,
        protect: bool,
        keep: bool,
        for_cloudfront: bool = False,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:encryption:EncryptionKey", name, {}, opts)
        child = ResourceOptions(parent=self)
        key = aws.kms.Key(
            f"{name}-key",
            description=f"Everything that {name} stores",
            enable_key_rotation=True,
            deletion_window_in_days=settings.deletion_window_days,
            region=region,
            policy=json.dumps(
                policy_of(
                    _account(account_id),
                    _logs(account_id, region),
                    _notifications(account_id),
                    *_disks_of_node_groups(account_id),
                    _delivered_logs(account_id, region),
                    *([_distributions(account_id)] if for_cloudfront else []),
                )
            ),
            opts=ResourceOptions(parent=self, protect=protect, retain_on_delete=keep),
        )
        aws.kms.Alias(f"{name}-alias", name=f"alias/{name}", target_key_id=key.key_id, region=region, opts=child)
        self.arn = key.arn
        self.register_outputs({"arn": self.arn})


def _account(account_id: str) -> dict[str, object]:
    return {
        "Sid": "AccountDecidesByItsOwnPolicies",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }


def _logs(account_id: str, region: str) -> dict[str, object]:
    groups = {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{region}:{account_id}:log-group:*"}
    return {
        "Sid": "LogsOfThisAccount",
        "Effect": "Allow",
        "Principal": {"Service": f"logs.{region}.amazonaws.com"},
        "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
        "Resource": "*",
        "Condition": {"ArnLike": groups},
    }


def _notifications(account_id: str) -> dict[str, object]:
    """Lets AWS services publish to an encrypted topic (SNS, "Enable compatibility between event sources from AWS services")."""
    return {
        "Sid": "NotificationsOfThisAccount",
        "Effect": "Allow",
        "Principal": {"Service": list(NOTIFIERS)},
        "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:SourceAccount": account_id}},
    }


def _disks_of_node_groups(account_id: str) -> list[dict[str, object]]:
    """Lets EC2 Auto Scaling start nodes with encrypted disks; without this they never come up.

    After AWS's "Required KMS key policy for use with encrypted volumes". The role is named by a condition and not as the
    principal: a new account does not have it yet, and KMS refuses a policy with a principal that does not exist
    (terraform-aws-eks#3013).
    """
    scope = {
        "StringEquals": {"kms:CallerAccount": account_id},
        "ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{account_id}:role/{AUTO_SCALING_ROLE}"},
    }
    return [
        {
            "Sid": "NodeGroupsDisks",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": USE,
            "Resource": "*",
            "Condition": scope,
        },
        {
            "Sid": "NodeGroupsDisksAttached",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": "kms:CreateGrant",
            "Resource": "*",
            "Condition": {**scope, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        },
    ]


def _delivered_logs(account_id: str, region: str) -> dict[str, object]:
    """Lets AWS's log delivery write flow logs to a bucket that is encrypted with the key.

    After AWS's "Required key policy for use with SSE-KMS" (flow logs), bound to this account.
    """
    return {
        "Sid": "LogsDeliveredToBuckets",
        "Effect": "Allow",
        "Principal": {"Service": LOG_DELIVERY},
        "Action": USE,
        "Resource": "*",
        "Condition": for_this_account(account_id, region),
    }


def _distributions(account_id: str) -> dict[str, object]:
    """After CloudFront developer guide, "Restrict access to an Amazon S3 origin", SSE-KMS.

    All distributions of the account, since a distribution comes after the bucket, and that after its key; which one may read
    which files, the bucket's policy says.
    """
    return {
        "Sid": "DistributionsOfThisAccount",
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:cloudfront::{account_id}:distribution/*"}},
    }
