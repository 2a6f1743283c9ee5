"""How a new version takes over: everything of it is up before anything turns to it."""

from typing import Any

import pytest

from infra.release import COLOUR_LABEL, colour_of
from stacks.settings import SettingsError
from tests.unit.plan import STACKS, Plan, Registered, planned, planned_with, settings_of, settings_with

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
AUTOSCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
SERVICE = "kubernetes:core/v1:Service"
BINDING = "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding"
RULE = "aws:lb/listenerRule:ListenerRule"
JOB = "kubernetes:batch/v1:Job"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"

NOW = "111122223333.dkr.ecr.eu-west-3.amazonaws.com/marlinspike/app:0.1.0"
BEFORE = "111122223333.dkr.ecr.eu-west-3.amazonaws.com/marlinspike/app:0.0.9"


def with_standby(image: str = NOW, standby: str = BEFORE) -> Plan:
    """Prod with two versions."""
    return planned_with("prod", {"app.image": image, "app.release.standby": standby, "app.database_pool_size": 9})


def deployment(plan: Plan, image: str) -> Registered:
    return plan.only(DEPLOYMENT, f"app-{colour_of(image)}-deployment")


def test_prod_releases_blue_green_and_the_others_rolling() -> None:
    strategies = {stack: settings_of(stack).app.release.strategy for stack in STACKS}  # type: ignore[union-attr]
    assert strategies == {"dev": "rolling", "staging": "rolling", "prod": "blue-green", "local": "rolling"}


@pytest.mark.parametrize("stack", STACKS)
def test_a_version_that_is_not_healthy_within_300_seconds_has_failed(stack: str) -> None:
    assert planned(stack).only(DEPLOYMENT).inputs["spec"]["progressDeadlineSeconds"] == 300


def test_another_image_is_another_deployment_beside_the_old_one() -> None:
    [now] = planned("prod").of(DEPLOYMENT)
    [next_one] = planned_with("prod", {"app.image": NOW.replace("0.1.0", "0.2.0")}).of(DEPLOYMENT)
    assert now.name != next_one.name
    assert now.inputs["metadata"]["name"] != next_one.inputs["metadata"]["name"]
    selectors = [one.inputs["spec"]["selector"]["matchLabels"][COLOUR_LABEL] for one in (now, next_one)]
    assert selectors[0] != selectors[1]


def test_a_version_is_born_with_all_the_pods_that_must_serve_at_once() -> None:
    assert planned("prod").only(DEPLOYMENT).inputs["spec"]["replicas"] == 3
    busy = planned_with("prod", {"app.release.replicas": 12})
    assert busy.only(DEPLOYMENT).inputs["spec"]["replicas"] == 12


@pytest.mark.parametrize(
    "turns",
    [
        "ListenerRule/marlinspike-prod-edge-domain",
        "ListenerRule/marlinspike-prod-edge-health",
        "Service/app-service",
        "PodDisruptionBudget/app-disruption-budget",
    ],
)
def test_what_asks_for_pods_turns_to_a_version_only_when_that_is_up(turns: str) -> None:
    plan = planned("prod")
    assert plan.comes_before("Job/database-migrate", plan.only(DEPLOYMENT).key)
    assert plan.comes_before(plan.only(DEPLOYMENT).key, turns)


def test_the_load_balancer_turns_first_and_the_awaited_service_after_it() -> None:
    plan = planned("prod")
    assert plan.comes_before("ListenerRule/marlinspike-prod-edge-domain", "Service/app-service")
    assert "annotations" not in plan.only(SERVICE, "app-service").inputs["metadata"]


def test_a_version_has_targets_of_its_own_that_are_asked_for_their_health_before_it_serves() -> None:
    plan, colour = planned("prod"), colour_of(NOW)
    binding = plan.only(BINDING)
    assert binding.inputs["spec"]["serviceRef"]["name"] == f"app-{colour}"
    assert binding.inputs["spec"]["targetGroupARN"].endswith(f"-edge-targets-{colour}")
    assert plan.comes_before(binding.key, plan.only(DEPLOYMENT).key)  # or its pods would get no readiness gate
    hold = plan.only(RULE, f"marlinspike-prod-edge-holds-{colour}")
    assert plan.comes_before(hold.key, binding.key)
    assert hold.inputs["conditions"] == [{"sourceIp": {"values": ["127.0.0.1/32"]}}]


def test_swapping_image_and_standby_turns_what_asks_for_pods_and_touches_no_pod() -> None:
    one, other = with_standby(), with_standby(image=BEFORE, standby=NOW)
    same = {AUTOSCALER, DEPLOYMENT, BINDING, "aws:lb/targetGroup:TargetGroup"}
    changed = {r.key for r, before in _pairs(one, other) if r.inputs != before.inputs and r.type not in same}
    kept = [(r, before) for r, before in _pairs(one, other) if r.type in same]
    assert len(kept) == 8
    assert all(r.inputs == before.inputs for r, before in kept)
    assert changed >= {
        "ListenerRule/marlinspike-prod-edge-domain",
        "ListenerRule/marlinspike-prod-edge-health",
        "Service/app-service",
        "PodDisruptionBudget/app-disruption-budget",
    }


