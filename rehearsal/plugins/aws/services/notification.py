"""Who is told of what: SNS topics' policies and subscriptions, CloudWatch alarms, budgets, and events of RDS."""

from rehearsal.plugins.aws import ACCOUNT_ID
from rehearsal.plugins.aws.errors import AwsError
from rehearsal.plugins.aws.subject import Computed, Subject, makes

TOPIC = "aws:sns/topic:Topic"

_HOUR, _DAY = 3_600, 86_400


@makes("aws:sns/topicPolicy:TopicPolicy")
def topic_policy(subject: Subject) -> Computed:
    """A topic's one policy."""
    topic = subject.text("arn")
    _check_topic(subject, topic)
    return Computed(topic, {"owner": ACCOUNT_ID})


@makes("aws:sns/topicSubscription:TopicSubscription")
def topic_subscription(subject: Subject) -> Computed:
    """A subscription; people and web addresses must agree first."""
    topic = subject.text("topic")
    _check_topic(subject, topic)
    arn = f"{topic}:{subject.uuid()}"
    waits = subject.text("protocol") in ("email", "email-json", "http", "https")
    return Computed(arn, {"arn": arn, "ownerId": ACCOUNT_ID, "pendingConfirmation": waits})


@makes("aws:cloudwatch/metricAlarm:MetricAlarm")
def metric_alarm(subject: Subject) -> Computed:
    """An alarm on one metric, or on what metric math makes of several."""
    queries = subject.inputs.get("metricQueries") or []
    periods = [query["metric"]["period"] for query in queries if query.get("metric")]
    if bool(queries) == bool(subject.text("metricName")):
        raise AwsError("ValidationError", "Exactly one of MetricName and Metrics must be set")
    if queries and sum(bool(query.get("returnData")) for query in queries) != 1:
        raise AwsError("ValidationError", "Exactly one element of the metrics list should return data.")
    period = min(periods, default=subject.inputs.get("period") or 0)
    checked = period * (subject.inputs.get("evaluationPeriods") or 1)
    if checked > (_DAY if period < _HOUR else 7 * _DAY):
        raise AwsError(
            "ValidationError", "Metrics cannot be checked across more than a day (EvaluationPeriods * Period)"
        )
    name = subject.text("name")
    return Computed(name, {"arn": subject.arn("cloudwatch", f"alarm:{name}"), "evaluateLowSampleCountPercentiles": ""})


@makes("aws:budgets/budget:Budget")
def budget(subject: Subject) -> Computed:
    """A budget; it belongs to no region."""
    for notification in subject.inputs.get("notifications") or []:
        if not notification.get("subscriberEmailAddresses") and not notification.get("subscriberSnsTopicArns"):
            raise AwsError("InvalidParameterException", "A notification needs at least one subscriber")
    name = subject.text("name")
    return Computed(
        f"{ACCOUNT_ID}:{name}",
        {
            "arn": subject.arn("budgets", f"budget/{name}", regional=False),
            "accountId": ACCOUNT_ID,
            "timePeriodStart": f"{subject.created_at[:7]}-01_00:00",
        },
    )


@makes("aws:rds/eventSubscription:EventSubscription")
def event_subscription(subject: Subject) -> Computed:
    """Events of databases that go to a topic."""
    _check_topic(subject, subject.text("snsTopic"))
    known = {str(database.value("identifier")) for database in subject.account.all("aws:rds/instance:Instance")}
    for source in subject.inputs.get("sourceIds") or []:
        if subject.text("sourceType") == "db-instance" and source not in known:
            raise AwsError("SourceNotFound", f"Could not find source {source}")
    name = subject.text("name")
    return Computed(name, {"arn": subject.arn("rds", f"es:{name}"), "customerAwsId": ACCOUNT_ID})


def _check_topic(subject: Subject, arn: str) -> None:
    subject.existing(TOPIC, arn, "NotFound", f"Topic does not exist: {arn}")
