"""Workloads beside the application: three lines of a stack file, and everything that belongs to one."""

import re
from typing import Any

import pytest

from infra.workload_settings import OWN_NAMES
from stacks.recovery import settings_in_effect
from stacks.settings import SettingsError
from tests.unit.plan import STACKS, Plan, Registered, planned, planned_with, settings_with

THREE_LINES = {"workloads": {"echo": {"image": "111122223333.dkr.ecr.eu-west-3.amazonaws.com/echo:1.0"}}}
ECHO = THREE_LINES["workloads"]["echo"]
WATCHED = {"WorkloadMonitoring/echo", "PrometheusRule/echo-rules"}

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
PRIORITY = "kubernetes:scheduling.k8s.io/v1:PriorityClass"
SERVICE = "kubernetes:core/v1:Service"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"


def echo(**settings: Any) -> dict[str, Any]:
    return {"workloads": {"echo": {**ECHO, **settings}}}


def added(stack: str, changes: dict[str, Any]) -> set[str]:
    """What a stack registers with these settings and not without; everything else must be as it was."""
    before = {r.key: r for r in planned(stack).resources}
    after = {r.key: r for r in planned_with(stack, changes).resources}
    assert before.keys() <= after.keys()
    # The namespace's quota grows with what may run in it.
    changed = [key for key, r in before.items() if r.inputs != after[key].inputs]
    assert changed == ["ResourceQuota/marlinspike-quota"]
    return after.keys() - before.keys()


def pod(plan: Plan, name: str = "echo") -> dict[str, Any]:
    found: dict[str, Any] = plan.only(DEPLOYMENT, f"{name}-deployment").inputs["spec"]["template"]["spec"]
    return found


def policy(plan: Plan, name: str) -> dict[str, Any]:
    found: dict[str, Any] = plan.only(POLICY, f"marlinspike-{name}").inputs["spec"]
    return found


def peer(name: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": {"app.kubernetes.io/name": name}}}


@pytest.mark.parametrize("stack", STACKS)
def test_three_lines_make_a_whole_workload_and_change_nothing_else(stack: str) -> None:
    assert added(stack, THREE_LINES) - WATCHED == {
        "Workload/echo",
        "ServiceAccount/echo-account",
        "Service/echo-service",
        "Deployment/echo-deployment",
        "NetworkPolicy/marlinspike-echo",
    }


@pytest.mark.parametrize(
    ("stack", "watched"), [("dev", set()), ("staging", WATCHED), ("prod", WATCHED), ("local", set())]
)
def test_where_there_is_monitoring_every_workload_has_rules(stack: str, watched: set[str]) -> None:
    assert added(stack, THREE_LINES) & WATCHED == watched


def test_a_workload_in_prod_takes_what_it_asks_for() -> None:
    settings = echo(
        metrics_port=9090, autoscaling={"min_replicas": 2, "max_replicas": 4}, disruption_budget={"max_unavailable": 1}
    )
    assert added("prod", settings) - added("prod", THREE_LINES) == {
        "HorizontalPodAutoscaler/echo-autoscaler",
        "PodDisruptionBudget/echo-disruption-budget",
        "ServiceMonitor/echo-monitor",
    }
    plan = planned_with("prod", settings)
    assert plan.comes_before("Release/monitoring-release", "ServiceMonitor/echo-monitor")
    ports = plan.only(SERVICE, "echo-service").inputs["spec"]["ports"]
    assert [(p["name"], p["port"]) for p in ports] == [("http", 80), ("metrics", 9090)]
    [scraped] = policy(plan, "echo")["ingress"]
    prometheus = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
    }
    assert scraped["from"] == [prometheus]


def test_without_monitoring_nothing_is_scraped() -> None:
    assert "ServiceMonitor/echo-monitor" not in added("dev", echo(metrics_port=9090))


def test_nobody_reaches_a_workload_and_it_reaches_nobody_unless_it_says_so() -> None:
    spec = policy(planned_with("prod", THREE_LINES), "echo")
    assert (spec.get("ingress") or [], spec.get("egress") or []) == ([], [])


@pytest.mark.parametrize(
    "changes",
    [{**THREE_LINES, "app.calls": ["echo"]}, echo(allowed_callers=["app"])],
    ids=["by the caller", "by the called"],
)
def test_a_call_that_one_side_declares_is_allowed_on_both(changes: dict[str, Any]) -> None:
    plan = planned_with("prod", changes)
    assert policy(plan, "echo")["ingress"] == [{"from": [peer("app")], "ports": [{"port": 5000, "protocol": "TCP"}]}]
    assert {"to": [peer("echo")], "ports": [{"port": 5000, "protocol": "TCP"}]} in policy(plan, "app")["egress"]
    assert policy(plan, "echo")["egress"] == policy(planned_with("prod", THREE_LINES), "echo")["egress"]


