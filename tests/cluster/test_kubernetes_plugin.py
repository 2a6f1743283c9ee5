"""What the stand-in for the Kubernetes plugin promises, against a real API server."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import psutil
import pulumi_kubernetes
import pytest
import yaml
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2 as protocol

from rehearsal import kubeconfig
from rehearsal.plugins.kubernetes.api import ApiServer
from rehearsal.plugins.kubernetes.objects import Kind
from rehearsal.plugins.wire import UNKNOWN, Secret, decode, encode, plain
from tests.engine_double import REPOSITORY, CheckFailedError, EngineDouble, OperationFailedError, Resource

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
NAMESPACE = "kubernetes:core/v1:Namespace"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
SECRET = "kubernetes:core/v1:Secret"  # noqa: S105 - the type
SERVICE = "kubernetes:core/v1:Service"
JOB = "kubernetes:batch/v1:Job"
RELEASE = "kubernetes:helm.sh/v3:Release"
WIDGET = "kubernetes:example.com/v1:Widget"

WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "names": {"kind": "Widget", "plural": "widgets"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
                    }
                },
            }
        ],
    },
}


@pytest.fixture(scope="module")
def environment(control_plane: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the rehearsal gives to a plugin, with one chart, `widgets`, that brings a definition."""
    charts = tmp_path_factory.mktemp("charts")
    (charts / "widgets").mkdir()
    (charts / "widgets" / "widgets.yaml").write_text(yaml.safe_dump(WIDGETS))
    return {
        **os.environ,
        "KUBECONFIG": str(control_plane.kubeconfig),
        "MARLINSPIKE_REHEARSAL_KUBECONFIG": str(control_plane.kubeconfig),
        "MARLINSPIKE_CUSTOM_RESOURCE_DEFINITIONS": str(charts),
    }


Started = Callable[..., EngineDouble]


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Started]:
    """Starts plugins of a test's own: `start(environment_variable=..., **config)`."""
    running: list[EngineDouble] = []

    def started(variables: dict[str, str] | None = None, **config: Any) -> EngineDouble:
        running.append(EngineDouble("rehearsal.plugins.kubernetes", environment | (variables or {}), config))
        return running[-1]

    yield started
    for engine in running:
        engine.__exit__()


@pytest.fixture(scope="module")
def engine(environment: dict[str, str]) -> Iterator[EngineDouble]:
    """A plugin with the default configuration."""
    with EngineDouble("rehearsal.plugins.kubernetes", environment, {}) as started:
        yield started


@pytest.fixture(scope="module")
def server(control_plane: Any) -> ApiServer:
    """The API server itself, as anybody else would speak to it."""
    return ApiServer(kubeconfig.connection(kubeconfig.parse(str(control_plane.kubeconfig))))


@pytest.fixture
def namespace(server: ApiServer) -> Iterator[str]:
    """A namespace for one test, gone afterwards."""
    name = f"test-{os.urandom(4).hex()}"
    server.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, "tests")
    yield name
    server.delete(Kind("v1", "Namespace"), "", name, "Background")


def deployment(namespace: str, name: str = "web", **spec: Any) -> dict[str, Any]:
    """A Deployment whose pod runs on any simulated node."""
    labels = {"app": name}
    container = {"name": "app", "image": "registry.example/app:1", "resources": {"requests": {"cpu": "10m"}}}
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "spec": {
            "selector": {"matchLabels": dict(labels)},
            "template": {"metadata": {"labels": dict(labels)}, "spec": {"containers": [container]}},
            **spec,
        },
    }


def with_image(inputs: dict[str, Any], image: str) -> dict[str, Any]:
    """The same Deployment with another image."""
    changed: dict[str, Any] = json.loads(json.dumps(inputs))
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return changed


def unschedulable(inputs: dict[str, Any]) -> dict[str, Any]:
    """The same Deployment, for nodes that don't exist."""
    changed: dict[str, Any] = json.loads(json.dumps(inputs))
    changed["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "made-of-gold"}
    return changed


def config_map(namespace: str, name: str = "settings", **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "data": data or {"colour": "blue"}}


def live(server: ApiServer, api_version: str, kind: str, namespace: str, name: str) -> dict[str, Any]:
    found = server.get(Kind(api_version, kind), namespace, name)
    assert found is not None, f"{kind} {namespace}/{name} is not there"
    return found


# ---- the plugin and its configuration


def test_the_plugin_answers_the_version_that_the_sdk_asks_for(engine: EngineDouble) -> None:
    sdk = json.loads((Path(pulumi_kubernetes.__file__).parent / "pulumi-plugin.json").read_text())
    assert engine.provider.GetPluginInfo(empty_pb2.Empty()).version == sdk["version"]


def test_the_plugin_starts_in_little_more_than_a_second_of_cpu(environment: dict[str, str]) -> None:
    """By its own processor time, which others' work hardly makes longer."""
    with EngineDouble("rehearsal.plugins.kubernetes", environment, {}) as started:
        used = psutil.Process(started.process.pid).cpu_times()
    assert used.user + used.system < 2.5


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"kubeconfg": "x"}, "no setting 'kubeconfg'"),
        ({"enablePatchForce": "perhaps"}, "must be true or false"),
        ({"kubeconfig": 7}, "must be a string"),
        ({"enableServerSideApply": False}, "client-side apply is not simulated"),
        ({"renderYamlToDirectory": "out"}, "is not simulated"),
    ],
)
def test_a_wrong_provider_setting_is_refused_with_its_reason(
    engine: EngineDouble, config: dict[str, Any], says: str
) -> None:
    answer = engine.provider.CheckConfig(protocol.CheckRequest(news=encode(config)))
    assert [failure.property for failure in answer.failures] == list(config)
    assert says in answer.failures[0].reason


