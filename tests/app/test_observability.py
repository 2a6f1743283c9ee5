"""Metrics and logs, as Prometheus and the log collector would see them."""

import json
from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app import __version__
from tests.app.conftest import PASSWORD, Place
from tests.app.servers import Application, CacheServer, eventually, run_module


def samples(application: Application, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    """Value of every series of a metric, by its labels."""
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(application.metrics())
        for sample in family.samples
        if sample.name == name
    }


def test_requests_are_counted_and_timed_under_the_template_of_their_route(application: Application) -> None:
    quote = application.add()
    for _ in range(3):
        application.client.get(f"/quotes/{quote['id']}")
    labels = (("method", "GET"), ("route", "/quotes/{id}"), ("status", "200"))
    assert samples(application, "http_requests_total")[labels] == 3
    assert samples(application, "http_request_duration_seconds_count")[labels[:2]] == 3
    assert samples(application, "http_requests_in_progress")[()] == 0


def test_paths_that_nobody_serves_and_methods_that_nobody_knows_are_one_series_each(application: Application) -> None:
    application.add()
    for number in range(20):
        application.client.get(f"/wp-admin-{number}")
        application.client.request(f"HACK{number}", "/quotes")  # the HTTP parser refuses these
    application.client.request("PROPFIND", "/quotes")
    counted = samples(application, "http_requests_total")
    assert counted[(("method", "GET"), ("route", "unmatched"), ("status", "404"))] == 20
    assert {dict(labels)["method"] for labels in counted} == {"GET", "POST", "other"}
    assert len({dict(labels)["route"] for labels in counted}) < 12


def test_the_process_its_version_and_its_dependencies_are_exported(application: Application) -> None:
    text = application.metrics()
    assert f'app_info{{name="quotes",version="{__version__}"}} 1.0' in text
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_disk_written_bytes_total"):
        assert samples(application, name), name
    assert samples(application, "dependency_up") == {(("dependency", "cache"),): 1, (("dependency", "database"),): 1}
    assert samples(application, "database_pool_connections")[()] >= 1


def test_metrics_are_not_served_where_requests_are(application: Application) -> None:
    assert application.client.get("/metrics").status_code == 404


def test_every_line_is_json_and_a_request_has_one(start: Callable[..., Application]) -> None:
    application = start()
    application.client.get("/quotes?limit=3&token=secret-in-a-query", headers={"X-Request-ID": "trace-me.42"})
    application.client.get("/healthz")
    application.stop()
    lines = [json.loads(line) for line in application.server.lines().splitlines()]
    mine = [line for line in lines if line.get("request_id") == "trace-me.42"]
    assert len(mine) == 1
    expected = {"event": "request", "level": "info", "method": "GET", "route": "/quotes", "status": 200}
    assert expected.items() <= mine[0].items()
    assert mine[0]["milliseconds"] > 0
    assert not [line for line in lines if line.get("route") == "/healthz"], "probes are for debugging"
    for secret in ("secret-in-a-query", PASSWORD, CacheServer.PASSWORD):
        assert secret not in application.server.lines()


@pytest.mark.parametrize("sent", [b"x" * 65, b"a b", b'"}{', "ü".encode()])
def test_a_request_id_that_could_spoil_the_log_is_replaced(application: Application, sent: bytes) -> None:
    answered = application.client.get("/", headers={b"X-Request-ID": sent}).headers["X-Request-ID"]
    assert len(answered) == 32
    assert answered.isalnum()


def test_at_level_warning_a_request_is_silent_but_a_lost_dependency_is_not(
    start: Callable[..., Application], place: Place
) -> None:
    application = start(LOG_LEVEL="warning")
    application.ids()
    assert application.server.lines() == ""
    place.cache.stop()
    try:
        application.ids()
        eventually(lambda: "cache_away" in application.server.lines())
    finally:
        place.cache.start()
    assert CacheServer.PASSWORD not in application.server.lines()


def test_the_images_health_check_follows_the_server(start: Callable[..., Application]) -> None:
    application = start()
    port = {"PORT": str(application.port)}
    assert run_module("app.healthcheck", port).returncode == 0
    assert application.stop() == 0
    gone = run_module("app.healthcheck", port)
    assert gone.returncode == 1
    assert "/healthz does not answer" in gone.stderr
