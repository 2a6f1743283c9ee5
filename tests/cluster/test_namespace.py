"""What the workloads' namespace allows and refuses, on a real API server: quota, limits, people's roles, tokens, pod security."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi_kubernetes as kubernetes
import pytest
from pulumi import ResourceOptions

from infra.namespace import Namespace, NamespaceSettings, Tenancy
from infra.pods import ResourcesSettings
from infra.quota import Demand, QuotaSettings
from infra.roles import OPERATORS, RESTARTED, VIEWERS
from rehearsal.control_plane import ControlPlane
from rehearsal.control_plane.api import Api, ApiError
from tests.cluster.conftest import Eventually
from tests.cluster.people import Person
from tests.engine_double import EngineDouble
from tests.unit.plan import Plan, plan_of_program

PODS = 3
"""The quota's, so that a test can fill it."""

MOST = ResourcesSettings(cpu_limit="1000m", memory_limit="512Mi", ephemeral_storage_limit="2Gi")


def registered(namespace: str) -> Plan:
    """What the program registers for a namespace of this name."""

    def program() -> Mapping[str, Any]:
        here = ResourceOptions(providers=[kubernetes.Provider("kubernetes")])
        existing = kubernetes.Provider("kubernetes-existing", upsert_existing_objects=True)
        made = Namespace(namespace, opts=here)
        settings = NamespaceSettings(quota=QuotaSettings(pods=PODS))
        Tenancy(namespace, settings, made.name, [Demand(1, MOST)], existing, opts=here)
        return {"name": made.name}

    return plan_of_program("test", program)


@pytest.fixture(scope="module")
def home(environment: dict[str, str], api: Api) -> Iterator[str]:
    """A namespace as the program makes it, with the stand-in of the provider."""
    name = f"home-{uuid.uuid4().hex[:8]}"
    objects = list(registered(name).kubernetes())
    with (
        EngineDouble("rehearsal.plugins.kubernetes", environment, {}) as engine,
        EngineDouble("rehearsal.plugins.kubernetes", environment, {"upsertExistingObjects": "true"}) as existing,
    ):
        for found in sorted(objects, key=lambda found: found.type != "kubernetes:core/v1:Namespace"):
            takes_over = "kubernetes-existing" in found.provider
            (existing if takes_over else engine).create(found.type, found.name, found.inputs)
    yield name
    policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
    api.delete(f"{policies}ybindings/{name}-operators-restart-only")
    api.delete(f"{policies}ies/{name}-operators-restart-only")
    api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture(autouse=True)
def _no_pods_are_left(api: Api, home: str, eventually: Eventually) -> Iterator[None]:
    yield
    for found in api.items(f"/apis/apps/v1/namespaces/{home}/deployments"):
        api.delete(f"/apis/apps/v1/namespaces/{home}/deployments/{found['metadata']['name']}")

    def empty() -> bool:
        pods = api.items(f"/api/v1/namespaces/{home}/pods")
        for found in pods:
            api.delete(f"/api/v1/namespaces/{home}/pods/{found['metadata']['name']}", {"gracePeriodSeconds": 0})
        quota = api.get(f"/api/v1/namespaces/{home}/resourcequotas/workloads")
        return not pods and quota["status"]["used"]["pods"] == "0"

    eventually("the namespace is empty again", 60, empty)


def pod(name: str, resources: Mapping[str, Any] | None = None, **security: Any) -> dict[str, Any]:
    """A pod that the standard `restricted` admits, unless `security` says otherwise."""
    container = {
        "name": "app",
        "image": "registry.example/app:1",
        "resources": resources or {},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, **security},
    }
    return {
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
        },
    }


def deployment(api: Api, namespace: str, replicas: int = 1) -> str:
    """Makes one; returns its path."""
    template = pod("web")
    del template["metadata"]["name"]
    body = {
        "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template},
    }
    api.create(f"/apis/apps/v1/namespaces/{namespace}/deployments", body)
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/web"


