"""A real Alertmanager with prod's own configuration tells people, once, what is wrong and what to do, and when it is over."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.monitoring.alert import RUNBOOKS
from infra.monitoring.routing import CAUSES
from tests.app.certificates import Certificates
from tests.app.servers import eventually, stopping
from tests.monitoring.alertmanager import (
    Alertmanager,
    alert_of,
    give_secrets,
    hurry,
    own_alerts,
    values_of,
    written,
)
from tests.monitoring.listeners import Mail, Web

RULES = {rule["alert"]: rule for rule in own_alerts("prod", {})}
_numbers = count(1)


@dataclass
class People:
    """Alertmanager, those whom it tells, and what only they and it know."""

    alertmanager: Alertmanager
    web: Web
    mail: Mail
    secrets: dict[str, str]

    def titles(self, about: str) -> list[str]:
        """Of the messages in Slack, the oldest first."""
        return [body["attachments"][0]["title"] for body in self.web.to("slack", about)]

    def wait_for_slack(self, about: str, messages: int = 1) -> list[dict[str, Any]]:
        """The messages in Slack, as soon as there are so many."""
        eventually(lambda: len(self.web.to("slack", about)) >= messages, what=f"{messages} messages about {about}")
        return [body["attachments"][0] for body in self.web.to("slack", about)]

    def all_is_said(self) -> None:
        """Returns when a critical alert that came later has arrived everywhere: whatever was to be said before has been said."""
        marker = a_namespace()
        self.alertmanager.fire(alert_of(RULES["ErrorRateHigh"], marker))
        for receiver in ("pagerduty", "slack", "discord"):
            eventually(lambda receiver=receiver: self.web.to(receiver, marker), what=receiver)
        eventually(lambda: self.mail.about(marker), what="e-mail")


def a_namespace() -> str:
    """One that no other test's alerts are of."""
    return f"namespace-{next(_numbers)}-"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    folder = tmp_path_factory.mktemp("alertmanager")
    certificates = Certificates(folder)
    known = {name: secrets.token_hex(16) for name in ("slack", "pagerduty", "discord", "heartbeat", "smtp")}
    web = Web()
    mail = Mail(certificates.certificate, certificates.key, "alerts", known["smtp"])
    give_secrets(
        folder,
        {
            "alerts-slack": f"{web.url}/slack/{known['slack']}",
            "alerts-pagerduty": known["pagerduty"] + "\n",
            "alerts-discord": f"{web.url}/discord/{known['discord']}",
            "alerts-heartbeat": f"{web.url}/alive/{known['heartbeat']}",
            "alerts-smtp": known["smtp"],
        },
    )
    settings = {
        "secrets.alerts-discord": {"description": "URL of the webhook of Discord's channel"},
        "monitoring.notifications.discord": {"webhook_secret": "alerts-discord"},
        "monitoring.notifications.email.smarthost": f"localhost:{mail.port}",
    }
    path = written(values_of("prod", settings), folder)
    config = yaml.safe_load(path.read_text())
    hurry(config["route"])
    [pagerduty] = [each for each in config["receivers"] if each["name"] == "pagerduty"]
    pagerduty["pagerduty_configs"][0]["url"] = f"{web.url}/pagerduty/"
    path.write_text(yaml.safe_dump(config))
    alertmanager = Alertmanager(path, certificates.authority)
    web.start()
    try:
        mail.start()
        try:
            with stopping(alertmanager):
                alertmanager.start()
                yield People(alertmanager, web, mail, known)
        finally:
            mail.stop()
    finally:
        web.stop()


def test_a_critical_alert_tells_everybody_what_is_wrong_and_what_to_do(people: People) -> None:
    here = a_namespace()
    people.alertmanager.fire(alert_of(RULES["WorkloadDown"], here))
    title, runbook = f"[prod · critical] WorkloadDown in {here}", f"{RUNBOOKS}/WorkloadDown.md"
    summary = RULES["WorkloadDown"]["annotations"]["summary"]

    [slack] = people.wait_for_slack(here)
    assert (slack["title"], slack["title_link"]) == (title, runbook)
    assert people.web.to("slack", here)[0]["channel"] == "#alerts-prod"

    eventually(lambda: people.web.to("pagerduty", here))
    [page] = people.web.to("pagerduty", here)
    assert (page["event_action"], page["routing_key"]) == ("trigger", people.secrets["pagerduty"])
    assert (page["payload"]["summary"], page["payload"]["severity"]) == (title, "critical")
    assert (page["payload"]["source"], page["payload"]["class"], page["payload"]["group"]) == (
        "prod",
        "WorkloadDown",
        here,
    )
    assert page["links"] == [{"href": runbook, "text": "What to do"}]

    eventually(lambda: people.web.to("discord", here))
    [discord] = people.web.to("discord", here)[0]["embeds"]
    assert discord["title"] == title

    eventually(lambda: people.mail.about(here))
    [mail] = people.mail.about(here)
    assert (mail["Subject"], mail["From"], mail["To"]) == (title, "alerts@example.com", "platform@example.com")
    assert mail.get_content_type() == "multipart/alternative"
    [part] = mail.iter_parts()
    assert part.get_content_type() == "text/plain"

    for text in (
        slack["text"],
        page["payload"]["custom_details"]["firing"],
        discord["description"],
        part.get_content().replace("\r\n", "\n"),
    ):
        assert text.startswith(summary)
        assert f"What to do: {runbook}" in text
        assert "\nSince 20" in text
        assert " UTC\n" in text