def test_a_right_provider_configuration_passes_with_secrets_and_unknown_values(engine: EngineDouble) -> None:
    config = {
        "kubeconfig": Secret(UNKNOWN),
        "clusterIdentifier": "arn",
        "namespace": "app",
        "enableServerSideApply": "true",
    }
    answer = engine.provider.CheckConfig(protocol.CheckRequest(news=encode(config)))
    assert not answer.failures


def kubeconfig_of(server: str) -> str:
    return json.dumps(
        {
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "contexts": [{"name": "x", "context": {"cluster": "c"}}],
            "current-context": "x",
        }
    )


@pytest.mark.parametrize(
    ("old", "new", "replaces"),
    [
        ({}, {"kubeconfig": kubeconfig_of("https://b")}, ["kubeconfig"]),
        ({"clusterIdentifier": "arn:1"}, {"clusterIdentifier": "arn:1", "kubeconfig": kubeconfig_of("https://b")}, []),
        ({"clusterIdentifier": "arn:1"}, {"clusterIdentifier": "arn:1", "kubeconfig": UNKNOWN}, []),
        ({"clusterIdentifier": "arn:1"}, {"clusterIdentifier": "arn:2"}, ["clusterIdentifier"]),
        ({}, {"clusterIdentifier": "arn:1"}, []),
        ({}, {"kubeconfig": UNKNOWN}, ["kubeconfig"]),
        ({}, {"namespace": "other"}, []),
    ],
)
def test_objects_are_replaced_only_when_another_cluster_is_meant(
    engine: EngineDouble, old: dict[str, Any], new: dict[str, Any], replaces: list[str]
) -> None:
    base = {"kubeconfig": kubeconfig_of("https://a")}
    request = protocol.DiffRequest(olds=encode(base | old), news=encode(base | new))
    answer = engine.provider.DiffConfig(request)
    assert answer.changes == protocol.DiffResponse.DIFF_SOME
    assert list(answer.replaces) == replaces


def test_without_the_cluster_a_preview_echoes_the_inputs_and_an_update_says_why_it_cannot(start: Started) -> None:
    offline = start(kubeconfig=Secret(UNKNOWN))
    inputs = deployment("app")
    previewed = offline.create(DEPLOYMENT, "web", inputs, preview=True)
    assert previewed.id == ""
    assert previewed.outputs["spec"] == inputs["spec"]
    assert "status" not in previewed.outputs
    assert "uid" not in previewed.outputs["metadata"]
    assert offline.create(NAMESPACE, "app", {}, preview=True).outputs["metadata"].get("namespace") is None
    with pytest.raises(OperationFailedError, match="cluster is unreachable: its kubeconfig is not known"):
        offline.create(DEPLOYMENT, "web", inputs)


def test_a_rehearsal_never_speaks_to_another_server_than_its_own(start: Started) -> None:
    elsewhere = start(kubeconfig=kubeconfig_of("https://production.example"))
    with pytest.raises(OperationFailedError, match="a rehearsal applies only to its own control plane"):
        elsewhere.create(NAMESPACE, "never", {})


def test_the_kubeconfig_is_taken_as_contents_and_as_a_path(start: Started, control_plane: Any) -> None:
    for given in (control_plane.kubeconfig.read_text(), str(control_plane.kubeconfig)):
        assert start(kubeconfig=given).create(NAMESPACE, "asked", {}, preview=True).outputs["metadata"]["uid"]


def test_the_kubeconfig_of_the_simulated_eks_cluster_leads_to_the_control_plane(start: Started) -> None:
    eks = json.loads(kubeconfig_of("https://ABCDEF.gr7.eu-west-3.eks.amazonaws.com"))
    arguments = [
        "eks",
        "get-token",
        "--cluster-name",
        "marlinspike",
        "--role-arn",
        "arn:aws:iam::111122223333:role/deploy",
    ]
    eks["users"] = [{"name": "u", "user": {"exec": {"command": "aws", "args": arguments}}}]
    eks["contexts"][0]["context"]["user"] = "u"
    assert start(kubeconfig=json.dumps(eks)).create(NAMESPACE, "asked", {}, preview=True).outputs["metadata"]["uid"]


def test_a_plugin_ends_with_its_engine(environment: dict[str, str]) -> None:
    program = (
        "import subprocess, sys\n"
        "plugin = subprocess.Popen([sys.executable, '-m', 'rehearsal.plugins.kubernetes'], stdout=subprocess.PIPE)\n"
        "plugin.stdout.readline()\n"
        "print(plugin.pid, flush=True)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, check=True
    )
    ended = Path(f"/proc/{int(run.stdout)}")
    deadline = time.monotonic() + 60
    while ended.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not ended.exists()


# ---- inputs


def test_a_property_that_the_sdk_does_not_have_is_refused(engine: EngineDouble) -> None:
    wrong = deployment("app", replcas=3)
    with pytest.raises(CheckFailedError, match="did you mean 'replicas'") as refused:
        engine.create(DEPLOYMENT, "web", wrong)
    assert list(refused.value.failures) == ["spec.replcas"]


def test_a_missing_required_property_is_refused(engine: EngineDouble) -> None:
    with pytest.raises(CheckFailedError, match="missing required property 'selector'"):
        engine.create(DEPLOYMENT, "web", {"spec": {"template": {"spec": {"containers": []}}}})


