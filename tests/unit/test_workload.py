"""What runs on Kubernetes, as each stack registers it."""

from typing import Any

import pulumi_kubernetes as kubernetes
import pytest
from pydantic import ValidationError

from infra.application import ApplicationSettings
from infra.binding import PublicEntry
from infra.pods import Runtime
from infra.workload import Home, Workload
from tests.unit.plan import AWS_STACKS, STACKS, Plan, Registered, plan_of_program, planned, planned_with, settings_of

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
AUTOSCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
NAMESPACE = "kubernetes:core/v1:Namespace"
JOB = "kubernetes:batch/v1:Job"
SERVICE_MONITOR = "kubernetes:monitoring.coreos.com/v1:ServiceMonitor"
RULES = "kubernetes:monitoring.coreos.com/v1:PrometheusRule"
RELEASE = "kubernetes:helm.sh/v3:Release"
BINDING = "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding"


def pods(stack: str) -> list[tuple[str, dict]]:
    """The pod templates of a stack, by the logical name of their owner."""
    kinds = (DEPLOYMENT, JOB, "kubernetes:apps/v1:StatefulSet")
    return [(r.name, r.inputs["spec"]["template"]["spec"]) for kind in kinds for r in planned(stack).of(kind)]


def container(deployment: Registered) -> dict:
    [found] = deployment.inputs["spec"]["template"]["spec"]["containers"]
    return found


@pytest.mark.parametrize("stack", STACKS)
def test_the_applications_namespace_enforces_the_restricted_standard_at_a_pinned_version(stack: str) -> None:
    labels = planned(stack).only(NAMESPACE, "marlinspike-namespace").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert labels["pod-security.kubernetes.io/enforce-version"] == "v1.36"


@pytest.mark.parametrize("stack", STACKS)
def test_no_pod_has_privileges_or_a_writable_root(stack: str) -> None:
    for owner, pod in pods(stack):
        assert pod["securityContext"]["runAsNonRoot"] is True, owner
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, owner
        for each in pod["containers"]:
            security = each["securityContext"]
            assert security["allowPrivilegeEscalation"] is False, owner
            assert security["readOnlyRootFilesystem"] is True, owner
            assert security["capabilities"] == {"drop": ["ALL"]}, owner
            assert {"cpu", "memory", "ephemeral-storage"} <= each["resources"]["limits"].keys(), owner


@pytest.mark.parametrize("stack", STACKS)
def test_no_pod_but_the_credentials_job_has_a_token_for_the_api(stack: str) -> None:
    with_token = {owner for owner, pod in pods(stack) if pod["automountServiceAccountToken"]}
    assert with_token == ({"credentials"} if stack == "local" else set())


@pytest.mark.parametrize("stack", STACKS)
def test_no_secret_is_registered_and_none_is_in_an_environment(stack: str) -> None:
    assert not planned(stack).of("kubernetes:core/v1:Secret")
    for owner, pod in pods(stack):
        for variable in pod["containers"][0].get("env", []):
            assert "PASSWORD" not in variable["name"] or variable["name"].endswith("_FILE"), owner


def test_a_server_in_the_cluster_that_still_recovers_gets_no_clients_and_is_not_restarted() -> None:
    servers = planned("local").of("kubernetes:apps/v1:StatefulSet")
    assert {server.inputs["metadata"]["name"] for server in servers} == {"postgresql", "valkey"}
    for server in servers:
        [container] = server.inputs["spec"]["template"]["spec"]["containers"]
        assert "exec" in container["readinessProbe"]
        assert container["livenessProbe"]["tcpSocket"] == {"port": "server"}
        assert container["startupProbe"]["failureThreshold"] * container["startupProbe"]["periodSeconds"] == 300


