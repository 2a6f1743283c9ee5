"""What a preview shows of a change, what replaces an object, and whose fields are whose."""

import json

import pytest
from pulumi.runtime.proto import provider_pb2 as protocol

from rehearsal.plugins.kubernetes.api import ApiServer
from rehearsal.plugins.kubernetes.objects import Kind
from rehearsal.plugins.wire import plain
from tests.cluster.kubernetes_plugin.conftest import Started
from tests.cluster.kubernetes_plugin.objects import CONFIG_MAP, DEPLOYMENT, SECRET, deployment, live, with_image
from tests.engine_double import EngineDouble, OperationFailedError


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