def test_what_the_api_server_does_not_accept_is_refused_in_its_words_in_the_preview(
    engine: EngineDouble, namespace: str
) -> None:
    wrong = deployment(namespace)
    wrong["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "much"
    with pytest.raises(OperationFailedError, match="quantities must match the regular expression"):
        engine.create(DEPLOYMENT, "web", wrong, preview=True)
    with pytest.raises(OperationFailedError, match="`selector` does not match template `labels`"):
        engine.create(
            DEPLOYMENT, "web", deployment(namespace, selector={"matchLabels": {"app": "other"}}), preview=True
        )


def test_a_generated_name_is_marked_and_stays(engine: EngineDouble, namespace: str) -> None:
    inputs = {"metadata": {"namespace": namespace}, "data": {"a": "b"}}
    made = engine.create(CONFIG_MAP, "settings", inputs)
    metadata = made.outputs["metadata"]
    prefix, _, digits = metadata["name"].rpartition("-")
    assert (prefix, len(digits), int(digits, 16) >= 0) == ("settings", 8, True)
    assert metadata["annotations"] == {"pulumi.com/autonamed": "true"}
    assert made.id == f"{namespace}/{metadata['name']}"
    assert engine.check(made, inputs, seed=b"another") == made.inputs


def test_an_object_without_a_namespace_goes_into_the_providers(start: Started, namespace: str) -> None:
    engine = start(namespace=namespace)
    blank = Resource(CONFIG_MAP, "settings", {})
    assert engine.check(blank, {})["metadata"]["namespace"] == namespace
    assert engine.check(blank, {"metadata": {"namespace": "own"}})["metadata"]["namespace"] == "own"
    assert "namespace" not in engine.check(Resource("kubernetes:core/v1:Namespace", "app", {}), {})["metadata"]


def test_version_and_kind_come_from_the_type(engine: EngineDouble) -> None:
    inputs = engine.check(
        Resource("kubernetes:networking.k8s.io/v1:NetworkPolicy", "deny", {}), {"spec": {"podSelector": {}}}
    )
    assert (inputs["apiVersion"], inputs["kind"]) == ("networking.k8s.io/v1", "NetworkPolicy")


@pytest.mark.parametrize("kind", ["DeploymentList", "DeploymentPatch"])
def test_lists_and_patches_are_refused(engine: EngineDouble, kind: str) -> None:
    with pytest.raises(CheckFailedError, match=kind):
        engine.check(Resource(f"kubernetes:apps/v1:{kind}", "x", {}), {})


# ---- create, and the preview after it


def platform(namespace: str) -> list[tuple[str, dict[str, Any]]]:
    """One object of each kind that the program registers; quantities and empty lists as people write them."""
    labels = {"app.kubernetes.io/name": "web"}
    here = {"namespace": namespace}
    resources = {"requests": {"cpu": "0.010", "memory": "1024Ki"}, "limits": {"cpu": "1000m", "memory": "0.5Gi"}}
    container = {
        "name": "app",
        "image": "registry.example/app:1",
        "resources": resources,
        "env": [{"name": "MODE", "value": "test"}],
        "ports": [{"name": "http", "containerPort": 5000}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/cache"}],
    }
    pod = {
        "metadata": {"labels": labels},
        "spec": {
            "containers": [container],
            "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1024Mi"}}],
            "securityContext": {},
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": "topology.kubernetes.io/zone",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": labels},
                    "matchLabelKeys": ["pod-template-hash"],
                }
            ],
        },
    }
    plain_pod = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "db:1"}]}}
    job_pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "job", "image": "job:1"}]}}
    selector = {"matchLabels": labels}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    utilisation = {"type": "Utilization", "averageUtilization": 70}
    return [
        (
            "kubernetes:apps/v1:Deployment",
            {
                "metadata": {**here, "name": "web"},
                "spec": {
                    "selector": selector,
                    "template": pod,
                    "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
                },
            },
        ),
        (
            "kubernetes:apps/v1:StatefulSet",
            {
                "metadata": {**here, "name": "db"},
                "spec": {"serviceName": "db", "selector": {"matchLabels": {"app": "db"}}, "template": plain_pod},
            },
        ),
        (JOB, {"metadata": {**here, "name": "migrate"}, "spec": {"template": job_pod, "backoffLimit": 2}}),
        (
            SERVICE,
            {
                "metadata": {**here, "name": "web"},
                "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": "http"}], "type": "ClusterIP"},
            },
        ),
        (SERVICE, {"metadata": {**here, "name": "db"}, "spec": {"clusterIP": "None", "ports": [{"port": 5432}]}}),
        (
            "kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
            {
                "metadata": {**here, "name": "web"},
                "spec": {
                    "scaleTargetRef": target,
                    "minReplicas": 1,
                    "maxReplicas": 3,
                    "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": utilisation}}],
                    "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
                },
            },
        ),
        (
            "kubernetes:policy/v1:PodDisruptionBudget",
            {"metadata": {**here, "name": "web"}, "spec": {"maxUnavailable": 1, "selector": selector}},
        ),
        (
            "kubernetes:networking.k8s.io/v1:NetworkPolicy",
            {
                "metadata": {**here, "name": "deny"},
                "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": []},
            },
        ),
        (
            "kubernetes:networking.k8s.io/v1:NetworkPolicy",
            {
                "metadata": {**here, "name": "allow"},
                "spec": {
                    "podSelector": selector,
                    "ingress": [{"from": [{"namespaceSelector": {}}], "ports": [{"port": 5000}]}],
                },
            },
        ),
        (
            "kubernetes:core/v1:ResourceQuota",
            {"metadata": {**here, "name": "quota"}, "spec": {"hard": {"requests.cpu": "4000m", "pods": "50"}}},
        ),
        (
            "kubernetes:core/v1:LimitRange",
            {
                "metadata": {**here, "name": "limits"},
                "spec": {
                    "limits": [{"type": "Container", "default": {"cpu": "1000m"}, "defaultRequest": {"cpu": "0.01"}}]
                },
            },
        ),
        (
            "kubernetes:core/v1:ServiceAccount",
            {"metadata": {**here, "name": "web"}, "automountServiceAccountToken": False},
        ),
        (CONFIG_MAP, {"metadata": {**here, "name": "settings"}, "data": {"a": "b"}}),
        (SECRET, {"metadata": {**here, "name": "password"}, "stringData": {"password": "correct horse"}}),
        (
            "kubernetes:rbac.authorization.k8s.io/v1:Role",
            {
                "metadata": {**here, "name": "web"},
                "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
            },
        ),
        (
            "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
            {
                "metadata": {**here, "name": "web"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "web"},
                "subjects": [{"kind": "ServiceAccount", "name": "web", "namespace": namespace}],
            },
        ),
        (
            "kubernetes:scheduling.k8s.io/v1:PriorityClass",
            {"metadata": {"name": f"{namespace}-high"}, "value": 1000, "globalDefault": False},
        ),
        (
            NAMESPACE,
            {"metadata": {"name": f"{namespace}-too", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}},
        ),
    ]


