"""`status` and `health`: what they find on a rehearsed stack, and what they say when something does not answer."""

import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from kubernetes import client

from ops import alerts
from ops.cluster import Cluster
from ops.status import age
from tests.app.servers import Server, eventually, free_port
from tests.monitoring.tools import tools
from tests.ops.conftest import RehearsedStack


def test_the_whole_stack_is_on_one_screen(rehearsed_stack: RehearsedStack) -> None:
    found = rehearsed_stack.document("status")
    [pod] = [each for each in found["pods"] if each["name"].startswith("app-")]
    assert (pod["state"], pod["ready"]) == ("Running", "1 of 1")
    assert {each["zone"] for each in found["nodes"]} == {"eu-west-3a", "eu-west-3b"}
    assert all(each["state"] == "Ready" for each in found["nodes"])
    assert found["alerts"] == {"off": "nobody watches: monitoring.mode is off"}
    assert found["versions"]["Kubernetes"].startswith("v1.36")
    assert found["versions"]["PostgreSQL"].startswith("18")
    assert found["versions"]["Valkey"].startswith("8.2")
    assert found["versions"]["image"].endswith("/marlinspike/app:0.1.0")
    assert (found["last update"]["kind"], found["last update"]["result"]) == ("update", "succeeded")
    assert 100 < found["cost"]["USD a month"] < found["cost"]["budget"] == 400
    shown = rehearsed_stack.run("status")
    assert shown.exit_code == 0
    for word in (pod["name"], "eu-west-3a", "autoscalers: none", "PostgreSQL 18", "cost: USD a month"):
        assert word in shown.output


def test_a_stack_that_is_up_is_well(rehearsed_stack: RehearsedStack) -> None:
    found = rehearsed_stack.document("health")
    assert found["well"]
    assert found["deployments"] == {"app": {"wanted": 1, "ready": 1}}


def test_what_is_not_well_is_named_each_with_its_reason(rehearsed_stack: RehearsedStack) -> None:
    with rehearsed_stack.opened() as opened:
        cluster, namespace = opened.cluster, opened.namespace
        metadata = {"name": "tests-failed", "namespace": namespace}
        container = {"name": "main", "image": "registry.example.net/main:1.0.0"}
        template = {"spec": {"restartPolicy": "Never", "containers": [container], "nodeSelector": {"none": "such"}}}
        budget = {"selector": {"matchLabels": {"app.kubernetes.io/name": "app"}}, "minAvailable": 2}
        try:
            cluster.batch.create_namespaced_job(
                namespace, {"metadata": metadata, "spec": {"suspend": True, "template": template}}
            )
            now = datetime.now(UTC).isoformat()
            conditions = [
                {"type": kind, "status": "True", "reason": "TwiceTried", "message": "it was tried twice",
                 "lastTransitionTime": now}
                for kind in ("FailureTarget", "Failed")
            ]  # fmt: skip
            cluster.batch.patch_namespaced_job_status(
                "tests-failed", namespace, {"status": {"startTime": now, "conditions": conditions}}
            )
            cluster.policy.create_namespaced_pod_disruption_budget(namespace, {"metadata": metadata, "spec": budget})
            answers = eventually_two_reasons(rehearsed_stack)
            refused = rehearsed_stack.run("restart", "--yes")
        finally:
            cluster.batch.delete_namespaced_job("tests-failed", namespace, propagation_policy="Background")
            cluster.policy.delete_namespaced_pod_disruption_budget("tests-failed", namespace)
    assert answers["reasons"] == [
        "job tests-failed failed: it was tried twice",
        "disruption budget tests-failed: 1 pods are healthy, 2 are promised",
    ]
    assert not answers["well"]
    assert refused.exit_code == 1
    assert "promises 2 healthy pods and 1 are" in refused.output


