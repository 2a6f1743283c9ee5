"""Secrets stay secrets: in inputs, outputs and errors."""

import json

import pytest

from rehearsal.plugins.wire import Secret
from tests.cluster.kubernetes_plugin.objects import DEPLOYMENT, SECRET, deployment
from tests.engine_double import EngineDouble, OperationFailedError


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