def at_once(work: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    """As the engine does with `--parallel 16`."""
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(work, items))


def test_a_preview_after_the_update_is_clean_for_every_kind_and_after_a_refresh_too(
    engine: EngineDouble, namespace: str
) -> None:
    wanted = platform(namespace)

    def make(item: tuple[int, tuple[str, dict[str, Any]]]) -> Resource:
        index, (type_token, inputs) = item
        return engine.create(type_token, f"object-{index}", inputs, timeout=60)

    started = time.monotonic()
    made = at_once(make, list(enumerate(wanted)))
    assert time.monotonic() - started < 150
    try:
        for resource, (_, inputs) in zip(made, wanted, strict=True):
            assert engine.changed_paths(resource, inputs) == set(), resource.type
            refreshed = engine.refresh(resource)
            assert refreshed is not None
            assert engine.changed_paths(refreshed, inputs) == set(), f"{resource.type} after a refresh"
            previewed = engine.update(refreshed, inputs, preview=True)
            assert previewed.outputs["metadata"]["uid"] == resource.outputs["metadata"]["uid"]
    finally:
        at_once(engine.delete, made)
    assert at_once(engine.refresh, made) == [None] * len(made)


def test_another_spelling_of_the_same_value_is_no_change(engine: EngineDouble, namespace: str) -> None:
    inputs = deployment(namespace)
    made = engine.create(DEPLOYMENT, "web", inputs)
    inputs["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "0.01"
    inputs["spec"]["template"]["spec"]["containers"][0]["env"] = []
    inputs["spec"]["template"]["spec"]["dnsPolicy"] = "ClusterFirst"
    assert engine.changed_paths(made, inputs) == set()
    inputs["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "0.02"
    assert engine.changed_paths(made, inputs) == {"spec.template.spec.containers[0].resources.requests.cpu"}


def test_forty_objects_are_applied_at_once(engine: EngineDouble, namespace: str) -> None:
    names = [f"settings-{index}" for index in range(40)]
    made = at_once(lambda name: engine.create(CONFIG_MAP, name, config_map(namespace, name)), names)
    assert len({resource.id for resource in made}) == 40


def test_a_preview_of_a_new_object_shows_what_the_server_would_make_of_it(
    engine: EngineDouble, server: ApiServer, namespace: str
) -> None:
    previewed = engine.create(DEPLOYMENT, "web", deployment(namespace), preview=True)
    assert previewed.outputs["spec"]["progressDeadlineSeconds"] == 600
    assert "status" not in previewed.outputs
    assert server.get(Kind("apps/v1", "Deployment"), namespace, "web") is None


def test_a_preview_of_an_object_in_a_namespace_that_comes_with_it_echoes_the_inputs(engine: EngineDouble) -> None:
    inputs = deployment("comes-with-the-same-update")
    assert engine.create(DEPLOYMENT, "web", inputs, preview=True).outputs["spec"] == inputs["spec"]


def test_an_object_that_is_already_there_is_not_taken_over(
    engine: EngineDouble, server: ApiServer, namespace: str
) -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", **config_map(namespace, colour="theirs")}
    server.create(manifest, "somebody-else")
    with pytest.raises(OperationFailedError, match='configmaps "settings" already exists'):
        engine.create(CONFIG_MAP, "settings", config_map(namespace, colour="ours"))
    assert live(server, "v1", "ConfigMap", namespace, "settings")["data"] == {"colour": "theirs"}


def test_upsert_existing_objects_takes_over_what_is_there(start: Started, server: ApiServer, namespace: str) -> None:
    server.create({"apiVersion": "v1", "kind": "ConfigMap", **config_map(namespace, colour="blue")}, "somebody-else")
    upserting = start(upsertExistingObjects="true", enablePatchForce="true")
    made = upserting.create(CONFIG_MAP, "settings", config_map(namespace, colour="ours"))
    assert made.outputs["data"] == {"colour": "ours"}


def test_an_object_waits_for_its_namespace(engine: EngineDouble, server: ApiServer, namespace: str) -> None:
    late = f"{namespace}-late"

    def make_namespace() -> Resource:
        time.sleep(0.7)
        return engine.create(NAMESPACE, "late", {"metadata": {"name": late}})

    with ThreadPoolExecutor() as pool:
        pending = pool.submit(make_namespace)
        made = engine.create(CONFIG_MAP, "settings", config_map(late))
        pending.result()
    server.delete(Kind("v1", "Namespace"), "", late, "Background")
    assert made.id == f"{late}/settings"


# ---- changes


def test_a_changed_image_is_the_only_change_shown_and_is_rolled_out(
    engine: EngineDouble, server: ApiServer, namespace: str
) -> None:
    inputs = deployment(namespace, replicas=2)
    made = engine.create(DEPLOYMENT, "web", inputs)
    changed = with_image(inputs, "registry.example/app:2")
    difference = engine.diff(made, changed)
    assert list(difference.detailedDiff) == ["spec.template.spec.containers[0].image"]
    assert not difference.replaces
    updated = engine.update(made, changed)
    status = live(server, "apps/v1", "Deployment", namespace, "web")["status"]
    assert (status["updatedReplicas"], status["availableReplicas"], status["replicas"]) == (2, 2, 2)
    assert updated.outputs["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    assert engine.changed_paths(updated, changed) == set()


def test_a_property_that_is_taken_out_of_the_program_goes_from_the_server(
    engine: EngineDouble, server: ApiServer, namespace: str
) -> None:
    inputs = deployment(namespace)
    inputs["metadata"]["labels"]["team.example/owner"] = "sea"
    made = engine.create(DEPLOYMENT, "web", inputs)
    del inputs["metadata"]["labels"]["team.example/owner"]
    difference = engine.diff(made, inputs)
    assert {path: found.kind for path, found in difference.detailedDiff.items()} == {
        'metadata.labels["team.example/owner"]': protocol.PropertyDiff.DELETE
    }
    engine.update(made, inputs)
    assert live(server, "apps/v1", "Deployment", namespace, "web")["metadata"]["labels"] == {"app": "web"}


def test_what_cannot_be_changed_in_place_replaces_the_object(engine: EngineDouble, namespace: str) -> None:
    inputs = deployment(namespace)
    made = engine.create(DEPLOYMENT, "web", inputs)
    other = deployment(namespace, "other")
    other["metadata"] = inputs["metadata"]
    difference = engine.diff(made, other)
    assert set(difference.replaces) == {"spec.selector.matchLabels.app"}
    assert difference.deleteBeforeReplace, "the program chose the name, so both can't exist at once"
    moved = json.loads(json.dumps(inputs)) | {"metadata": {**inputs["metadata"], "namespace": "default"}}
    difference = engine.diff(made, moved)
    assert set(difference.replaces) == {"metadata.namespace"}
    assert not difference.deleteBeforeReplace


@pytest.mark.parametrize(
    ("type_token", "mutable"), [(CONFIG_MAP, "enableConfigMapMutable"), (SECRET, "enableSecretMutable")]
)
def test_changed_data_replaces_a_config_map_or_secret_unless_it_may_be_mutated(
    engine: EngineDouble, start: Started, namespace: str, type_token: str, mutable: str
) -> None:
    inputs = {"metadata": {"namespace": namespace}, "data": {"key": "b25l"}}
    changed = {**inputs, "data": {"key": "dHdv"}}
    made = engine.create(type_token, "data", inputs)
    difference = engine.diff(made, changed)
    assert list(difference.replaces) == ["data.key"] or list(difference.replaces) == ["data"]
    assert not difference.deleteBeforeReplace, "a generated name lets the new one come first"
    mutating = start(**{mutable: "true"})
    assert not mutating.diff(made, changed).replaces
    assert plain(mutating.update(made, changed).outputs["data"]) == {"key": "dHdv"}
    frozen = mutating.create(type_token, "frozen", {**inputs, "immutable": True})
    assert mutating.diff(frozen, {**changed, "immutable": True}).replaces


def test_a_field_that_another_manager_owns_is_a_conflict_in_the_servers_words_unless_forced(
    engine: EngineDouble, server: ApiServer, namespace: str
) -> None:
    inputs = deployment(namespace, replicas=1)
    made = engine.create(DEPLOYMENT, "web", inputs)
    scale = server.request("GET", server.endpoint(Kind("apps/v1", "Deployment")).path(namespace, "web") + "/scale")
    scale["spec"]["replicas"] = 2
    path = server.endpoint(Kind("apps/v1", "Deployment")).path(namespace, "web") + "/scale"
    server.request("PUT", path, {"fieldManager": "the-autoscaler"}, json.dumps(scale).encode())
    assert engine.changed_paths(made, inputs) == set(), "what the autoscaler does is no change of the program's"
    changed = with_image(inputs, "registry.example/app:2")
    with pytest.raises(OperationFailedError, match='conflict with "the-autoscaler"') as failed:
        engine.update(made, changed)
    assert failed.value.partial is not None, "the object is still there"
    assert failed.value.partial.id == f"{namespace}/web"

    ignoring = engine.update(made, changed, ignore=("spec.replicas",))
    assert ignoring.outputs["spec"]["replicas"] == 2

    changed["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    assert engine.update(ignoring, changed).outputs["spec"]["replicas"] == 1


def test_without_replicas_in_the_program_an_autoscaler_keeps_its_number(
    engine: EngineDouble, server: ApiServer, namespace: str
) -> None:
    inputs = deployment(namespace)
    made = engine.create(DEPLOYMENT, "web", inputs)
    path = server.endpoint(Kind("apps/v1", "Deployment")).path(namespace, "web") + "/scale"
    scale = server.request("GET", path)
    scale["spec"]["replicas"] = 3
    server.request("PUT", path, {"fieldManager": "the-autoscaler"}, json.dumps(scale).encode())
    changed = with_image(inputs, "registry.example/app:2")
    assert engine.changed_paths(made, changed) == {"spec.template.spec.containers[0].image"}
    assert engine.update(made, changed).outputs["spec"]["replicas"] == 3
    refreshed = engine.refresh(made)
    assert refreshed is not None
    assert engine.changed_paths(refreshed, changed) == set(), "the number of the autoscaler is nobody's drift"


def test_ignored_changes_are_not_shown(engine: EngineDouble, namespace: str) -> None:
    inputs = deployment(namespace, replicas=1)
    made = engine.create(DEPLOYMENT, "web", inputs)
    changed = with_image(inputs, "registry.example/app:2")
    changed["spec"]["replicas"] = 5
    ignored = ("spec.replicas", "spec.template.spec.containers[*].image")
    assert engine.changed_paths(made, changed, ignored) == set()


# ---- readiness


def test_a_deployment_that_cannot_run_fails_with_the_reason_and_stays_in_the_state(
    engine: EngineDouble, server: ApiServer, namespace: str
) -> None:
    with pytest.raises(OperationFailedError, match="failed to fully initialize or become live") as failed:
        engine.create(DEPLOYMENT, "web", unschedulable(deployment(namespace, replicas=2)), timeout=2)
    partial = failed.value.partial
    assert partial is not None
    assert partial.id == f"{namespace}/web"
    assert decode(partial.properties)["metadata"]["uid"]
    assert "0/2 Pods available" in partial.reasons
    assert any("didn't match Pod's node affinity/selector" in reason for reason in partial.reasons)
    assert live(server, "apps/v1", "Deployment", namespace, "web")


def test_a_deployment_past_its_progress_deadline_is_given_up_at_once(engine: EngineDouble, namespace: str) -> None:
    inputs = unschedulable(deployment(namespace, progressDeadlineSeconds=2))
    started = time.monotonic()
    with pytest.raises(OperationFailedError) as failed:
        engine.create(DEPLOYMENT, "web", inputs)
    assert time.monotonic() - started < 120  # not the ten minutes of one that only waits
    assert failed.value.partial is not None
    assert any(reason.startswith("[ProgressDeadlineExceeded]") for reason in failed.value.partial.reasons)


def test_pods_that_a_policy_forbids_are_named_with_the_policys_words(
    engine: EngineDouble, server: ApiServer, namespace: str
) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
    server.apply(manifest, "tests", force=True)
    with pytest.raises(OperationFailedError) as failed:
        engine.create(DEPLOYMENT, "web", deployment(namespace), timeout=2)
    assert failed.value.partial is not None
    assert any('violates PodSecurity "restricted' in reason for reason in failed.value.partial.reasons)


def test_the_next_update_repairs_what_did_not_become_ready(engine: EngineDouble, namespace: str) -> None:
    with pytest.raises(OperationFailedError) as failed:
        engine.create(DEPLOYMENT, "web", unschedulable(deployment(namespace)), timeout=1)
    partial = failed.value.partial
    assert partial is not None
    kept = Resource(DEPLOYMENT, "web", unschedulable(deployment(namespace)), partial.id, decode(partial.properties))
    with pytest.raises(OperationFailedError) as still:
        engine.refresh(kept)
    assert still.value.partial is not None, "a refresh says that it is not ready, too"
    assert engine.update(kept, deployment(namespace)).outputs["status"]["availableReplicas"] == 1


def test_the_annotations_and_options_for_waiting_are_honoured(engine: EngineDouble, namespace: str) -> None:
    inputs = unschedulable(deployment(namespace))
    inputs["metadata"]["annotations"] = {"pulumi.com/skipAwait": "true"}
    assert engine.create(DEPLOYMENT, "web", inputs).id == f"{namespace}/web"
    patient = unschedulable(deployment(namespace, "patient"))
    patient["metadata"]["annotations"] = {"pulumi.com/timeoutSeconds": "1"}
    with pytest.raises(OperationFailedError, match="timed out after 1 seconds"):
        engine.create(DEPLOYMENT, "patient", patient)


def test_what_is_waited_for_is_shown_while_it_lasts(engine: EngineDouble, namespace: str) -> None:
    with pytest.raises(OperationFailedError):
        engine.create(DEPLOYMENT, "web", unschedulable(deployment(namespace, replicas=2)), timeout=1)
    assert "Waiting for app ReplicaSet to be available (0/2 Pods available)" in engine.log.passing


def test_a_service_waits_for_a_ready_pod(engine: EngineDouble, namespace: str) -> None:
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    with pytest.raises(OperationFailedError) as failed:
        engine.create(SERVICE, "web", {"metadata": {"namespace": namespace}, "spec": spec}, timeout=1)
    assert failed.value.partial is not None
    assert any(reason.startswith("Service does not target any Pods") for reason in failed.value.partial.reasons)
    engine.create(DEPLOYMENT, "web", deployment(namespace))
    assert engine.create(SERVICE, "again", {"metadata": {"namespace": namespace}, "spec": spec}).outputs["spec"][
        "clusterIP"
    ]


@pytest.mark.parametrize(
    "spec",
    [
        {"clusterIP": "None", "selector": {"app": "nobody"}, "ports": [{"port": 80}]},
        {"type": "ExternalName", "externalName": "db.example"},
        {"ports": [{"port": 80}]},
    ],
)
def test_services_without_pods_of_their_own_are_not_waited_for(
    engine: EngineDouble, namespace: str, spec: dict[str, Any]
) -> None:
    assert engine.create(SERVICE, "db", {"metadata": {"namespace": namespace}, "spec": spec}, timeout=3).id


def test_a_job_is_waited_for_until_it_is_complete(engine: EngineDouble, namespace: str) -> None:
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "job", "image": "job:1"}]}}
    made = engine.create(JOB, "migrate", {"metadata": {"namespace": namespace}, "spec": {"template": pod}})
    assert made.outputs["status"]["succeeded"] == 1


