"""What a creation and its preview promise, and the preview after it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rehearsal.plugins.kubernetes.api import ApiServer
from rehearsal.plugins.kubernetes.objects import Kind
from tests.cluster.kubernetes_plugin.conftest import Started
from tests.cluster.kubernetes_plugin.every_kind import every_kind
from tests.cluster.kubernetes_plugin.objects import CONFIG_MAP, DEPLOYMENT, NAMESPACE, config_map, deployment, live
from tests.engine_double import EngineDouble, OperationFailedError, Resource


def at_once(work: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    """As the engine does with `--parallel 16`."""
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(work, items))


def test_a_preview_after_the_update_is_clean_for_every_kind_and_after_a_refresh_too(
    engine: EngineDouble, namespace: str
) -> None:
    wanted = every_kind(namespace)

    def make(item: tuple[int, tuple[str, dict[str, Any]]]) -> Resource:
        index, (type_token, inputs) = item
        return engine.create(type_token, f"object-{index}", inputs, timeout=60)

    made = at_once(make, list(enumerate(wanted)))
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
