"""Who is told: a topic, its subscribers, and everything that speaks to it."""

from collections.abc import Sequence
from typing import Annotated, Literal

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions
from pydantic import Field, model_validator

from infra.alarms.alarm import Alarm
from infra.alarms.cache import CacheThresholds
from infra.alarms.database import DatabaseThresholds
from infra.alarms.edge import EdgeThresholds
from infra.alarms.network import NetworkThresholds
from infra.encryption import NOTIFIERS
from infra.identity import policy_of
from infra.settings import Email, Section

DATABASE_EVENTS = ("failover", "failure", "low storage", "maintenance")
"""What RDS tells of itself, such as a disk that has reached its maximum (RDS, "Event categories and event messages")."""


class SubscriptionSettings(Section):
    """One more subscriber of the alarms' topic."""

    protocol: Literal["https", "sqs", "lambda"]

    endpoint: str
    """The URL, or the ARN of the queue or function. It stands in the state as it is: a URL must not hold a credential."""

    @model_validator(mode="after")
    def _holds_no_credential(self) -> "SubscriptionSettings":
        prefix = "https://" if self.protocol == "https" else f"arn:aws:{self.protocol}:"
        if not self.endpoint.startswith(prefix):
            raise ValueError(f"endpoint {self.endpoint} is none of {self.protocol}; it begins with {prefix}")
        if self.protocol == "https" and ("@" in self.endpoint or "?" in self.endpoint):
            raise ValueError(
                "endpoint has a user or a query, where credentials stand; subscribe a queue or a function "
                "that adds them itself"
            )
        return self


class AlarmSettings(Section):
    """Section `alarms` of an AWS stack file; nothing is watched without it."""

    emails: tuple[Email, ...] = ()
    """Each gets a message with a link by which it agrees; until then nothing is sent to it."""

    subscriptions: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")], SubscriptionSettings] = Field({})
    """Further subscribers, by a name of their own."""

    database: DatabaseThresholds = DatabaseThresholds()
    cache: CacheThresholds = CacheThresholds()
    network: NetworkThresholds = NetworkThresholds()
    edge: EdgeThresholds = EdgeThresholds()

    @model_validator(mode="after")
    def _somebody_listens(self) -> "AlarmSettings":
        if not self.emails and not self.subscriptions:
            raise ValueError("nobody would be told; name emails or subscriptions, or leave the section out")
        return self


class Alarms(pulumi.ComponentResource):
    """An encrypted SNS topic with its subscribers, CloudWatch alarms, and the databases' own events.

    Type token: `marlinspike:alarms:Alarms`. Alarms tell when they begin and when they are over. CloudWatch, AWS Budgets and RDS
    may publish, for resources of this account only.
    """

    topic_arn: Output[str]

    def __init__(
        self,
        name: str,
        settings: AlarmSettings,
        account_id: str,
        key_arn: Input[str],
        alarms: Sequence[Alarm],
        database_identifiers: Sequence[Input[str]],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:alarms:Alarms", name, {}, opts)
        child = ResourceOptions(parent=self)
        topic = aws.sns.Topic(f"{name}-topic", kms_master_key_id=key_arn, opts=child)
        policy = aws.sns.TopicPolicy(
            f"{name}-topic",
            arn=topic.arn,
            policy=Output.json_dumps(
                policy_of(
                    {
                        "Sid": "NotificationsOfThisAccount",
                        "Effect": "Allow",
                        "Principal": {"Service": list(NOTIFIERS)},
                        "Action": "sns:Publish",
                        "Resource": topic.arn,
                        "Condition": {"StringEquals": {"aws:SourceAccount": account_id}},
                    }
                )
            ),
            opts=child,
        )
        for email in settings.emails:
            aws.sns.TopicSubscription(f"{name}-{email}", topic=topic.arn, protocol="email", endpoint=email, opts=child)
        for key, subscription in settings.subscriptions.items():
            aws.sns.TopicSubscription(
                f"{name}-{key}",
                topic=topic.arn,
                protocol=subscription.protocol,
                endpoint=subscription.endpoint,
                opts=child,
            )
        for alarm in alarms:
            alarm.register(name, topic.arn, child)
        aws.rds.EventSubscription(
            f"{name}-database-events",
            sns_topic=topic.arn,
            source_type="db-instance",
            source_ids=database_identifiers,
            event_categories=list(DATABASE_EVENTS),
            # RDS sends a message at once, to see whether it may.
            opts=ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.topic_arn = topic.arn
        self.register_outputs({"topicArn": self.topic_arn})