def test_a_failed_job_fails_the_update_with_its_reason(engine: EngineDouble, namespace: str) -> None:
    pod = {
        "spec": {
            "restartPolicy": "Never",
            "nodeSelector": {"disk": "made-of-gold"},
            "containers": [{"name": "job", "image": "job:1"}],
        }
    }
    spec = {"template": pod, "activeDeadlineSeconds": 1}
    with pytest.raises(OperationFailedError) as failed:
        engine.create(JOB, "migrate", {"metadata": {"namespace": namespace}, "spec": spec})
    assert failed.value.partial is not None
    assert any(reason.startswith("[DeadlineExceeded]") for reason in failed.value.partial.reasons)


def test_a_cancelled_update_ends_its_waits_and_keeps_the_object(start: Started, namespace: str) -> None:
    cancelled = start()
    timer = cancelled.cancel_after(1)
    started = time.monotonic()
    with pytest.raises(OperationFailedError, match="cancelled") as failed:
        cancelled.create(DEPLOYMENT, "web", unschedulable(deployment(namespace)))
    timer.join()
    assert time.monotonic() - started < 120  # not the ten minutes that it would have waited
    assert failed.value.partial is not None


# ---- delete, refresh, import


def test_a_deletion_waits_until_the_object_and_what_it_owns_are_gone(
    engine: EngineDouble, server: ApiServer, namespace: str
) -> None:
    made = engine.create(DEPLOYMENT, "web", deployment(namespace))
    engine.delete(made)
    assert server.list(Kind("apps/v1", "ReplicaSet"), namespace) == []
    assert server.list(Kind("v1", "Pod"), namespace) == []
    engine.delete(made)  # not found is fine


