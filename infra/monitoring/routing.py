"""Which alert goes to whom, with what others in one message, how often, and which are silent because another says why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.monitoring.notifications import SEVERITIES, NotificationSettings, Severity
from infra.monitoring.receivers import HEARTBEAT, NOBODY

WATCHDOG = "Watchdog"
"""Always fires, so that its absence tells (kube-prometheus, "General rules")."""

INFO_INHIBITOR = "InfoInhibitor"
"""Fires while a namespace has nothing worse than information, and is there to silence it (kube-prometheus)."""

GROUPED_BY = ("alertname", "namespace")
"""One message for one alert of one namespace, however many pods it is about."""


@dataclass(frozen=True)
class _Pace:
    """Of messages about one group of alerts."""

    wait: str
    """For others of the group, before the first message."""
    between: str
    """Two messages, when others joined or left."""
    repeat: str
    """While nothing changes."""

    def fields(self) -> dict[str, str]:
        return {"group_wait": self.wait, "group_interval": self.between, "repeat_interval": self.repeat}


PACES: Mapping[Severity, _Pace] = {
    "critical": _Pace("10s", "2m", "4h"),
    "warning": _Pace("30s", "5m", "12h"),
    "info": _Pace("30s", "5m", "24h"),
}

HEARTBEATS = _Pace("0s", "1m", "50s")
"""Alertmanager looks once in `between` whether `repeat` is over: at a minute and a minute it would miss every other beat."""


@dataclass(frozen=True)
class Cause:
    """An alert whose consequences need no message of their own."""

    alert: str
    consequences: Sequence[str]
    equal: Sequence[str] = ("namespace",)
    """Labels that must be the same on both."""


REQUESTS = ("ErrorRateHigh", "AvailabilityBudgetBurning", "LatencyHigh", "LatencyBudgetBurning")
"""What users notice, whatever the cause."""

CAUSES = (
    Cause("WorkloadDown", (*REQUESTS, "AvailablePodsLow", "PodDown")),
    # The one namespace has one database and one cache, of which only the application speaks.
    Cause("DatabaseUnreachable", (*REQUESTS, "DatabasePoolExhausted")),
    Cause("CacheUnreachable", ("LatencyHigh", "LatencyBudgetBurning", "DatabasePoolExhausted")),
)
"""Of the platform's own alerts (infra/monitoring/rules.py). Who is told of a cause is not told of what follows from it."""

LOST_NODE = ("KubeNodeNotReady", "KubeNodeUnreachable")
"""kube-prometheus' names. What else is said about the same node follows from it."""


def route_of(settings: NotificationSettings) -> dict[str, Any]:
    """Alertmanager's `route`. What no route expects goes to whoever is told of most, as a warning would."""
    told = settings.told_of("warning")
    return {
        "receiver": told[0] if told else NOBODY,
        "group_by": [*GROUPED_BY],
        **PACES["warning"].fields(),
        "routes": [
            {
                "matchers": [f'alertname="{WATCHDOG}"'],
                "receiver": HEARTBEAT if settings.heartbeat else NOBODY,
                **HEARTBEATS.fields(),
            },
            {"matchers": [f'alertname="{INFO_INHIBITOR}"'], "receiver": NOBODY},
            *(_route(severity, settings.told_of(severity)) for severity in SEVERITIES),
        ],
    }


def _route(severity: Severity, told: Sequence[str]) -> dict[str, Any]:
    """All of `told` get it: each route but the last lets the alert go on to the next."""
    last = len(told) - 1
    routes = [
        {"receiver": receiver, **({"continue": True} if number < last else {})} for number, receiver in enumerate(told)
    ]
    return {
        "matchers": [f'severity="{severity}"'],
        "receiver": told[0] if told else NOBODY,
        **PACES[severity].fields(),
        **({"routes": routes} if len(told) > 1 else {}),
    }


def inhibitions() -> list[dict[str, Any]]:
    """Alertmanager's `inhibit_rules`. Labels that neither alert has count as equal."""
    return [
        *(
            _inhibition(
                [f'alertname="{cause.alert}"'], [f'alertname=~"{"|".join(cause.consequences)}"'], list(cause.equal)
            )
            for cause in CAUSES
        ),
        _inhibition([f'alertname=~"{"|".join(LOST_NODE)}"'], ['node!=""'], ["node"]),
        # The same alert at two thresholds: the graver one is enough.
        _inhibition(['severity="critical"'], ['severity=~"warning|info"'], ["namespace", "alertname"]),
        _inhibition(['severity="warning"'], ['severity="info"'], ["namespace", "alertname"]),
        _inhibition([f'alertname="{INFO_INHIBITOR}"'], ['severity="info"'], ["namespace"]),
    ]


def _inhibition(source: list[str], target: list[str], equal: list[str]) -> dict[str, Any]:
    return {"source_matchers": source, "target_matchers": target, "equal": equal}