@pytest.mark.parametrize(("stack", "bounds"), [("staging", (1, 5)), ("prod", (3, 20))])
def test_the_autoscaler_has_its_environments_bounds_and_behaviour(stack: str, bounds: tuple[int, int]) -> None:
    spec = planned(stack).only(AUTOSCALER).inputs["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == bounds
    cpu, memory = spec["metrics"]
    assert cpu["containerResource"]["target"]["averageUtilization"] == 70
    assert memory["resource"]["target"]["averageUtilization"] == 80
    down, up = spec["behavior"]["scaleDown"], spec["behavior"]["scaleUp"]
    assert (down["stabilizationWindowSeconds"], down["policies"]) == (
        300,
        [{"type": "Percent", "value": 50, "periodSeconds": 60}],
    )
    assert (up["stabilizationWindowSeconds"], up["policies"]) == (
        60,
        [{"type": "Percent", "value": 100, "periodSeconds": 30}],
    )


@pytest.mark.parametrize("stack", STACKS)
def test_either_the_stack_file_or_the_autoscaler_sets_the_number_of_pods_never_both(stack: str) -> None:
    plan = planned(stack)
    deployment = plan.only(DEPLOYMENT)
    autoscaled = bool(plan.of(AUTOSCALER))
    # A colour is born with as many pods as must serve at once; from then on the autoscaler alone decides.
    assert (autoscaled and stack != "prod") == ("replicas" not in deployment.inputs["spec"])
    assert autoscaled == ("spec.replicas" in deployment.ignore_changes)


def test_budgets_are_those_of_the_environment_and_never_keep_a_broken_pod() -> None:
    budgets = {stack: [b.inputs["spec"] for b in planned(stack).of(BUDGET)] for stack in STACKS}
    assert budgets["prod"][0]["minAvailable"] == 2
    assert budgets["staging"][0]["maxUnavailable"] == 1
    assert (budgets["dev"], budgets["local"]) == ([], [])
    assert all(b["unhealthyPodEvictionPolicy"] == "AlwaysAllow" for found in budgets.values() for b in found)


def test_pods_spread_over_zones_and_hosts_and_prod_insists_on_hosts() -> None:
    spread = planned("prod").only(DEPLOYMENT).inputs["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert [(s["topologyKey"], s["maxSkew"], s["whenUnsatisfiable"]) for s in spread] == [
        ("topology.kubernetes.io/zone", 1, "ScheduleAnyway"),
        ("kubernetes.io/hostname", 1, "DoNotSchedule"),
    ]
    for constraint in spread:
        assert constraint["matchLabelKeys"] == ["pod-template-hash"]
        assert constraint["nodeTaintsPolicy"] == "Honor"
        assert "minDomains" not in constraint


@pytest.mark.parametrize("stack", STACKS)
def test_pods_leave_a_node_from_which_nobody_hears_within_the_time_for_recovery(stack: str) -> None:
    tolerations = planned(stack).of(DEPLOYMENT)[0].inputs["spec"]["template"]["spec"]["tolerations"]
    stay = {each["key"]: each["tolerationSeconds"] for each in tolerations if each["effect"] == "NoExecute"}
    assert stay.keys() == {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}
    silent, deletion = 50, 20  # until a node counts as such, and until all nodes of a zone are marked
    assert all(seconds + silent + deletion < 300 for seconds in stay.values())


@pytest.mark.parametrize("stack", STACKS)
def test_a_rolling_update_loses_no_request(stack: str) -> None:
    spec = planned(stack).only(DEPLOYMENT).inputs["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": "25%"}
    pod = spec["template"]["spec"]
    [app] = pod["containers"]
    assert app["lifecycle"]["preStop"]["sleep"]["seconds"] == 20
    assert pod["terminationGracePeriodSeconds"] == 60
    assert app["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert app["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_prods_resources_are_the_promised_ones() -> None:
    resources = container(planned("prod").only(DEPLOYMENT))["resources"]
    assert resources["requests"] == {"cpu": "500m", "memory": "256Mi", "ephemeral-storage": "1Gi"}
    assert resources["limits"] == {"cpu": "1000m", "memory": "512Mi", "ephemeral-storage": "2Gi"}


@pytest.mark.parametrize(
    ("stack", "level"), [("local", "debug"), ("dev", "debug"), ("staging", "info"), ("prod", "warning")]
)
def test_each_environment_logs_at_its_level(stack: str, level: str) -> None:
    values = {v["name"]: v["value"] for v in container(planned(stack).only(DEPLOYMENT))["env"]}
    assert values["LOG_LEVEL"] == level


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_on_aws_the_application_logs_in_without_a_password(stack: str) -> None:
    values = {v["name"]: v["value"] for v in container(planned(stack).only(DEPLOYMENT))["env"]}
    assert (values["DATABASE_AUTHENTICATION"], values["CACHE_AUTHENTICATION"]) == ("iam", "iam")
    assert values["DATABASE_TLS"] == "verify-full"
    assert values["CACHE_TLS"] == "true"


@pytest.mark.parametrize("stack", STACKS)
def test_no_shipped_stack_lets_clients_ask_for_faults(stack: str) -> None:
    values = {v["name"]: v["value"] for v in container(planned(stack).only(DEPLOYMENT))["env"]}
    assert (values["FAULTS_ENABLED"], values["DEFAULT_LANGUAGE"]) == ("false", "en")


def test_where_drills_are_wanted_the_application_is_told() -> None:
    told = container(planned_with("dev", {"app.faults_enabled": True}).only(DEPLOYMENT))
    assert {"name": "FAULTS_ENABLED", "value": "true"} in told["env"]


@pytest.mark.parametrize("stack", STACKS)
def test_only_behind_the_load_balancer_cookies_want_tls_and_one_forwarded_address_is_believed(stack: str) -> None:
    values = {v["name"]: v["value"] for v in container(planned(stack).only(DEPLOYMENT))["env"]}
    balanced = stack != "local"
    assert values["SECURE_COOKIES"] == ("true" if balanced else "false")
    assert values["TRUSTED_PROXIES"] == ("1" if balanced else "0")


@pytest.mark.parametrize("stack", STACKS)
def test_the_schema_is_migrated_before_the_new_version_serves(stack: str) -> None:
    plan = planned(stack)
    assert plan.comes_before("Job/database-migrate", plan.only(DEPLOYMENT).key)
    if stack != "local":
        assert plan.comes_before("Job/database-bootstrap", "Job/database-migrate")


@pytest.mark.parametrize("stack", STACKS)
def test_every_kubernetes_object_has_an_explicit_provider(stack: str) -> None:
    for found in planned(stack).kubernetes():
        assert "kubernetes::" in found.provider.replace("pulumi:providers:", ""), found.name
        assert "::default" not in found.provider, found.name


@pytest.mark.parametrize("stack", STACKS)
def test_monitoring_is_registered_only_where_it_is_on(stack: str) -> None:
    plan = planned(stack)
    expected = {"staging": 1, "prod": 1}.get(stack, 0)
    releases = [release for release in plan.of(RELEASE) if release.name == "monitoring-release"]
    assert (len(releases), len(plan.of(SERVICE_MONITOR)), len(plan.of(RULES))) == (expected,) * 3


def test_monitors_come_after_the_chart_that_defines_them() -> None:
    plan = planned("prod")
    assert plan.comes_before("Release/monitoring-release", "ServiceMonitor/app-monitor")
    assert plan.comes_before("Release/monitoring-release", "PrometheusRule/app-rules")
    assert plan.only(SERVICE_MONITOR).inputs["metadata"]["namespace"] == "monitoring"
    assert plan.only(SERVICE_MONITOR).inputs["spec"]["endpoints"] == [
        {"port": "metrics", "path": "/metrics", "interval": "30s"}
    ]


def test_the_chart_is_pinned_has_no_known_password_and_no_targets_that_eks_hides() -> None:
    release = planned("prod").only(RELEASE, "monitoring-release").inputs
    assert release["version"] == "92.1.0"
    values = release["values"]
    assert values["grafana"]["adminPassword"] == ""
    assert not any(
        values[part]["enabled"] for part in ("kubeEtcd", "kubeScheduler", "kubeControllerManager", "kubeProxy")
    )
    staging = planned("staging").only(RELEASE, "monitoring-release").inputs["values"]
    assert (values["grafana"]["enabled"], staging["grafana"]["enabled"]) == (True, False)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"image": "app:latest"}, "another image each day"),
        ({"image": "app"}, "should match pattern"),
        ({"autoscaling": {"min_replicas": 5, "max_replicas": 3}}, "below min_replicas"),
        ({"disruption_budget": {}}, "set either min_available or max_unavailable"),
        ({"resources": {"cpu_request": "half"}}, "should match pattern"),
        ({"resources": {"memory_request": "1Gi", "memory_limit": "512Mi"}}, "memory_request is above memory_limit"),
        ({"replicas": 2, "autoscaling": {"min_replicas": 1, "max_replicas": 2}}, "both decide"),
        ({"log_level": "verbose"}, "'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_wrong_workload_setting_is_refused_with_its_reason(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        ApplicationSettings(**{"image": "app:1", **wrong})


# ---- bound to a load balancer


def bound(public: bool) -> Plan:
    def make() -> dict[str, Any]:
        settings = settings_of("dev").app
        release = kubernetes.helm.v3.Release("controller", chart="aws-load-balancer-controller")
        entry = PublicEntry({"": "arn:targets"}, "vpc-1", depends_on=[release]) if public else None
        workload = Workload("app", settings, Home("marlinspike"), Runtime({}), public=entry)
        return {"service": workload.service_name}

    return plan_of_program("test", make)


def test_pods_come_after_their_binding_and_that_after_the_service_and_the_controller() -> None:
    plan = bound(public=True)
    binding = plan.only(BINDING)
    assert plan.comes_before("Service/app-service", binding.key)
    assert plan.comes_before("Release/controller", binding.key)
    assert plan.comes_before(binding.key, "Deployment/app-deployment")


def test_a_binding_names_the_port_and_the_targets_and_leaves_the_security_groups_alone() -> None:
    binding = bound(public=True).only(BINDING)
    assert binding.inputs["spec"] == {
        "serviceRef": {"name": "app", "port": "http"},
        "targetGroupARN": "arn:targets",
        "targetType": "ip",
        "ipAddressType": "ipv4",
        "vpcID": "vpc-1",
    }
    # Another target group means another binding, made before the old one goes.
    assert binding.replace_on_changes == ("spec.targetGroupARN",)
    assert "name" not in binding.inputs["metadata"]


def test_a_workload_without_a_public_entry_is_bound_to_nothing() -> None:
    assert not bound(public=False).of(BINDING)