def test_the_propagation_policy_of_a_deletion_is_honoured(
    engine: EngineDouble, server: ApiServer, namespace: str
) -> None:
    inputs = deployment(namespace)
    inputs["metadata"]["annotations"] = {"pulumi.com/deletionPropagationPolicy": "orphan"}
    engine.delete(engine.create(DEPLOYMENT, "web", inputs))
    assert len(server.list(Kind("apps/v1", "ReplicaSet"), namespace)) == 1


def test_a_deletion_that_does_not_end_says_what_holds_the_object(
    engine: EngineDouble, server: ApiServer, namespace: str
) -> None:
    inputs = config_map(namespace)
    inputs["metadata"]["finalizers"] = ["example.com/held"]
    made = engine.create(CONFIG_MAP, "settings", inputs)
    with pytest.raises(OperationFailedError, match=r"waiting for deletion.*held by the finalizers example.com/held"):
        engine.delete(made, timeout=1)
    path = server.endpoint(Kind("v1", "ConfigMap")).path(namespace, "settings")
    server.request("PATCH", path, body=b'{"metadata":{"finalizers":null}}', content_type="application/merge-patch+json")


def test_a_refresh_finds_what_others_changed_and_what_is_gone(
    engine: EngineDouble, server: ApiServer, namespace: str
) -> None:
    inputs = config_map(namespace, colour="blue")
    made = engine.create(CONFIG_MAP, "settings", inputs)
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", **config_map(namespace, colour="red", size="large")}
    server.apply(manifest, "somebody-else", force=True)
    assert engine.changed_paths(made, inputs) == set(), "as with the real one, only a refresh looks"
    refreshed = engine.refresh(made)
    assert refreshed is not None
    assert refreshed.outputs["data"] == {"colour": "red", "size": "large"}
    assert engine.changed_paths(refreshed, inputs) == {"data.colour"}
    server.delete(Kind("v1", "ConfigMap"), namespace, "settings", "Background")
    assert engine.refresh(made) is None


