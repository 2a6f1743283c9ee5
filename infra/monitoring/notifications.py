"""Who is told of alerts, by which way and from which severity on. What is secret about a way is a secret's name here."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from infra.settings import Email, SecretName, Section

Severity = Literal["critical", "warning", "info"]
"""Of an alert: somebody gets up, somebody looks in working hours, nobody needs to."""

SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")
"""The gravest first."""


class _Receiver(Section):
    least_severity: Severity
    """It is told of alerts of this severity and of graver ones."""

    def takes(self, severity: Severity) -> bool:
        """Whether it is told of alerts of this severity."""
        return SEVERITIES.index(severity) <= SEVERITIES.index(self.least_severity)


class SlackSettings(_Receiver):
    """Messages in a channel of Slack."""

    channel: Annotated[str, Field(pattern=r"^#[a-z0-9_-]{1,79}$", examples=["#alerts-prod"])]
    """With its `#`; a webhook of today's kind posts into the channel that it was made for, whatever stands here."""

    webhook_secret: SecretName
    """Holds the URL of an incoming webhook; whoever knows it can post."""

    least_severity: Severity = "info"


class PagerDutySettings(_Receiver):
    """Incidents in PagerDuty, which finds whoever is on call."""

    routing_key_secret: SecretName
    """Holds the integration key of a service's "Events API V2" integration."""

    least_severity: Severity = "critical"


class EmailSettings(_Receiver):
    """Messages by SMTP, with TLS always."""

    to: tuple[Email, ...] = Field(min_length=1)

    sender: Email

    smarthost: Annotated[str, Field(pattern=r"^[a-z0-9.-]+:[0-9]{1,5}$", examples=["smtp.example.com:587"])]
    """Server and port that takes the mail: 587 begins in plain and must offer STARTTLS, 465 is TLS from the start."""

    username: str = Field(min_length=1)

    password_secret: SecretName
    """Holds the password of `username`."""

    least_severity: Severity = "warning"


class DiscordSettings(_Receiver):
    """Messages in a channel of Discord."""

    webhook_secret: SecretName
    """Holds the URL of the channel's webhook; whoever knows it can post."""

    least_severity: Severity = "info"


class HeartbeatSettings(Section):
    """A sign of life once a minute, to a service that calls people when it stays away.

    Nothing else tells that Prometheus, Alertmanager or the whole cluster is gone.
    """

    url_secret: SecretName
    """Holds the URL that is posted to, as healthchecks.io and Dead Man's Snitch hand it out."""


class NotificationSettings(Section):
    """Key `notifications` of section `monitoring`. Each secret must be in section `secrets`; no value stands in a stack file."""

    slack: SlackSettings | None = None
    pagerduty: PagerDutySettings | None = None
    email: EmailSettings | None = None
    discord: DiscordSettings | None = None
    heartbeat: HeartbeatSettings | None = None

    @property
    def receivers(self) -> dict[str, SlackSettings | PagerDutySettings | EmailSettings | DiscordSettings]:
        """Those who are told of alerts, by the name of the way, in the order in which they are told."""
        ways = {"pagerduty": self.pagerduty, "slack": self.slack, "discord": self.discord, "email": self.email}
        return {name: way for name, way in ways.items() if way is not None}

    def told_of(self, severity: Severity) -> list[str]:
        """The receivers of alerts of this severity."""
        return [name for name, receiver in self.receivers.items() if receiver.takes(severity)]

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets that Alertmanager reads, by the setting that names each."""
        return {f"{name}.{key}": value for name, way in self for key, value in (way or ()) if key.endswith("_secret")}

    @model_validator(mode="after")
    def _warnings_reach_somebody(self) -> "NotificationSettings":
        if self.receivers and not self.told_of("warning"):
            raise ValueError(
                f"nobody would be told of warnings: {', '.join(self.receivers)} takes critical alerts only; lower its "
                "least_severity, or name another way (slack, email, discord)"
            )
        return self

    @model_validator(mode="after")
    def _each_way_has_a_secret_of_its_own(self) -> "NotificationSettings":
        for secret in sorted({*self.secrets.values()}):
            sharing = [setting for setting, named in self.secrets.items() if named == secret]
            if len(sharing) > 1:
                raise ValueError(
                    f"{' and '.join(sharing)} name the same secret {secret}; they are told different things"
                )
        return self
