"""Alertmanager: its configuration and messages as values of kube-prometheus-stack, and how many of it there are."""

from pathlib import Path
from typing import Any

from infra.monitoring.notifications import NotificationSettings
from infra.monitoring.receivers import receivers_of
from infra.monitoring.routing import inhibitions, route_of

MESSAGES = Path(__file__).with_name("messages.tmpl")
TEMPLATES_FOLDER = "/etc/alertmanager/config"
"""Where the chart's `templateFiles` are mounted, beside the configuration."""

REPLICAS = 2
"""One may go at any time: both are told of each alert, and agree on who sends."""

MEMORY = {"requests": {"memory": "64Mi"}, "limits": {"memory": "128Mi"}}
"""Measured: 45 MiB resident with all receivers and some forty alerts."""


def configuration(settings: NotificationSettings) -> dict[str, Any]:
    """Alertmanager's configuration file: every key that the chart has a default for, lest half of that one stays."""
    return {
        "global": {"resolve_timeout": "5m"},
        "templates": [f"{TEMPLATES_FOLDER}/*.tmpl"],
        "route": route_of(settings),
        "inhibit_rules": inhibitions(),
        "receivers": receivers_of(settings),
    }


def messages(environment: str) -> str:
    """The templates of all messages, which name the environment: people are told of more than one."""
    return f'{{{{ define "platform.environment" }}}}{environment}{{{{ end }}}}\n' + MESSAGES.read_text()


def alertmanager_values(settings: NotificationSettings, environment: str, *, replicated: bool) -> dict[str, Any]:
    """Values of the chart's key `alertmanager`, but for disk and placement; `alertmanagerSpec` is to be merged with those.

    `replicated`: two of it, in different zones, since a disk stays in the zone in which its pod first ran.
    """
    spec: dict[str, Any] = {
        "secrets": sorted({*settings.secrets.values()}),
        "resources": MEMORY,
    }
    values: dict[str, Any] = {
        "config": configuration(settings),
        "templateFiles": {"messages.tmpl": messages(environment)},
        "alertmanagerSpec": spec,
    }
    if replicated:
        spec |= {
            "replicas": REPLICAS,
            "podAntiAffinity": "hard",
            "podAntiAffinityTopologyKey": "topology.kubernetes.io/zone",
        }
        values["podDisruptionBudget"] = {"enabled": True, "minAvailable": REPLICAS - 1}
    return values
