"""One alarm as data, and what CloudWatch makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.monitoring.alert import RUNBOOKS

HOUR = 3_600
DAY = 86_400
"""In seconds, for alarms whose metric comes so seldom."""

Comparison = Literal[
    "GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"
]


@dataclass(frozen=True)
class Metric:
    """What AWS measures. `statistic` is CloudWatch's word: `Average`, `Sum`, `Minimum`, `Maximum`, or a percentile as `p95`."""

    namespace: str
    name: str
    dimensions: Mapping[str, Input[str]]
    statistic: str = "Average"


@dataclass(frozen=True)
class Formula:
    """Metric math: `expression` speaks of `metrics` by their keys (lower-case first letter)."""

    expression: str
    metrics: Mapping[str, Metric]


@dataclass(frozen=True)
class Alarm:
    """Somebody is told when `measured` compares to the threshold for `periods` periods of `period` seconds in succession."""

    name: str
    """In CamelCase; its page in docs/runbooks has the same name."""
    measured: Metric | Formula
    comparison: Comparison
    threshold: float
    description: str
    """What it means, in one or two sentences: it stands in the notification."""
    subject: str = ""
    """Which one, where there are several: a zone or a member of the cache."""
    period: int = 300
    periods: int = 3
    missing_data: Literal["missing", "notBreaching", "breaching", "ignore"] = "missing"
    """How a period without a value counts; `missing` shows as INSUFFICIENT_DATA when none is left."""

    def register(self, prefix: str, topic_arn: Output[str], opts: ResourceOptions) -> aws.cloudwatch.MetricAlarm:
        """Makes the alarm; it tells the topic when it begins and when it is over."""
        arguments = aws.cloudwatch.MetricAlarmArgs(
            alarm_description=f"{self.description} Runbook: {RUNBOOKS}/{self.name}.md",
            comparison_operator=self.comparison,
            threshold=self.threshold,
            evaluation_periods=self.periods,
            datapoints_to_alarm=self.periods,
            treat_missing_data=self.missing_data,
            alarm_actions=[topic_arn],
            ok_actions=[topic_arn],
        )
        if isinstance(self.measured, Formula):
            arguments.metric_queries = _queries(self.measured, self.period)
        else:
            metric = self.measured
            arguments.namespace, arguments.metric_name = metric.namespace, metric.name
            arguments.dimensions, arguments.period = metric.dimensions, self.period
            if metric.statistic.startswith("p"):
                arguments.extended_statistic = metric.statistic
            else:
                arguments.statistic = metric.statistic
        name = "-".join(part for part in (prefix, self.name, self.subject) if part)
        return aws.cloudwatch.MetricAlarm(name, arguments, opts)


def _queries(formula: Formula, period: int) -> list[aws.cloudwatch.MetricAlarmMetricQueryArgs]:
    result = aws.cloudwatch.MetricAlarmMetricQueryArgs(id="result", expression=formula.expression, return_data=True)
    return [
        *(
            aws.cloudwatch.MetricAlarmMetricQueryArgs(
                id=identifier,
                metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
                    namespace=metric.namespace,
                    metric_name=metric.name,
                    dimensions=metric.dimensions,
                    stat=metric.statistic,
                    period=period,
                ),
            )
            for identifier, metric in formula.metrics.items()
        ),
        result,
    ]