def test_database_cache_and_addresses_can_be_called() -> None:
    plan = planned_with("staging", echo(calls=["database", "cache", "198.51.100.0/24:443"]))
    _, database, cache, address = policy(plan, "echo")["egress"]
    assert [port["port"] for flow in (database, cache) for port in flow["ports"]] == [5432, 6379]
    assert address == {
        "to": [{"ipBlock": {"cidr": "198.51.100.0/24"}}],
        "ports": [{"port": 443, "protocol": "TCP"}],
    }


def test_in_a_cluster_with_its_own_database_both_ends_are_told() -> None:
    plan = planned_with("local", echo(calls=["database"]))
    assert [flow["from"] for flow in policy(plan, "postgresql")["ingress"]] == [
        [peer("app")],
        [peer("database-migrate")],
        [peer("echo")],
    ]
    assert policy(plan, "echo")["egress"][1]["to"] == [peer("postgresql")]
    assert [flow["from"] for flow in policy(plan, "valkey")["ingress"]] == [[peer("app")]]


def test_addresses_may_call_a_workload() -> None:
    spec = policy(planned_with("dev", echo(allowed_callers=["10.40.0.0/16"], port=8000)), "echo")
    assert spec["ingress"] == [
        {"from": [{"ipBlock": {"cidr": "10.40.0.0/16"}}], "ports": [{"port": 8000, "protocol": "TCP"}]}
    ]


def test_port_probes_and_environment_are_the_settings() -> None:
    settings = echo(port=8000, liveness_path="/live", readiness_path="/ready", environment={"GREETING": "hello"})
    [container] = pod(planned_with("dev", settings))["containers"]
    assert [p["containerPort"] for p in container["ports"]] == [8000]
    assert container["livenessProbe"]["httpGet"]["path"] == container["startupProbe"]["httpGet"]["path"] == "/live"
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
    assert container["env"] == [{"name": "GREETING", "value": "hello"}]


def test_files_are_read_only_and_other_content_rolls_the_pods() -> None:
    def made(content: str) -> tuple[Registered, dict[str, Any]]:
        plan = planned_with("dev", echo(files={"/etc/echo/a.conf": content, "/etc/echo/b.conf": "b"}))
        return plan.only(CONFIG_MAP), pod(plan)

    (one, pod_of_one), (other, pod_of_other) = made("1"), made("2")
    assert one.inputs["data"] == {"file-0": "1", "file-1": "b"}
    assert one.inputs["immutable"] is True
    assert one.inputs["metadata"]["name"] != other.inputs["metadata"]["name"]
    assert one.name != other.name  # the old one stays until the pods that read it are gone
    assert pod_of_one["volumes"][-1]["configMap"]["name"] == one.inputs["metadata"]["name"]
    assert pod_of_one != pod_of_other
    mounts = pod_of_one["containers"][0]["volumeMounts"][1:]
    assert [(m["mountPath"], m["subPath"], m["readOnly"]) for m in mounts] == [
        ("/etc/echo/a.conf", "file-0", True),
        ("/etc/echo/b.conf", "file-1", True),
    ]


@pytest.mark.parametrize("stack", STACKS)
def test_where_nodes_are_full_the_application_goes_before_other_workloads(stack: str) -> None:
    plan = planned_with(stack, THREE_LINES)
    values = {
        p.inputs["metadata"]["name"]: (p.inputs["value"], p.inputs["preemptionPolicy"]) for p in plan.of(PRIORITY)
    }
    assert values == {
        "marlinspike-application": (100_000, "PreemptLowerPriority"),
        "marlinspike-workload": (10_000, "Never"),
    }
    classes = {
        d.inputs["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"]: d.inputs["spec"]["template"][
            "spec"
        ]["priorityClassName"]
        for d in plan.of(DEPLOYMENT)
    }
    assert classes == {"app": "marlinspike-application", "echo": "marlinspike-workload"}


def test_another_priority_class_can_be_named() -> None:
    assert pod(planned_with("dev", echo(priority="batch")))["priorityClassName"] == "batch"


def test_affinity_is_to_nodes_and_to_other_workloads() -> None:
    wanted = {"nodes": {"kubernetes.io/arch": ["arm64"]}, "near": ["app"], "apart_from": ["app"]}
    affinity = pod(planned_with("dev", echo(affinity=wanted)))["affinity"]
    app = {"matchLabels": {"app.kubernetes.io/name": "app"}}
    assert affinity == {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["arm64"]}]}
                ]
            }
        },
        "podAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 100,
                    "podAffinityTerm": {"labelSelector": app, "topologyKey": "topology.kubernetes.io/zone"},
                }
            ]
        },
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"labelSelector": app, "topologyKey": "kubernetes.io/hostname"}
            ]
        },
    }
    assert "affinity" not in pod(planned_with("dev", THREE_LINES))