def eventually_two_reasons(stack: RehearsedStack) -> dict[str, list[str]]:
    """What `health --json` says once the controllers have seen what was made."""
    for _ in range(30):
        answer = stack.run("health", "--json")
        found: dict[str, list[str]] = json.loads(answer.stdout)
        if len(found.get("reasons", [])) == 2:
            assert answer.exit_code == 1
            return found
    pytest.fail(answer.output)


def test_a_cluster_that_does_not_answer_is_said_to_be_the_reason(
    rehearsed_stack: RehearsedStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    away = tmp_path / "kubeconfig"
    text = rehearsed_stack.rehearsal.kubeconfig.read_text()
    away.write_text(re.sub(r"https://127\.0\.0\.1:[0-9]+", "https://127.0.0.1:1", text))
    monkeypatch.setattr("ops.engine.RehearsedEngine.kubeconfig", lambda _: away)
    for words in (["health"], ["status"], ["logs"], ["restart", "--yes"], ["cleanup"]):
        answer = rehearsed_stack.run(*words)
        assert answer.exit_code == 1, words
        assert "refused" in answer.output, answer.output


def test_ages_are_told_in_their_largest_unit() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    given = [
        timedelta(seconds=5),
        timedelta(minutes=59),
        timedelta(hours=23),
        timedelta(days=40),
        timedelta(seconds=-5),
    ]
    assert [age(now - each, now) for each in given] == ["5s", "59m", "23h", "40d", "0s"]
    assert age(None, now) == ""


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Cluster]:
    """A way to a real Prometheus with alerts, where the API server's proxy would have it."""
    names = {"Late": "warning", "Gone": "critical", "Watchdog": "none"}
    rules: list[dict[str, object]] = [
        {"alert": name, "expr": "vector(1)", "labels": {"severity": severity}, "annotations": {"summary": f"{name}!"}}
        for name, severity in names.items()
    ]
    rules.append({"alert": "Quiet", "expr": "vector(1) > 1"})
    rules.append({"alert": "Pending", "expr": "vector(1)", "for": "1h"})
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "tests", "interval": "1s", "rules": rules}]}))
    (tmp_path / "prometheus.yaml").write_text(json.dumps({"rule_files": ["rules.yaml"]}))
    port = free_port()
    command = [
        str(tools().prometheus), f"--config.file={tmp_path / 'prometheus.yaml'}", f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    server = Server(command, tmp_path / "log")
    server.start()

    class Proxy(BaseHTTPRequestHandler):
        """The API server's, for this one Service; Prometheus itself takes no prefix with colons."""

        def do_GET(self) -> None:
            assert self.path.startswith(alerts.PATH)
            body = httpx.get(f"http://127.0.0.1:{port}{self.path.removeprefix(alerts.PATH)}").content
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    cluster = Cluster(client.ApiClient(client.Configuration(host=f"http://127.0.0.1:{proxy.server_address[1]}")), {})
    try:
        eventually(lambda: httpx.get(f"http://127.0.0.1:{port}/-/ready").is_success, what="Prometheus")
        yield cluster
    finally:
        cluster.close()
        proxy.shutdown()
        proxy.server_close()
        thread.join()
        server.stop()


def test_alerts_that_fire_are_asked_of_prometheus_and_the_worst_is_first(prometheus: Cluster) -> None:
    eventually(lambda: len(alerts.firing(prometheus)) == 2, what="two alerts fire")
    found = alerts.firing(prometheus)
    assert [(each.name, each.severity, each.summary) for each in found] == [
        ("Gone", "critical", "Gone!"),
        ("Late", "warning", "Late!"),
    ]
    assert found[0].since.endswith("Z")


def test_a_prometheus_that_is_not_there_is_said_to_be_so(
    rehearsed_stack: RehearsedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.monitoring.stack.MonitoringSettings.enabled", True)
    found = rehearsed_stack.document("status")
    assert "kube-prometheus-stack-prometheus" in found["alerts"]["error"]
    assert found["pods"]
