"""Objectives of a service over 30 days, and who is told when their error budget is used up too fast."""

from dataclasses import dataclass

from pydantic import Field, field_validator

from infra.monitoring.alert import Alert, Severity, Watched
from infra.monitoring.recording import BOUNDS, rate, ratio
from infra.settings import Section

LEAST_REQUESTS = 5
"""Fewer failed or slow requests than that in the longer window tell nothing, whatever share of a quiet night they are."""


class ObjectivesSettings(Section):
    """What users are promised, over any 30 days."""

    availability_percent: float = Field(99.9, ge=95, lt=100)
    """Requests that are not answered with a 5xx. Below 95 % the fastest burn rate, 14.4, could never be reached."""

    latency_percent: float = Field(95.0, ge=95, lt=100)
    """Requests that are answered within `latency_seconds`."""

    latency_seconds: float = 0.2
    """A bound of the application's histogram: between two bounds nobody can count."""

    @field_validator("latency_seconds")
    @classmethod
    def _can_be_counted(cls, seconds: float) -> float:
        if seconds not in BOUNDS:
            raise ValueError(
                f"{seconds:g} is no bound of the application's histogram, so slower requests cannot be counted; "
                f"choose one of {', '.join(f'{bound:g}' for bound in BOUNDS)}"
            )
        return seconds


@dataclass(frozen=True)
class BurnRate:
    """The budget goes `factor` times as fast as it may, over the longer window and still over the shorter one."""

    long: str
    short: str
    factor: float
    hold: str
    severity: Severity
    spent: str
    """Of the budget of 30 days, once the longer window has been burning so."""


BURN_RATES = (
    BurnRate("1h", "5m", 14.4, "2m", "critical", "2 %"),
    BurnRate("6h", "30m", 6, "15m", "critical", "5 %"),
    BurnRate("1d", "2h", 3, "1h", "warning", "10 %"),
    BurnRate("3d", "6h", 1, "3h", "warning", "10 %"),
)
"""Site Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts"."""

SECONDS = {"1h": 3600, "6h": 21_600, "1d": 86_400, "3d": 259_200}


def budget_alerts(workload: Watched, objectives: ObjectivesSettings) -> list[Alert]:
    """Four alerts for each of the two objectives, told apart by the label `window`."""
    percent, seconds = objectives.latency_percent, f"{objectives.latency_seconds * 1000:g} ms"
    found = []
    for burn in BURN_RATES:
        found += [
            _alert(
                workload,
                burn,
                "AvailabilityBudgetBurning",
                "failed",
                objectives.availability_percent,
                f"{objectives.availability_percent:g} % of the requests succeed",
                "fail",
            ),
            _alert(
                workload,
                burn,
                "LatencyBudgetBurning",
                "slow",
                percent,
                f"{percent:g} % of the requests are answered within {seconds}",
                f"take longer than {seconds}",
            ),
        ]
    return sorted(found, key=lambda alert: alert.name)


def _alert(workload: Watched, burn: BurnRate, name: str, what: str, percent: float, promise: str, do: str) -> Alert:
    budget = (100 - percent) / 100
    limit = f"{burn.factor * budget:.6g}"
    chosen = f"{{{workload.job}}}"
    # Half an hour after an outage the shorter window still tells of it: nobody is woken unless the budget still goes too fast.
    still = f" and {ratio(what, '5m')}{chosen} > {budget:.6g}" if burn.severity == "critical" else ""
    return Alert(
        name=name,
        expression=(
            f"{ratio(what, burn.long)}{chosen} > {limit} and {ratio(what, burn.short)}{chosen} > {limit}{still}"
            f" and {rate(what, burn.long)}{chosen} * {SECONDS[burn.long]} >= {LEAST_REQUESTS}"
        ),
        hold=burn.hold,
        severity=burn.severity,
        summary=f"{workload.name} uses up its error budget {burn.factor:g} times as fast as it may.",
        description=(
            f"{{{{ $value | humanizePercentage }}}} of the requests in {{{{ $labels.namespace }}}} {do}, measured over"
            f" {burn.long}. The promise for 30 days is that {promise}; {burn.spent} of what it leaves is gone in {burn.long}."
        ),
        labels={"window": burn.long},
    )
