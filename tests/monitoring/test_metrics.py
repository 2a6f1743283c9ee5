"""Every metric that a rule speaks of exists: the application exports it, or Kubernetes' own exporters do."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.servers import Application, eventually, stopping
from tests.monitoring.prometheus import Prometheus
from tests.unit.rules import groups, rules

KUBERNETES = {
    # kube-state-metrics, docs/metrics/workload: pod-metrics.md, horizontalpodautoscaler-metrics.md and cronjob-metrics.md
    "kube_cronjob_created",
    "kube_cronjob_status_last_successful_time",
    "kube_pod_status_ready",
    "kube_pod_container_resource_limits",
    "kube_pod_container_status_restarts_total",
    "kube_horizontalpodautoscaler_status_desired_replicas",
    # kubelet's cAdvisor, docs/storage/prometheus.md of google/cadvisor
    "container_cpu_usage_seconds_total",
    "container_memory_working_set_bytes",
}
"""Where nothing of the cluster can be scraped: names as their projects document them."""

PROMETHEUS = {"up"}
"""Made by Prometheus itself, for each scrape."""

NO_METRICS = {"by", "on", "and", "or", "unless", "bool", "group_left", "group_right", "ignoring", "without"}


def metrics_of(expression: str) -> set[str]:
    """Names of the metrics that an expression reads."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"{[^}]*}", "", bare)
    bare = re.sub(r"\[[^\]]*\]", "", bare)
    bare = re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)", "", bare)
    words = re.findall(r"[a-zA-Z_:][\w:]*(?!\w*\s*\()", bare)
    functions = set(re.findall(r"([a-zA-Z_:][\w:]*)\s*\(", bare))
    return {word for word in words if word not in functions | NO_METRICS}


def used() -> set[str]:
    """By all rules of the application, and of a further workload."""
    return {
        name for workload in ("app", "mailer") for rule in rules("prod", workload) for name in metrics_of(rule["expr"])
    }


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (namespace, job) (rate(a_total{x="b c{}"}[5m])) or 0 * a:b:c{job="d"}', {"a_total", "a:b:c"}),
        ("histogram_quantile(0.95, sum by (le) (rate(a_bucket[5m]))) > 1", {"a_bucket"}),
        ("x == 0 and on (namespace) sum by (namespace) (y) > 0", {"x", "y"}),
        ("absent(up) or avg_over_time(a:b:rate5m[30d])", {"up", "a:b:rate5m"}),
    ],
)
def test_names_are_found_in_expressions(expression: str, names: set[str]) -> None:
    assert metrics_of(expression) == names


def test_every_metric_of_every_rule_is_exported_by_somebody(start: Callable[..., Application], tmp_path: Path) -> None:
    application = start()
    application.add()
    labels = {"namespace": "marlinspike", "pod": "app-0"}
    # A hundred times as fast: a rate of five minutes needs two scrapes within three seconds.
    prometheus = Prometheus(tmp_path, groups(), {f"127.0.0.1:{application.metrics_port}": labels}, factor=100)
    with stopping(prometheus):
        prometheus.start()
        recorded = {rule["record"] for rule in rules() if "record" in rule}
        wanted = used() - KUBERNETES

        def all_there() -> bool:
            application.add()
            return wanted | recorded <= prometheus.names()

        try:
            eventually(all_there, 90, "every metric has been scraped or recorded")
        except AssertionError as error:
            raise AssertionError(f"nobody exports {sorted((wanted | recorded) - prometheus.names())}") from error
        exported = {line.split("{")[0].split(" ")[0] for line in application.metrics().splitlines() if line[:1] != "#"}
    assert wanted - recorded - PROMETHEUS <= exported
    assert used() >= KUBERNETES, "the list names nothing that no rule reads"


def test_nothing_reads_what_is_not_there_yet() -> None:
    """Within a group rules are evaluated in their order: what is read was recorded before, or by an earlier group."""
    recorded: set[str] = set()
    for rule in rules():
        late = {name for name in metrics_of(rule["expr"]) if ":" in name} - recorded
        assert not late, f"{rule} reads {late}, which is recorded later or never"
        if "record" in rule:
            recorded.add(rule["record"])