def test_an_object_can_be_imported_by_its_id(engine: EngineDouble, server: ApiServer, namespace: str) -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", **config_map(namespace)}
    server.create(manifest, "somebody-else")
    imported = engine.refresh(Resource(CONFIG_MAP, "settings", {}, f"{namespace}/settings"))
    assert imported is not None
    assert imported.inputs == {**manifest, "metadata": {"name": "settings", "namespace": namespace}}
    assert engine.changed_paths(imported, config_map(namespace)) == set()
    assert engine.refresh(Resource(CONFIG_MAP, "none", {}, f"{namespace}/none")) is None


# ---- secrets


def test_the_data_of_a_secret_is_secret_everywhere_in_the_state(engine: EngineDouble, namespace: str) -> None:
    made = engine.create(
        SECRET, "password", {"metadata": {"namespace": namespace}, "stringData": {"password": "correct horse"}}
    )
    assert made.inputs["stringData"] == Secret({"password": "correct horse"})
    assert made.outputs["data"] == Secret({"password": "Y29ycmVjdCBob3JzZQ=="})
    refreshed = engine.refresh(made)
    assert refreshed is not None
    for values in (made.inputs, made.outputs, refreshed.inputs, refreshed.outputs):
        visible = json.dumps(values, default=repr)
        assert "correct horse" not in visible
        assert "Y29ycmVjdCBob3JzZQ==" not in visible


