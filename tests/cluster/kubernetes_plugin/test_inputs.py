"""Which inputs the plugin refuses, and how it completes the others."""

import pytest

from tests.cluster.kubernetes_plugin.conftest import Started
from tests.cluster.kubernetes_plugin.objects import CONFIG_MAP, DEPLOYMENT, deployment
from tests.engine_double import CheckFailedError, EngineDouble, OperationFailedError, Resource


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