@pytest.mark.parametrize(
    ("stack", "changes"),
    [
        (
            "prod",
            {"app.maintenance": {}, "secret_store": {"backend": "vault", "vault": {"server": "https://vault:8200"}}},
        ),
        ("local", {"app.maintenance": {}, "ingress": {"host": "app.localhost"}}),
    ],
)
def test_no_workload_has_the_name_of_what_the_platform_runs_and_so_its_service_account_and_rights(
    stack: str, changes: dict[str, Any]
) -> None:
    kinds = ("ServiceAccount", "Service", "Deployment", "StatefulSet", "CronJob", "NetworkPolicy")
    taken = set()
    for resource in planned_with(stack, changes).kubernetes():
        metadata = resource.inputs.get("metadata", {})
        if metadata.get("namespace") == "marlinspike" and resource.type.endswith(kinds):
            taken.add(metadata["name"])
    free = {name for name in taken if not re.search(r"-[0-9a-f]{8}$", name)} - {*OWN_NAMES}
    assert len(taken) > 5
    assert free == set()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"workloads": {"app": ECHO}}, "the platform itself runs something of this name"),
        ({"workloads": {"database-migrate": ECHO}}, "the platform itself runs something of this name"),
        ({"workloads": {"database-restore": ECHO}}, "the platform itself runs something of this name"),
        ({"workloads": {"cache": ECHO}}, "in calls, this name means the platform's own"),
        ({"workloads": {"app-check": ECHO}}, "what the platform makes for a release ends so"),
        ({"workloads": {"app-1a2b3c4d": ECHO}}, "what the platform makes for a release ends so"),
        ({"workloads": {"Echo": ECHO}}, "should match pattern"),
        ({"workloads": {"echo": {}}}, "workloads.echo.image: is missing"),
        (echo(prot=1), "workloads.echo.prot: unknown setting; did you mean port?"),
        (echo(log_level="info"), "workloads.echo.log_level: unknown setting"),
        (
            echo(release={"stratgy": "rolling"}),
            "workloads.echo.release.stratgy: unknown setting; did you mean strategy?",
        ),
        (echo(environment={"API_KEY": "x"}), "API_KEY looks like a secret"),
        (echo(environment={"DATABASE_PASSWORD": "x"}), "make a place for it in section secrets"),
        (echo(environment={"lower": "x"}), "should match pattern"),
        (echo(files={"etc/a": "x"}), "should match pattern"),
        (echo(files={"/etc/../a": "x"}), "leads upwards"),
        (echo(port=80), "greater than or equal to 1024"),
        (echo(port=9090, metrics_port=9090), "port and metrics_port are both 9090"),
        (echo(calls=["10.0.0.0/8"]), "should match pattern"),
        (echo(calls=["10.0.0.300/8:443"]), "Octet"),
        (echo(calls=["nobody"]), "workloads.echo.calls: there is no other workload nobody; known are app"),
        (
            echo(allowed_callers=["echo"]),
            "workloads.echo.allowed_callers: there is no other workload echo; known are app",
        ),
        (echo(affinity={"near": ["x"]}), "workloads.echo.affinity.near: there is no other workload x"),
        (echo(node_group="gpu"), "workloads.echo.node_group: there is no group gpu"),
        (echo(disruption_budget={"min_available": 1}), "workloads.echo.disruption_budget: a single pod"),
        (echo(shutdown={"grace_seconds": 10}), "workloads.echo.shutdown.grace_seconds: 10 is less than"),
    ],
)
def test_a_workload_that_cannot_work_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings_with("dev", changes)
    assert any(says in fault for fault in refused.value.faults), refused.value.faults


def test_a_file_for_a_secret_may_be_named_in_the_environment() -> None:
    assert settings_with("dev", echo(environment={"PAYMENT_TOKEN_FILE": "/run/token"}))


def test_without_nat_the_images_of_every_workload_are_in_ecr() -> None:
    changes = {"network.nat_gateways": "none", "network.interface_endpoints": True}
    with pytest.raises(SettingsError) as refused:
        settings_with("dev", {**changes, **echo(image="ghcr.io/example/echo:1.0")})
    [fault] = refused.value.faults
    assert fault.startswith("workloads.echo.image: with network.nat_gateways none")


def test_in_the_second_region_images_come_from_its_own_registry() -> None:
    changes = {
        **THREE_LINES,
        "app.release.standby": "111122223333.dkr.ecr.eu-west-3.amazonaws.com/marlinspike/app:0.0.9",
        "app.database_pool_size": 9,
    }
    settings = settings_with("prod", changes)
    recovering = settings.model_copy(  # type: ignore[union-attr]
        update={"recovery": settings.recovery.model_copy(update={"restore_database_from": "arn"})}  # type: ignore[union-attr]
    )
    effective = settings_in_effect(recovering)  # type: ignore[arg-type]
    images = [*effective.app.images, effective.workloads["echo"].image]
    assert len(images) == 3
    assert all(".dkr.ecr.eu-central-1." in image for image in images)
