"""Scaling by requests a second: KEDA's ScaledObject in place of the program's own autoscaler."""

from typing import Any

import pytest

from infra.monitoring.stack import PROMETHEUS_ADDRESS
from infra.release import version_name
from stacks.settings import SettingsError
from tests.unit.plan import Plan, planned, planned_with, settings_with

AUTOSCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"

BY_REQUESTS = {"app.autoscaling.requests_per_second": 200, "add_ons.keda": True}


def scaled_objects(plan: Plan) -> dict[str, Any]:
    found = [found.inputs for found in plan.kubernetes() if found.inputs.get("kind") == "ScaledObject"]
    return {inputs["metadata"]["name"]: inputs["spec"] for inputs in found}


def test_it_takes_the_autoscalers_place_with_the_same_bounds_targets_and_pace() -> None:
    own = planned("staging").only(AUTOSCALER).inputs["spec"]
    plan = planned_with("staging", BY_REQUESTS)
    assert plan.of(AUTOSCALER) == []
    spec = scaled_objects(plan)["app"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"}
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (own["minReplicas"], own["maxReplicas"])
    assert spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"] == own["behavior"]
    cpu, memory, requests = spec["triggers"]
    cpu_target, memory_target = own["metrics"]
    assert cpu["metadata"] == {
        "value": str(int(cpu_target["containerResource"]["target"]["averageUtilization"])),
        "containerName": cpu_target["containerResource"]["container"],
    }
    assert memory["metadata"] == {"value": str(int(memory_target["resource"]["target"]["averageUtilization"]))}
    assert {cpu["metricType"], memory["metricType"]} == {"Utilization"}
    assert (requests["metricType"], requests["metadata"]["threshold"]) == ("AverageValue", "200")
    assert requests["metadata"]["serverAddress"] == PROMETHEUS_ADDRESS


def test_the_number_of_pods_is_still_not_the_programs() -> None:
    deployment = planned_with("staging", BY_REQUESTS).only(DEPLOYMENT, "app-deployment")
    assert "replicas" not in deployment.inputs["spec"]
    assert deployment.ignore_changes == ("spec.replicas",)


def test_versions_side_by_side_are_each_scaled_by_their_own_requests() -> None:
    standby = "111122223333.dkr.ecr.eu-west-3.amazonaws.com/marlinspike-app:0.0.9"
    plan = planned_with("prod", {**BY_REQUESTS, "app.release.standby": standby, "app.database_pool_size": 8})
    images = [
        found.inputs["spec"]["template"]["spec"]["containers"][0]["image"]
        for found in plan.of(DEPLOYMENT)
        if found.name.startswith("app-")
    ]
    objects = scaled_objects(plan)
    assert set(objects) == {version_name("app", image) for image in images}
    assert len(objects) == 2
    for name, spec in objects.items():
        query = spec["triggers"][2]["metadata"]["query"]
        assert query == (
            f'sum(rate(http_requests_total{{job="app",namespace="marlinspike",pod=~"{name}-[a-z0-9]+-[a-z0-9]+"}}[2m]))'
        )


def test_keda_is_installed_first_and_goes_last_and_may_ask_prometheus() -> None:
    plan = planned_with("prod", {**BY_REQUESTS})
    [scaled] = [found.key for found in plan.kubernetes() if found.inputs.get("kind") == "ScaledObject"]
    assert plan.comes_before("Release/keda-release", scaled)
    release = plan.only("kubernetes:helm.sh/v3:Release", "keda-release").inputs
    assert (release["chart"], release["version"]) == ("keda", "2.21.1")
    assert release["values"]["nodeSelector"] == {"marlinspike.io/node-group": "system"}

    def callers(of: Plan) -> list[Any]:
        rules: list[Any] = of.only(POLICY, "monitoring-fence").inputs["spec"]["ingress"]
        return [(peer, port["port"]) for rule in rules for peer in rule["from"] for port in rule.get("ports", [])]

    keda = ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "keda"}}}, 9090)
    assert keda in callers(plan)
    assert keda not in callers(planned("prod"))


def test_kedas_webhook_lets_an_autoscaler_stand_beside_for_as_long_as_the_change_takes() -> None:
    for stack in ("staging", "prod"):
        for autoscaler in planned(stack).of(AUTOSCALER):
            assert autoscaler.inputs["metadata"]["annotations"] == {"validations.keda.sh/hpa-ownership": "false"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"add_ons.keda": False}, "KEDA tells the autoscaler what Prometheus counted; set add_ons.keda to true"),
        ({"monitoring.mode": "off"}, "nobody counts requests while monitoring.mode is off"),
        ({"app.autoscaling.requests_per_second": 0}, "greater than or equal to 1"),
        (
            {
                "workloads": {
                    "echo": {
                        "image": "localhost/echo:1",
                        "autoscaling": {"min_replicas": 1, "max_replicas": 2, "requests_per_second": 10},
                    }
                }
            },
            "without metrics_port nothing is scraped",
        ),
    ],
)
def test_what_nobody_could_measure_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings_with("staging", {**BY_REQUESTS, **changes})
    assert words in str(refused.value)
