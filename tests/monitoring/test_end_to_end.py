"""The database goes away: the right people are told once, with the page that says what to do, and told when it is back.

Prometheus with the registered rules, Alertmanager with the stack's own configuration, and the application itself, PostgreSQL and
cache included. Their time is divided by one factor: scrapes, evaluations, windows, holds and what Alertmanager waits. FULL=1
leaves them as they are (half an hour).
"""

import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from infra.monitoring.alert import RUNBOOKS
from tests.app.certificates import Certificates
from tests.app.conftest import Place
from tests.app.servers import Application, eventually, stopping
from tests.monitoring.alertmanager import Alertmanager, give_secrets, values_of, written
from tests.monitoring.listeners import Web
from tests.monitoring.prometheus import Prometheus, hurried
from tests.unit.rules import groups

FACTOR = 1 if os.environ.get("FULL") == "1" else 15
PATIENCE = 900 / FACTOR + 90
"""Seconds: a quarter of an hour of their time, and what a busy machine takes beside it."""

PROMISED_SECONDS = 180
"""From the stop to the message: a scrape (30), an evaluation (30), the hold (60), another evaluation (30), the wait for others of
the group (10), and the way. Unhurried."""


@dataclass
class Scene:
    """Everything that runs."""

    place: Place
    prometheus: Prometheus
    alertmanager: Alertmanager
    web: Web

    def told(self) -> list[dict[str, Any]]:
        """The messages in Slack, the oldest first."""
        return [body["attachments"][0] for body in self.web.to("slack")]

    def inhibited(self) -> set[str]:
        """Names of the alerts that Alertmanager has and tells nobody, since another one says why."""
        found = httpx.get(f"{self.alertmanager.url}/api/v2/alerts", params={"active": "false"}).raise_for_status()
        return {alert["labels"]["alertname"] for alert in found.json() if alert["status"]["inhibitedBy"]}


class Users:
    """Somebody who asks ten times a second, for something that needs the database, until stopped."""

    def __init__(self, application: Application) -> None:
        self._application, self._over = application, threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def _ask(self) -> None:
        while not self._over.wait(0.1):
            try:
                self._application.client.post("/quotes", json={"author": "Seneca", "text": "Vivere militare est."})
            except httpx.HTTPError:
                continue

    def start(self) -> "Users":
        """Begin."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End."""
        self._over.set()
        self._thread.join(35)


@pytest.fixture
def scene(place: Place, start: Callable[..., Application], tmp_path: Path) -> Iterator[Scene]:
    applications = [start(), start()]
    web = Web()
    give_secrets(
        tmp_path,
        {
            "alerts-slack": f"{web.url}/slack/{secrets.token_hex(8)}",
            "alerts-pagerduty": secrets.token_hex(16),
            "alerts-heartbeat": f"{web.url}/alive/{secrets.token_hex(8)}",
        },
    )
    path = written(values_of("prod", {"monitoring.notifications.email": None}), tmp_path)
    config = yaml.safe_load(path.read_text())
    _hurry(config["route"])
    [pagerduty] = [each for each in config["receivers"] if each["name"] == "pagerduty"]
    pagerduty["pagerduty_configs"][0]["url"] = f"{web.url}/pagerduty/"
    path.write_text(yaml.safe_dump(config))
    alertmanager = Alertmanager(path, Certificates(tmp_path).authority)
    prometheus = Prometheus(
        tmp_path,
        groups("prod"),
        {
            f"127.0.0.1:{application.metrics_port}": {"namespace": "marlinspike", "pod": f"app-{number}"}
            for number, application in enumerate(applications)
        },
        factor=FACTOR,
        alertmanager=alertmanager.port,
    )
    users = Users(applications[0])
    web.start()
    with stopping(users, prometheus, alertmanager, web):
        alertmanager.start()
        prometheus.start()
        users.start()
        yield Scene(place, prometheus, alertmanager, web)


def _hurry(route: dict[str, Any]) -> None:
    for key in ("group_wait", "group_interval", "repeat_interval"):
        if key in route and route[key] != "0s":
            route[key] = hurried(route[key], FACTOR)
    for child in route.get("routes", []):
        _hurry(child)


def test_a_database_that_goes_away_is_told_once_with_its_page_and_again_when_it_is_back(scene: Scene) -> None:
    prometheus = scene.prometheus
    requests = 'namespace_job:http_requests:rate5m{job="app"} > 1'
    eventually(lambda: prometheus.query(requests), PATIENCE, "requests are counted")
    eventually(lambda: not prometheus.query("ALERTS"), PATIENCE, "nothing is wrong")
    assert scene.told() == []

    stopped = time.monotonic()
    scene.place.postgresql.stop()
    try:
        eventually(scene.told, PATIENCE, "somebody is told")
        seconds = (time.monotonic() - stopped) * FACTOR
        [message] = scene.told()
        assert message["title"] == "[prod · critical] DatabaseUnreachable in marlinspike"
        assert message["title_link"] == f"{RUNBOOKS}/DatabaseUnreachable.md"
        assert "2 of its pods in marlinspike ask the database in vain." in message["text"]
        eventually(lambda: scene.web.to("pagerduty"), PATIENCE, "somebody is woken")
        [page] = scene.web.to("pagerduty")
        assert page["links"][0]["href"] == f"{RUNBOOKS}/DatabaseUnreachable.md"
        print(f"told after {seconds:.0f} s (promised: {PROMISED_SECONDS} s), time divided by {FACTOR}")
        _within_the_promised_evaluations(prometheus)

        # Users notice too, which is no second message.
        eventually(lambda: "ErrorRateHigh" in prometheus.firing(), PATIENCE, "requests fail")
        eventually(lambda: "ErrorRateHigh" in scene.inhibited(), PATIENCE, "the consequence is silent")
    finally:
        scene.place.postgresql.start()

    eventually(lambda: len(scene.told()) > 1, PATIENCE, "somebody is told that it is back")
    eventually(lambda: not prometheus.firing(), PATIENCE, "nothing is wrong any more")
    time.sleep(2 * 120 / FACTOR)  # two intervals of a group: whatever was held back would be told by now
    assert [message["title"] for message in scene.told()] == [
        "[prod · critical] DatabaseUnreachable in marlinspike",
        "[prod · resolved] DatabaseUnreachable in marlinspike",
    ]
    assert [page["event_action"] for page in scene.web.to("pagerduty")] == ["trigger", "resolve"]


def _within_the_promised_evaluations(prometheus: Prometheus) -> None:
    """By what Prometheus noted, not by the clock of a busy machine: it was pending for no more looks than the hold takes."""
    pending = prometheus.query('ALERTS{alertname="DatabaseUnreachable", alertstate="pending"}[1h]')
    looks = [float(at) for at, _ in pending[0]["values"]]
    assert len(looks) <= 60 // 30 + 1, looks
    away = prometheus.query('dependency_up{dependency="database", pod="app-0"}[1h]')
    first = next(float(at) for at, value in away[0]["values"] if value == "0")
    # The first look after the first scrape that told so, and not one later.
    assert looks[0] - first <= 2 * 30 / FACTOR, "one interval, and one for a late machine"
