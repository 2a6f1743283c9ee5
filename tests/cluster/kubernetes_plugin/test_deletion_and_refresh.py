"""What a deletion waits for, and what a refresh and an import find."""

import pytest

from rehearsal.plugins.kubernetes.api import ApiServer
from rehearsal.plugins.kubernetes.objects import Kind
from tests.cluster.kubernetes_plugin.objects import CONFIG_MAP, DEPLOYMENT, config_map, deployment
from tests.engine_double import EngineDouble, OperationFailedError, Resource


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
