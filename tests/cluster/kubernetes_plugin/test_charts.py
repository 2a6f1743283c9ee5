"""Releases of charts are simulated; the definitions that they bring, and what these define, are real."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2 as protocol

from rehearsal.plugins.kubernetes.api import ApiServer
from rehearsal.plugins.kubernetes.objects import Kind
from tests.cluster.conftest import Eventually
from tests.cluster.kubernetes_plugin.objects import live
from tests.engine_double import CheckFailedError, EngineDouble, OperationFailedError, Resource

RELEASE = "kubernetes:helm.sh/v3:Release"
WIDGET = "kubernetes:example.com/v1:Widget"


@pytest.fixture
def without_widgets(server: ApiServer, eventually: Eventually) -> Iterator[None]:
    """The definition that the chart `widgets` brings isn't there, before and after."""

    def remove() -> None:
        kind = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
        if server.get(kind, "", "widgets.example.com"):
            server.delete(kind, "", "widgets.example.com", "Background")
        eventually("the definition is gone", 24, lambda: not server.get(kind, "", "widgets.example.com"))

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