def test_the_pod_beyond_the_quota_is_refused_with_the_numbers(api: Api, home: str) -> None:
    pods = f"/api/v1/namespaces/{home}/pods"
    for number in range(PODS):
        api.create(pods, pod(f"pod-{number}"))
    with pytest.raises(ApiError, match="exceeded quota: workloads, requested: pods=1, used: pods=3, limited: pods=3"):
        api.create(pods, pod("one-more"))


def test_a_container_that_asks_for_nothing_gets_the_defaults_and_one_that_asks_for_too_much_is_refused(
    api: Api, home: str
) -> None:
    pods = f"/api/v1/namespaces/{home}/pods"
    [container] = api.create(pods, pod("modest"))["spec"]["containers"]
    assert container["resources"] == {
        "requests": {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "64Mi"},
        "limits": {"cpu": "500m", "memory": "256Mi", "ephemeral-storage": "256Mi"},
    }
    with pytest.raises(ApiError, match="maximum memory usage per Container is 512Mi, but limit is 513Mi"):
        api.create(pods, pod("greedy", {"limits": {"memory": "513Mi"}}))


@pytest.mark.parametrize("kind", ["LoadBalancer", "NodePort"])
def test_no_service_opens_a_way_in_beside_the_programs_load_balancer(api: Api, home: str, kind: str) -> None:
    body = {"metadata": {"name": "open"}, "spec": {"type": kind, "ports": [{"port": 80}]}}
    with pytest.raises(ApiError, match="exceeded quota: workloads"):
        api.create(f"/api/v1/namespaces/{home}/services", body)


def test_a_pod_of_the_default_account_has_no_token(api: Api, home: str, namespace: str) -> None:
    def tokens(where: str) -> list[str]:
        made = api.create(f"/api/v1/namespaces/{where}/pods", pod("plain"))
        return [volume["name"] for volume in made["spec"].get("volumes", []) if "projected" in volume]

    assert tokens(home) == []
    assert len(tokens(namespace)) == 1, "elsewhere Kubernetes gives one, or this test proves nothing"


