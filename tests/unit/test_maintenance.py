"""The page that stands in for the application: who is led there, what stays as it is, and what comes before what."""

from typing import Any

import pytest

from infra.release import colour_of
from infra.workload_settings import MAINTENANCE_PAGE
from stacks.settings import SettingsError
from tests.unit.plan import Plan, planned, planned_with, settings_with

ON = {"app.maintenance": {"retry_after_seconds": 1800}}
PAGE = "app-maintenance"


def selector(plan: Plan, service: str) -> Any:
    return plan.only("kubernetes:core/v1:Service", f"{service}-service").inputs["spec"]["selector"]


def leads_to(plan: Plan, stack: str) -> str:
    """The target group of the domain's requests."""
    rule = plan.only("aws:lb/listenerRule:ListenerRule", f"marlinspike-{stack}-edge-domain")
    return str(rule.inputs["actions"][0]["targetGroupArn"]).rsplit(":", 1)[-1]


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_load_balancer_leads_to_the_page_once_that_is_ready(stack: str) -> None:
    plan = planned_with(stack, ON)
    assert leads_to(plan, stack) == f"marlinspike-{stack}-edge-targets-maintenance"
    assert plan.comes_before(f"Deployment/{PAGE}-deployment", f"ListenerRule/marlinspike-{stack}-edge-domain")
    assert not leads_to(planned(stack), stack).endswith("maintenance")


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_load_balancer_goes_on_asking_the_application_s_pods_for_their_health(stack: str) -> None:
    plan = planned_with(stack, ON)
    held = {
        str(rule.inputs["actions"][0]["targetGroupArn"]).rsplit(":", 1)[-1]: rule.inputs["priority"]
        for rule in plan.of("aws:lb/listenerRule:ListenerRule")
        if "-holds-" in rule.name
    }
    groups = {group.name for group in plan.of("aws:lb/targetGroup:TargetGroup")}
    assert held.keys() == groups
    assert len({*held.values()}) == len(groups) == 2


def test_the_page_s_pods_are_targets_before_they_are_made() -> None:
    plan = planned_with("dev", ON)
    binding = plan.only("kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding", f"{PAGE}-binding").inputs["spec"]
    assert str(binding["targetGroupARN"]).endswith("-targets-maintenance")
    assert plan.comes_before(f"TargetGroupBinding/{PAGE}-binding", f"Deployment/{PAGE}-deployment")


@pytest.mark.parametrize("stack", ["dev", "prod", "local"])
def test_the_application_s_own_objects_stay_as_they_are(stack: str) -> None:
    kinds = ("apps/v1:Deployment", "autoscaling/v2:HorizontalPodAutoscaler", "policy/v1:PodDisruptionBudget")
    before, after = planned(stack), planned_with(stack, ON)
    for kind in kinds:
        there = {each.name: each.inputs for each in after.of(f"kubernetes:{kind}")}
        for each in before.of(f"kubernetes:{kind}"):
            assert there[each.name] == each.inputs


def test_callers_in_the_cluster_go_on_calling_the_application_where_a_load_balancer_is_the_entry() -> None:
    assert selector(planned_with("dev", ON), "app") == selector(planned("dev"), "app")


def test_without_a_load_balancer_the_service_is_the_entry_and_turns_once_the_page_is_ready() -> None:
    for stack, changes in (("local", ON), ("dev", {**ON, "edge": None})):
        plan = planned_with(stack, changes)
        assert selector(plan, "app") == selector(plan, PAGE) == {"app.kubernetes.io/name": PAGE}
        assert plan.comes_before(f"Deployment/{PAGE}-deployment", "Service/app-service")


def test_whoever_calls_the_application_may_call_what_stands_in_for_it() -> None:
    caller = {"image": "registry.example.net/reports:1.0.0", "calls": ["app"]}
    plan = planned_with("local", {**ON, "workloads": {"reports": caller}})
    policies = {each.name: each.inputs["spec"] for each in plan.of("kubernetes:networking.k8s.io/v1:NetworkPolicy")}
    page = {"matchLabels": {"app.kubernetes.io/name": PAGE}}
    assert any(to.get("podSelector") == page for rule in policies["marlinspike-reports"]["egress"] for to in rule["to"])
    assert policies[f"marlinspike-{PAGE}"]["egress"] == []


def test_the_page_runs_the_application_s_image_and_is_told_nothing_but_its_own_settings() -> None:
    plan = planned_with("prod", ON)
    deployment = plan.only("kubernetes:apps/v1:Deployment", f"{PAGE}-deployment").inputs["spec"]
    [container] = deployment["template"]["spec"]["containers"]
    assert container["args"] == ["-m", "app.maintenance"]
    assert {each["name"]: each["value"] for each in container["env"]} == {
        "PORT": "5000",
        "RETRY_AFTER_SECONDS": "1800",
        "HEALTH_PATHS": "/healthz,/readyz",
    }
    serving = plan.only("kubernetes:apps/v1:Deployment", f"app-{colour_of(container['image'])}-deployment")
    assert serving.inputs["spec"]["template"]["spec"]["containers"][0]["image"] == container["image"]
    assert deployment["replicas"] == 2
    assert deployment["template"]["spec"]["serviceAccountName"] == PAGE  # without the application's rights on AWS


def test_the_quota_has_room_for_the_page() -> None:
    def pods(plan: Plan) -> int:
        return int(plan.only("kubernetes:core/v1:ResourceQuota").inputs["spec"]["hard"]["pods"])

    assert pods(planned_with("prod", ON)) > pods(planned("prod"))


def test_no_workload_takes_the_page_s_name() -> None:
    with pytest.raises(SettingsError, match="runs something of this name"):
        settings_with("dev", {"workloads": {MAINTENANCE_PAGE: {"image": "registry.example.net/x:1.0.0"}}})
