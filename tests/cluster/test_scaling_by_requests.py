"""Scaling by requests a second on the real controller; the metric is the test's, and what KEDA would make of a ScaledObject too.

KEDA's operator does not run here: `autoscaler_of` is what its `newHPAForScaledObject` makes (kedacore/keda,
controllers/keda/hpa.go, v2.21.0). The ScaledObject itself is the program's, and the API server checks it by KEDA's definition.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.control_plane.api import Api, Manifest
from rehearsal.toolchain import ensure
from tests.cluster.conftest import Eventually, Figures
from tests.cluster.definitions import installed
from tests.cluster.external_metrics import ExternalMetrics
from tests.cluster.test_scaling import shortened
from tests.cluster.workloads import AUTOSCALER, Application, whole_numbers
from tests.unit.plan import planned_with

REQUESTS = 100
"""Target of each pod."""


@pytest.fixture
def scaled_object(application: Application) -> Manifest:
    """Prod's, in the test's namespace."""
    changes = {"app.autoscaling.requests_per_second": REQUESTS, "add_ons.keda": True}
    [found] = [
        whole_numbers(dict(each.inputs))
        for each in planned_with("prod", changes).kubernetes()
        if each.inputs.get("kind") == "ScaledObject"
    ]
    return {**found, "metadata": {**found["metadata"], "namespace": application.namespace}}


def autoscaler_of(scaled_object: Manifest) -> Manifest:
    """What KEDA makes of it."""
    spec, name = scaled_object["spec"], scaled_object["metadata"]["name"]
    metrics: list[Any] = []
    for index, trigger in enumerate(spec["triggers"]):
        values = trigger["metadata"]
        if trigger["type"] == "prometheus":
            selector = {"matchLabels": {"scaledobject.keda.sh/name": name}}
            metric = {"name": f"s{index}-prometheus", "selector": selector}
            target = {"type": trigger["metricType"], "averageValue": values["threshold"]}
            metrics.append({"type": "External", "external": {"metric": metric, "target": target}})
            continue
        target = {"type": trigger["metricType"], "averageUtilization": int(values["value"])}
        resource = {"name": trigger["type"], "target": target}
        if "containerName" in values:
            resource["container"] = values["containerName"]
            metrics.append({"type": "ContainerResource", "containerResource": resource})
        else:
            metrics.append({"type": "Resource", "resource": resource})
    return {
        "apiVersion": "autoscaling/v2",
        "kind": AUTOSCALER,
        "metadata": {"name": f"keda-hpa-{name}", "namespace": scaled_object["metadata"]["namespace"]},
        "spec": {
            "scaleTargetRef": spec["scaleTargetRef"],
            "minReplicas": spec["minReplicaCount"],
            "maxReplicas": spec["maxReplicaCount"],
            "metrics": metrics,
            "behavior": spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"],
        },
    }


@pytest.fixture
def metrics(api: Api, tmp_path: Path) -> Iterator[ExternalMetrics]:
    with ExternalMetrics(api, tmp_path) as opened:
        yield opened


def autoscaler(application: Application, name: str) -> Manifest:
    path = f"/apis/autoscaling/v2/namespaces/{application.namespace}/horizontalpodautoscalers/{name}"
    found: Manifest = application.api.get(path)
    return found


def conditions(found: Manifest) -> dict[str, str]:
    return {each["type"]: each["reason"] for each in found.get("status", {}).get("conditions") or []}


def test_keda_takes_the_scaled_object(scaled_object: Manifest, application: Application) -> None:
    application.deploy(without=[AUTOSCALER])
    with installed(application.server, ensure(print).custom_resource_definitions / "keda"):
        application.apply(scaled_object)
        path = f"/apis/keda.sh/v1alpha1/namespaces/{application.namespace}/scaledobjects/{application.name}"
        assert application.api.get(path)["spec"] == scaled_object["spec"]  # nothing was pruned


def test_pods_follow_requests_and_stay_where_nobody_counts_them(
    application: Application,
    metrics: ExternalMetrics,
    scaled_object: Manifest,
    eventually: Eventually,
    figures: Figures,
) -> None:
    application.nodes(6)
    application.deploy(without=[AUTOSCALER])
    made = shortened(autoscaler_of(scaled_object))
    window = made["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] = 3
    application.apply(made)
    eventually("three pods", 60, lambda: application.rolled_out(3))
    metrics.value = 800
    eventually("eight pods, of a hundred requests each", 120, lambda: application.rolled_out(8))
    # Prometheus away: CPU, which is idle, would have three pods; what is not known takes none away.
    metrics.value = None
    eventually(
        "the autoscaler knows that it does not know",
        120,
        lambda: any("s2-prometheus" in message for message in application.events("FailedGetExternalMetric")),
    )
    time.sleep(3 * window)  # it would have let go of them by now
    held = application.deployment()["spec"]["replicas"]
    metrics.value = 0
    eventually("three pods again", 180, lambda: application.rolled_out(3))
    figures(pods_at_800_requests=8, pods_while_nobody_counts=held, pods_after=3)
    assert held == 8


def test_of_two_autoscalers_of_one_deployment_neither_acts_and_the_one_that_stays_goes_on(
    application: Application, metrics: ExternalMetrics, scaled_object: Manifest, eventually: Eventually
) -> None:
    """What an update goes through that turns to KEDA; it turns back in the same way."""
    application.nodes(6)
    application.manifests[f"{AUTOSCALER}/{application.name}"] = shortened(application.autoscaler_manifest)
    application.deploy()
    eventually("three pods", 60, lambda: application.rolled_out(3))
    metrics.value = 600
    application.apply(shortened(autoscaler_of(scaled_object)))
    for name in (application.name, f"keda-hpa-{application.name}"):
        eventually(
            f"{name} stands still",
            60,
            lambda name=name: conditions(autoscaler(application, name)).get("ScalingActive") == "AmbiguousSelector",
        )
    assert application.deployment()["spec"]["replicas"] == 3
    ours = f"/apis/autoscaling/v2/namespaces/{application.namespace}/horizontalpodautoscalers/{application.name}"
    application.api.delete(ours)
    eventually("KEDA's goes on", 120, lambda: application.rolled_out(6))