def test_a_secret_input_stays_secret_in_the_outputs(engine: EngineDouble, namespace: str) -> None:
    inputs = deployment(namespace)
    container = inputs["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "TOKEN", "value": Secret("s3cr3t-token")}]
    inputs["metadata"]["annotations"] = {"note": Secret("s3cr3t-note"), "pulumi.com/skipAwait": "true"}
    made = engine.create(DEPLOYMENT, "web", inputs)
    assert made.outputs["metadata"]["annotations"]["note"] == Secret("s3cr3t-note")
    assert "s3cr3t" not in json.dumps(made.outputs, default=repr)


def test_an_error_of_the_server_does_not_quote_a_secret(engine: EngineDouble, namespace: str) -> None:
    inputs = deployment(namespace)
    inputs["metadata"]["labels"]["token"] = Secret("not a label: s3cr3t!")
    with pytest.raises(OperationFailedError, match=r"Invalid value.*\[secret\]") as failed:
        engine.create(DEPLOYMENT, "web", inputs)
    assert "s3cr3t" not in str(failed.value)


# ---- custom resources and Helm


@pytest.fixture
def without_widgets(server: ApiServer) -> Iterator[None]:
    """The definition that the chart `widgets` brings isn't there, before and after."""

    def remove() -> None:
        kind = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
        if server.get(kind, "", "widgets.example.com"):
            server.delete(kind, "", "widgets.example.com", "Background")
        deadline = time.monotonic() + 120
        while server.get(kind, "", "widgets.example.com") and time.monotonic() < deadline:
            time.sleep(0.1)

    remove()
    yield
    remove()


def release(namespace: str, **inputs: Any) -> dict[str, Any]:
    repository = {"repo": "https://charts.example"}
    return {"chart": "widgets", "version": "1.2.3", "repositoryOpts": repository, "namespace": namespace, **inputs}


@pytest.mark.usefixtures("without_widgets")
def test_a_custom_resource_exists_only_after_the_release_that_brings_its_definition(
    engine: EngineDouble, server: ApiServer, namespace: str
) -> None:
    widget = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"namespace": namespace},
        "spec": {"size": 3},
    }
    assert engine.create(WIDGET, "widget", widget, preview=True).outputs["spec"] == {"size": 3}
    with pytest.raises(OperationFailedError, match=r'no matches for kind "Widget" in version "example\.com/v1"'):
        engine.create(WIDGET, "widget", widget)

    installed = engine.create(RELEASE, "operator", release(namespace, values={"replicas": 2}))
    name = installed.outputs["name"]
    assert name.startswith("operator-")
    assert installed.id == f"{namespace}/{name}"
    status = {"name": name, "namespace": namespace, "chart": "widgets", "version": "1.2.3"}
    assert installed.outputs["status"] == {**status, "status": "deployed", "revision": 1}
    assert any("simulated: chart widgets 1.2.3" in line for line in engine.log.kept)

    made = engine.create(WIDGET, "widget", widget)
    assert engine.changed_paths(made, widget) == set()
    assert engine.changed_paths(made, {**widget, "spec": {"size": 4}}) == {"spec.size"}
    with pytest.raises(OperationFailedError, match=r"\.spec\.sizes: field not declared in schema"):
        engine.update(made, {**widget, "spec": {"sizes": 4}}, preview=True)
    with pytest.raises(OperationFailedError, match=r'unknown field "spec\.sizes"'):
        engine.create(WIDGET, "another", {**widget, "spec": {"sizes": 4}}, preview=True)

    engine.delete(installed)
    assert live(server, "apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "widgets.example.com")


@pytest.mark.usefixtures("without_widgets")
def test_a_release_that_skips_its_definitions_brings_none(
    engine: EngineDouble, server: ApiServer, namespace: str
) -> None:
    engine.create(RELEASE, "operator", release(namespace, skipCrds=True))
    kind = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    assert server.get(kind, "", "widgets.example.com") is None


@pytest.mark.parametrize(
    ("inputs", "path", "says"),
    [
        ({"version": None}, "version", "must pin the exact chart version"),
        ({"version": "^1.2.0"}, "version", "no exact version"),
        ({"values": "replicas: 2"}, "values", "must be an object"),
        ({"repositoryOpts": {}}, "repositoryOpts", "in no repository"),
        ({"vlaues": {}}, "vlaues", "did you mean 'values'"),
        ({"chart": None}, "chart", "missing required property 'chart'"),
    ],
)
def test_a_wrong_release_is_refused(engine: EngineDouble, inputs: dict[str, Any], path: str, says: str) -> None:
    with pytest.raises(CheckFailedError, match=says) as refused:
        engine.check(Resource(RELEASE, "operator", {}), release("default", **inputs))
    assert list(refused.value.failures) == [path]


def test_a_release_creates_its_namespace_only_when_told_to(
    engine: EngineDouble, server: ApiServer, namespace: str
) -> None:
    own = f"{namespace}-own"
    with pytest.raises(OperationFailedError, match=f'namespaces "{own}" not found'):
        engine.create(RELEASE, "operator", release(own, skipCrds=True))
    engine.create(RELEASE, "operator", release(own, skipCrds=True, createNamespace=True))
    assert live(server, "v1", "Namespace", "", own)
    server.delete(Kind("v1", "Namespace"), "", own, "Background")


def test_an_upgrade_of_a_release_is_its_next_revision(engine: EngineDouble, namespace: str) -> None:
    installed = engine.create(RELEASE, "operator", release(namespace, skipCrds=True))
    newer = release(namespace, skipCrds=True, version="1.3.0")
    assert engine.changed_paths(installed, release(namespace, skipCrds=True)) == set()
    assert engine.changed_paths(installed, newer) == {"version"}
    upgraded = engine.update(installed, newer)
    assert (upgraded.outputs["status"]["revision"], upgraded.outputs["status"]["version"]) == (2, "1.3.0")
    assert list(engine.diff(installed, release("elsewhere", skipCrds=True)).replaces) == ["namespace"]


def test_functions_and_components_say_that_they_are_not_simulated(engine: EngineDouble) -> None:
    with pytest.raises(grpc.RpcError, match="does not simulate the function kubernetes:yaml:decode"):
        engine.provider.Invoke(protocol.InvokeRequest(tok="kubernetes:yaml:decode"))
    with pytest.raises(grpc.RpcError, match="does not simulate the component"):
        engine.provider.Construct(protocol.ConstructRequest(type="kubernetes:helm.sh/v4:Chart"))


# ---- faults


def test_faults_strike_where_they_are_told_to(
    start: Started, server: ApiServer, namespace: str, tmp_path: Path
) -> None:
    faults = tmp_path / "faults.json"
    lost = {
        "type": CONFIG_MAP,
        "name": "lost",
        "operation": "create",
        "effect": "lose-answer",
        "message": "connection reset",
        "times": 1,
    }
    failed = {
        "type": CONFIG_MAP,
        "name": "failed",
        "operation": "create",
        "effect": "fail",
        "message": "throttled",
        "times": 1,
    }
    faults.write_text(json.dumps([failed, lost]))
    faulty = start({"MARLINSPIKE_FAULTS": str(faults)})
    kind = Kind("v1", "ConfigMap")

    faulty.create(CONFIG_MAP, "failed", config_map(namespace, "failed"), preview=True)
    with pytest.raises(OperationFailedError, match="throttled"):
        faulty.create(CONFIG_MAP, "failed", config_map(namespace, "failed"))
    assert server.get(kind, namespace, "failed") is None
    assert faulty.create(CONFIG_MAP, "failed", config_map(namespace, "failed")).id

    with pytest.raises(OperationFailedError, match="connection reset"):
        faulty.create(CONFIG_MAP, "lost", config_map(namespace, "lost"))
    assert server.get(kind, namespace, "lost") is not None


def test_after_a_lost_answer_the_object_is_taken_over_by_an_upsert(
    start: Started, namespace: str, tmp_path: Path
) -> None:
    faults = tmp_path / "faults.json"
    lost = {
        "type": DEPLOYMENT,
        "operation": "create",
        "effect": "lose-answer",
        "message": "connection reset",
        "times": 1,
    }
    faults.write_text(json.dumps([lost]))
    faulty = start({"MARLINSPIKE_FAULTS": str(faults)}, upsertExistingObjects="true")
    with pytest.raises(OperationFailedError, match="connection reset"):
        faulty.create(DEPLOYMENT, "web", deployment(namespace))
    changed = with_image(deployment(namespace), "registry.example/app:2")
    assert faulty.create(DEPLOYMENT, "web", changed).id == f"{namespace}/web"