def test_no_message_holds_a_secret_that_is_not_its_readers_own(people: People) -> None:
    people.all_is_said()
    for message in people.web.messages:
        receiver = message.path.split("/")[1]
        mine = {"pagerduty": {"pagerduty"}}.get(receiver, set())
        told = json.dumps(message.body)
        assert not [name for name, secret in people.secrets.items() if secret in told and name not in mine], (
            message.path
        )
    for mail in people.mail.messages:
        assert not [name for name, secret in people.secrets.items() if secret in mail.as_string()]
    assert len(people.mail.logins) >= len(people.mail.messages) >= 1
    assert not [name for name, secret in people.secrets.items() if secret in people.alertmanager.server.lines()]
    assert not [name for name, secret in people.secrets.items() if secret in people.alertmanager.config.read_text()]


def test_a_warning_wakes_nobody(people: People) -> None:
    here = a_namespace()
    people.alertmanager.fire(alert_of(RULES["LatencyHigh"], here))
    [message] = people.wait_for_slack(here)
    assert message["title"] == f"[prod · warning] LatencyHigh in {here}"
    eventually(lambda: people.mail.about(here))
    people.all_is_said()
    assert people.web.to("pagerduty", here) == []


def test_many_pods_with_one_trouble_are_one_message(people: People) -> None:
    here, many = a_namespace(), a_namespace()
    rule = RULES["LatencyHigh"]
    people.alertmanager.fire(*(alert_of(rule, here, pod=f"app-{number}") for number in range(3)))
    people.alertmanager.fire(*(alert_of(rule, many, pod=f"app-{number}") for number in range(12)))
    [message] = people.wait_for_slack(here)
    assert message["title"] == f"[prod · warning] LatencyHigh in {here} (3)"
    assert message["text"].count(rule["annotations"]["summary"]) == 3
    [message] = people.wait_for_slack(many)
    assert message["text"].count(rule["annotations"]["summary"]) == 10
    assert "10 of 12 are shown." in message["text"]


def test_it_is_said_when_it_is_over_with_the_same_incident(people: People) -> None:
    here = a_namespace()
    alert = alert_of(RULES["WorkloadDown"], here)
    people.alertmanager.fire(alert)
    people.wait_for_slack(here)
    eventually(lambda: people.web.to("pagerduty", here))
    people.alertmanager.resolve(alert)
    _, over = people.wait_for_slack(here, messages=2)
    assert (over["title"], over["color"]) == (f"[prod · resolved] WorkloadDown in {here}", "good")
    assert ", until 20" in over["text"]
    eventually(lambda: len(people.web.to("pagerduty", here)) == 2)
    trigger, resolve = people.web.to("pagerduty", here)
    assert (resolve["event_action"], resolve["dedup_key"]) == ("resolve", trigger["dedup_key"])
    eventually(lambda: len(people.mail.about(here)) == 2)


def test_what_follows_from_a_cause_needs_no_message_of_its_own(people: People) -> None:
    here, elsewhere = a_namespace(), a_namespace()
    [consequences] = [cause.consequences for cause in CAUSES if cause.alert == "WorkloadDown"]
    people.alertmanager.fire(
        alert_of(RULES["WorkloadDown"], here),
        *(alert_of(RULES[name], here) for name in consequences),
        alert_of(RULES["LatencyHigh"], elsewhere),
    )
    people.wait_for_slack(elsewhere)
    people.all_is_said()
    assert people.titles(here) == [f"[prod · critical] WorkloadDown in {here}"]
    inhibited = people.alertmanager.amtool("alert", "query", "--inhibited", f"namespace={here}", "-o", "json")
    assert {each["labels"]["alertname"] for each in json.loads(inhibited) if each["status"]["inhibitedBy"]} == {
        *consequences
    }