def _pairs(one: Plan, other: Plan) -> list[tuple[Registered, Registered]]:
    by_key = {r.key: r for r in other.resources}
    return [(r, by_key[r.key]) for r in one.resources if r.key in by_key]


def test_a_standby_runs_without_requests_and_counts_for_no_budget() -> None:
    plan = with_standby()
    assert {d.name for d in plan.of(DEPLOYMENT)} == {f"app-{colour_of(image)}-deployment" for image in (NOW, BEFORE)}
    selected = {"app.kubernetes.io/name": "app", COLOUR_LABEL: colour_of(NOW)}
    assert plan.only(SERVICE, "app-service").inputs["spec"]["selector"] == selected
    assert plan.only(BUDGET).inputs["spec"]["selector"]["matchLabels"] == selected
    domain = plan.only(RULE, "marlinspike-prod-edge-domain").inputs["actions"][0]["targetGroupArn"]
    assert domain.endswith(f"-edge-targets-{colour_of(NOW)}")
    for image in (NOW, BEFORE):
        pods = deployment(plan, image).inputs["spec"]["template"]
        assert pods["metadata"]["labels"][COLOUR_LABEL] == colour_of(image)
        assert pods["spec"]["containers"][0]["image"] == image
        for spread in pods["spec"]["topologySpreadConstraints"]:
            assert spread["labelSelector"]["matchLabels"][COLOUR_LABEL] == colour_of(image)
        scaler = plan.only(AUTOSCALER, f"app-{colour_of(image)}-autoscaler").inputs["spec"]
        assert scaler["scaleTargetRef"]["name"] == f"app-{colour_of(image)}"
        assert scaler["metrics"][0]["containerResource"]["container"] == "app"


def test_monitoring_finds_the_service_of_the_workload_and_not_those_of_its_versions() -> None:
    names = {s.inputs["metadata"]["labels"]["app.kubernetes.io/name"] for s in with_standby().of(SERVICE)}
    assert names == {"app", f"app-{colour_of(NOW)}", f"app-{colour_of(BEFORE)}"}


def test_no_rule_names_a_version_that_the_next_release_takes_away() -> None:
    rules = with_standby().of("kubernetes:monitoring.coreos.com/v1:PrometheusRule")
    assert not [rule.name for rule in rules if colour_of(NOW) in str(rule.inputs["spec"])]


def test_a_check_asks_the_new_version_before_the_switch_and_the_policies_let_it() -> None:
    plan = planned_with("prod", {"app.release.check": ["-m", "app.smoke"]})
    job = plan.only(JOB, f"app-check-{colour_of(NOW)}")
    [container] = job.inputs["spec"]["template"]["spec"]["containers"]
    assert (container["image"], container["args"]) == (NOW, ["-m", "app.smoke"])
    assert {"name": "CHECK_URL", "value": f"http://app-{colour_of(NOW)}"} in container["env"]
    assert plan.comes_before(plan.only(DEPLOYMENT).key, job.key)
    assert plan.comes_before(job.key, "ListenerRule/marlinspike-prod-edge-domain")
    assert plan.comes_before(job.key, "Service/app-service")
    [out] = plan.only(POLICY, "marlinspike-app-check").inputs["spec"]["egress"][1:]
    assert out["to"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "app"}}}]
    into = plan.only(POLICY, "marlinspike-app").inputs["spec"]["ingress"]
    assert {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "app-check"}}} in into[-1]["from"]
    assert job.inputs["metadata"]["labels"]["app.kubernetes.io/name"] == "app-check"


def test_blue_green_needs_no_load_balancer() -> None:
    plan = planned_with("local", {"app.release": {"strategy": "blue-green"}})
    assert plan.comes_before(plan.only(DEPLOYMENT).key, "Service/app-service")
    assert plan.only(DEPLOYMENT).inputs["spec"]["replicas"] == 1


@pytest.mark.parametrize(
    ("stack", "changes", "says"),
    [
        ("dev", {"app.release": {"standby": BEFORE}}, "standby: only with strategy blue-green"),
        ("dev", {"app.release": {"check": ["-m", "x"], "replicas": 2}}, "replicas and check: only with"),
        ("prod", {"app.release.standby": NOW}, "release.standby is the image that serves already"),
        ("prod", {"app.release.standby": "app:latest"}, "app.release.standby: ends with :latest"),
        ("prod", {"app.release.replicas": 2}, "release.replicas: 2 is outside autoscaling's bounds, 3 to 20"),
        (
            "dev",
            {"app.release": {"strategy": "blue-green", "replicas": 2}},
            "without autoscaling, replicas is the number",
        ),
        (
            "prod",
            {"app.release.standby": BEFORE},
            "52 pods (new, surplus and leaving ones in a rollout, and the standby's) of 10 connections and 8 reserved ones "
            "need 528; database.max_connections is 500",
        ),
    ],
)
def test_a_release_that_cannot_work_is_refused(stack: str, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings_with(stack, changes)
    [fault] = refused.value.faults
    assert says in fault
