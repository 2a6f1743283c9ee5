"""How each receiver is written to: Alertmanager's own fields, with what is secret read from files at each message."""

from typing import Any

from infra.monitoring.notifications import (
    DiscordSettings,
    EmailSettings,
    HeartbeatSettings,
    NotificationSettings,
    PagerDutySettings,
    SlackSettings,
)
from infra.pods import SECRET_KEY

SECRETS_FOLDER = "/etc/alertmanager/secrets"
"""Where the operator mounts what `alertmanagerSpec.secrets` names, a folder each (Prometheus Operator, API reference)."""

NOBODY = "null"
"""Takes what no person is meant to read. The name is Alertmanager's custom."""

HEARTBEAT = "heartbeat"

TITLE = '{{ template "platform.title" . }}'
TEXT = '{{ template "platform.text" . }}'
RUNBOOK = "{{ .CommonAnnotations.runbook_url }}"
"""Templates of messages.tmpl."""


def receivers_of(settings: NotificationSettings) -> list[dict[str, Any]]:
    """Alertmanager's `receivers`."""
    written: list[dict[str, Any]] = [{"name": NOBODY}]
    for name, receiver in settings.receivers.items():
        match receiver:
            case SlackSettings():
                written.append({"name": name, "slack_configs": [_slack(receiver)]})
            case PagerDutySettings():
                written.append({"name": name, "pagerduty_configs": [_pagerduty(receiver)]})
            case EmailSettings():
                written.append({"name": name, "email_configs": [_email(receiver)]})
            case DiscordSettings():
                written.append({"name": name, "discord_configs": [_discord(receiver)]})
    if settings.heartbeat:
        written.append({"name": HEARTBEAT, "webhook_configs": [_heartbeat(settings.heartbeat)]})
    return written


def _file(secret: str) -> str:
    return f"{SECRETS_FOLDER}/{secret}/{SECRET_KEY}"


def _slack(settings: SlackSettings) -> dict[str, Any]:
    return {
        "send_resolved": True,
        "api_url_file": _file(settings.webhook_secret),
        "channel": settings.channel,
        "title": TITLE,
        "title_link": RUNBOOK,  # Alertmanager's own page, the default, is reached from inside the cluster only
        "fallback": TITLE,
        "text": TEXT,
    }


def _pagerduty(settings: PagerDutySettings) -> dict[str, Any]:
    return {
        "send_resolved": True,
        "routing_key_file": _file(settings.routing_key_secret),
        "description": TITLE,
        "severity": '{{ template "platform.severity" . }}',
        "source": '{{ template "platform.environment" . }}',
        "class": "{{ .GroupLabels.alertname }}",
        "group": "{{ .GroupLabels.namespace }}",
        "client": "Alertmanager",
        "client_url": RUNBOOK,
        # A link without an address is left out by Alertmanager.
        "links": [
            {"href": RUNBOOK, "text": "What to do"},
            {"href": "{{ .CommonAnnotations.dashboard_url }}", "text": "How it looks"},
        ],
        # The defaults are every label and annotation of every alert as JSON: PagerDuty cuts off what is above 512 KB.
        "details": {"firing": TEXT, "resolved": ""},
    }


def _email(settings: EmailSettings) -> dict[str, Any]:
    return {
        "send_resolved": True,
        "to": ", ".join(settings.to),
        "from": settings.sender,
        "smarthost": settings.smarthost,
        "auth_username": settings.username,
        "auth_password_file": _file(settings.password_secret),
        "require_tls": True,
        "headers": {"Subject": TITLE},
        "html": "",  # text alone: the default page shows every label, and no runbook
        "text": TEXT,
    }


def _discord(settings: DiscordSettings) -> dict[str, Any]:
    return {
        "send_resolved": True,
        "webhook_url_file": _file(settings.webhook_secret),
        "title": TITLE,
        "message": TEXT,
    }


def _heartbeat(settings: HeartbeatSettings) -> dict[str, Any]:
    return {"send_resolved": False, "url_file": _file(settings.url_secret)}