@pytest.mark.parametrize(
    ("security", "says"),
    [
        ({"privileged": True}, "privileged"),
        ({"allowPrivilegeEscalation": True}, "allowPrivilegeEscalation != false"),
        ({"runAsUser": 0}, "runAsUser=0"),
        ({"capabilities": {}}, "unrestricted capabilities"),
    ],
)
def test_a_pod_that_breaks_the_restricted_standard_is_refused(
    api: Api, home: str, security: dict[str, Any], says: str
) -> None:
    broken = pod("broken", **security)
    if security.get("privileged"):
        broken["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(ApiError, match=f'violates PodSecurity "restricted:v1.36".*{says}'):
        api.create(f"/api/v1/namespaces/{home}/pods", broken)


@pytest.fixture(scope="module")
def viewer(control_plane: ControlPlane) -> Person:
    return Person(control_plane.kubeconfig, VIEWERS)


@pytest.fixture(scope="module")
def operator(control_plane: ControlPlane) -> Person:
    return Person(control_plane.kubeconfig, OPERATORS)


@pytest.fixture
def secret(api: Api, home: str) -> Iterator[str]:
    """Path of a Secret with something in it."""
    api.create(
        f"/api/v1/namespaces/{home}/secrets", {"metadata": {"name": "payment-api"}, "stringData": {"value": "x"}}
    )
    yield f"/api/v1/namespaces/{home}/secrets/payment-api"
    api.delete(f"/api/v1/namespaces/{home}/secrets/payment-api")


def test_a_viewer_sees_the_workloads_and_neither_reads_a_secret_nor_changes_anything(
    api: Api, home: str, viewer: Person, secret: str
) -> None:
    web = deployment(api, home)
    for path in (
        f"/api/v1/namespaces/{home}/pods",
        f"/api/v1/namespaces/{home}/events",
        f"/apis/apps/v1/namespaces/{home}/deployments",
        f"/apis/autoscaling/v2/namespaces/{home}/horizontalpodautoscalers",
    ):
        status, answer = viewer.asks("GET", path)
        assert status == 200, answer
    assert viewer.may(home, "get", "", "pods/log")
    for method, path, body in (
        ("GET", secret, None),
        ("GET", f"/api/v1/namespaces/{home}/secrets", None),
        ("GET", f"/api/v1/namespaces/{home}/configmaps", None),
        ("GET", "/api/v1/namespaces/kube-system/pods", None),
        ("DELETE", web, None),
        ("PATCH", web, {"spec": {"template": {"metadata": {"annotations": {RESTARTED: "now"}}}}}),
        ("PATCH", f"{web}/scale", {"spec": {"replicas": 0}}),
        ("POST", f"/api/v1/namespaces/{home}/pods", pod("own")),
    ):
        status, answer = viewer.asks(method, path, body)
        assert status == 403, (method, path, answer)


def test_an_operator_restarts_scales_and_evicts(api: Api, home: str, operator: Person, eventually: Eventually) -> None:
    web = deployment(api, home)
    pods = f"/api/v1/namespaces/{home}/pods"
    eventually("the pod is there", 30, lambda: len(api.items(pods)) == 1)
    [first] = [found["metadata"]["name"] for found in api.items(pods)]
    for when in ("2026-11-21T18:00:00Z", "2026-11-21T19:00:00Z"):
        restart = {"spec": {"template": {"metadata": {"annotations": {RESTARTED: when}}}}}
        status, answer = operator.asks("PATCH", web, restart)
        assert status == 200, answer
    eventually(
        "another pod in its place", 60, lambda: [p["metadata"]["name"] for p in api.items(pods)] not in ([first], [])
    )
    status, answer = operator.asks("PATCH", f"{web}/scale", {"spec": {"replicas": 2}})
    assert status == 200, answer
    eventually("two pods", 60, lambda: len(api.items(pods)) == 2)
    name = api.items(pods)[0]["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": home}}
    status, answer = operator.asks("POST", f"{pods}/{name}/eviction", eviction)
    assert status == 201, answer
    assert operator.may(home, "delete", "", "pods")
    assert operator.may(home, "create", "", "pods/portforward")


def test_an_operator_comes_by_no_secret(
    api: Api, home: str, operator: Person, secret: str, eventually: Eventually
) -> None:
    web = deployment(api, home, replicas=0)
    for path in (secret, f"/api/v1/namespaces/{home}/secrets"):
        assert operator.asks("GET", path)[0] == 403
    refused = (
        ("create", "", "pods"),
        ("create", "", "pods/exec"),
        ("create", "", "pods/attach"),
        ("patch", "", "pods/ephemeralcontainers"),
        ("create", "", "serviceaccounts/token"),
        ("create", "batch", "jobs"),
        ("create", "apps", "deployments"),
        ("update", "rbac.authorization.k8s.io", "roles"),
        ("patch", "external-secrets.io", "externalsecrets"),
    )
    assert [asked for asked in refused if operator.may(home, *asked)] == []
    volume = {"name": "stolen", "secret": {"secretName": "payment-api"}}
    changes: list[dict[str, Any]] = [
        {"spec": {"volumes": [volume]}},
        {"spec": {"containers": [{**pod("web")["spec"]["containers"][0], "image": "registry.example/evil:1"}]}},
        {"metadata": {"annotations": {"prometheus.io/scrape": "true"}}},
        {
            "metadata": {"labels": {"app": "web", "app.kubernetes.io/name": "postgresql"}}
        },  # another one's network policy
    ]

    def all_refused() -> bool:
        answers = [operator.asks("PATCH", f"{web}?dryRun=All", {"spec": {"template": change}}) for change in changes]
        return all(status == 422 and "only the program says" in answer["message"] for status, answer in answers)

    eventually(
        "every other change of a pod template is refused", 30, all_refused
    )  # policies take effect in a second or two
    # Whoever may do everything still may: the policy is about operators only.
    api.merge(f"{web}", {"spec": {"template": {"spec": {"volumes": [volume]}}}})
