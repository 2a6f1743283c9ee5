"""Alarms of the load balancer and of its certificate."""

from pulumi import Input
from pydantic import Field

from infra.alarms.alarm import DAY, Alarm, Formula, Metric
from infra.settings import Section

NAMESPACE = "AWS/ApplicationELB"


class EdgeThresholds(Section):
    """Section `alarms.edge`: from where on visitors suffer."""

    load_balancer_errors: int = Field(25, ge=1)
    """Answers 5xx in five minutes that the load balancer gave itself, because no target could."""

    target_errors_percent: float = Field(5, gt=0, le=100)
    """Of the requests that the application answered with 5xx: the same 5 % as the alert ErrorRateHigh in the cluster."""

    latency_seconds: float = Field(1, gt=0)
    """95th percentile of the application's answers: the same second as the alert LatencyHigh in the cluster."""

    certificate_days: int = Field(30, ge=1, le=44)
    """Left until the certificate ends. ACM begins to renew it 45 days before (CloudWatch, "Recommended alarms")."""


def load_balancer_alarms(
    thresholds: EdgeThresholds, load_balancer_arn_suffix: Input[str], target_group_arn_suffix: Input[str]
) -> list[Alarm]:
    """The alarms of an application load balancer and its target group; both as CloudWatch names them: `app/<name>/<id>`."""
    balancer = {"LoadBalancer": load_balancer_arn_suffix}
    targets = {**balancer, "TargetGroup": target_group_arn_suffix}
    return [
        Alarm(
            "LoadBalancerErrors",
            Metric(NAMESPACE, "HTTPCode_ELB_5XX_Count", balancer, "Sum"),
            "GreaterThanThreshold",
            thresholds.load_balancer_errors,
            "The load balancer answers 5xx itself: it reaches no healthy pod, or pods close connections.",
            periods=1,
            missing_data="notBreaching",  # sent only when there is one
        ),
        Alarm(
            "TargetErrorsHigh",
            Formula(
                "100 * FILL(errors, 0) / requests",
                {
                    "errors": Metric(NAMESPACE, "HTTPCode_Target_5XX_Count", targets, "Sum"),
                    "requests": Metric(NAMESPACE, "RequestCount", targets, "Sum"),
                },
            ),
            "GreaterThanThreshold",
            thresholds.target_errors_percent,
            f"The application answers more than {thresholds.target_errors_percent:g} % of the requests with 5xx.",
            periods=1,
            missing_data="notBreaching",  # no traffic divides nothing by nothing
        ),
        Alarm(
            "TargetLatencyHigh",
            Metric(NAMESPACE, "TargetResponseTime", targets, "p95"),
            "GreaterThanThreshold",
            thresholds.latency_seconds,
            f"One in twenty requests takes longer than {thresholds.latency_seconds:g} s.",
            missing_data="notBreaching",
        ),
        Alarm(
            "TargetsUnhealthy",
            Metric(NAMESPACE, "UnHealthyHostCount", targets, "Minimum"),
            "GreaterThanThreshold",
            0,
            "At least one pod has failed the load balancer's health check for a quarter of an hour.",
        ),
    ]


def certificate_alarms(thresholds: EdgeThresholds, certificate_arn: Input[str]) -> list[Alarm]:
    """The alarm of a certificate in the alarms' own region (one for CloudFront lives in us-east-1, and so do its metrics)."""
    return [
        Alarm(
            "CertificateExpiring",
            Metric("AWS/CertificateManager", "DaysToExpiry", {"CertificateArn": certificate_arn}, "Minimum"),
            "LessThanThreshold",
            thresholds.certificate_days,
            f"The certificate ends in less than {thresholds.certificate_days} days: ACM could not renew it.",
            period=DAY,
            periods=1,
        )
    ]