@pytest.mark.parametrize(
    ("said", "silent"),
    [
        # The same at two thresholds.
        ({"alertname": "CpuHigh", "severity": "critical"}, {"alertname": "CpuHigh", "severity": "warning"}),
        ({"alertname": "QuotaHigh", "severity": "warning"}, {"alertname": "QuotaHigh", "severity": "info"}),
        # A lost node, and what was on it.
        (
            {"alertname": "KubeNodeNotReady", "severity": "warning", "node": "node-a"},
            {"alertname": "NodeDiskFull", "severity": "critical", "node": "node-a"},
        ),
    ],
)
def test_the_graver_one_is_enough(people: People, said: dict[str, str], silent: dict[str, str]) -> None:
    here = a_namespace()
    people.alertmanager.fire(*({"labels": {**labels, "namespace": here}} for labels in (said, silent)))
    people.wait_for_slack(here)
    people.all_is_said()
    assert people.titles(here) == [f"[prod · {said['severity']}] {said['alertname']} in {here}"]


def test_an_unrelated_warning_is_not_silenced_by_a_critical_alert(people: People) -> None:
    here = a_namespace()
    people.alertmanager.fire(
        *({"labels": {"alertname": name, "severity": severity, "namespace": here}}
          for name, severity in (("DiskFull", "critical"), ("CertificateOld", "warning")))
    )  # fmt: skip
    people.wait_for_slack(here, messages=2)


def test_information_alone_is_not_told(people: People) -> None:
    alone, beside = a_namespace(), a_namespace()
    people.alertmanager.fire(
        {"labels": {"alertname": "CPUThrottlingHigh", "severity": "info", "namespace": alone}},
        {"labels": {"alertname": "InfoInhibitor", "severity": "none", "namespace": alone}},
        {"labels": {"alertname": "CPUThrottlingHigh", "severity": "info", "namespace": beside}},
    )
    [message] = people.wait_for_slack(beside)
    assert message["title"] == f"[prod · info] CPUThrottlingHigh in {beside}"
    people.all_is_said()
    assert people.titles(alone) == []
    assert not people.mail.about(beside)


def test_an_alert_of_no_known_severity_is_told_all_the_same(people: People) -> None:
    here = a_namespace()
    people.alertmanager.fire({"labels": {"alertname": "SomebodysOwn", "namespace": here, "pod": "app-1"}})
    [message] = people.wait_for_slack(here)
    assert message["title"] == f"[prod · alert] SomebodysOwn in {here}"
    assert "pod=app-1" in message["text"], "without a summary the labels say what it is"


def test_a_silence_holds_back_until_it_ends(people: People) -> None:
    here = a_namespace()
    silence = people.alertmanager.amtool(
        *("silence", "add", f"namespace={here}", "--author=test", "--comment=planned work", "--duration=1h")
    )
    alert = alert_of(RULES["WorkloadDown"], here)
    people.alertmanager.fire(alert)
    people.all_is_said()
    assert people.titles(here) == []
    assert here in people.alertmanager.amtool("alert", "query", "--silenced", f"namespace={here}", "-o", "extended")
    people.alertmanager.amtool("silence", "expire", silence)
    people.wait_for_slack(here)


def test_the_heartbeat_beats_and_says_nothing_else(people: People) -> None:
    people.alertmanager.fire({"labels": {"alertname": "Watchdog", "severity": "none"}})
    eventually(lambda: len(people.web.to("alive")) >= 3)
    people.all_is_said()
    assert people.titles("Watchdog") == []
    assert {body["commonLabels"]["alertname"] for body in people.web.to("alive")} == {"Watchdog"}


def test_a_dashboard_is_linked_where_the_alert_has_one(people: People) -> None:
    here, page = a_namespace(), "https://grafana.example.com/d/service"
    alert = alert_of(RULES["WorkloadDown"], here)
    people.alertmanager.fire({**alert, "annotations": {**alert["annotations"], "dashboard_url": page}})
    [message] = people.wait_for_slack(here)
    assert f"How it looks: {page}" in message["text"]
    eventually(lambda: people.web.to("pagerduty", here))
    assert people.web.to("pagerduty", here)[0]["links"][1] == {"href": page, "text": "How it looks"}


def test_a_secret_that_was_renewed_is_used_at_the_next_message(people: People) -> None:
    file: Path = people.alertmanager.config.parent / "secrets" / "alerts-pagerduty" / "value"
    renewed, here = secrets.token_hex(16), a_namespace()
    before = file.read_text()
    file.write_text(renewed)
    try:
        people.alertmanager.fire(alert_of(RULES["WorkloadDown"], here))
        eventually(lambda: people.web.to("pagerduty", here))
        assert people.web.to("pagerduty", here)[0]["routing_key"] == renewed
    finally:
        file.write_text(before)
