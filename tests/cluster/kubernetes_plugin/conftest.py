"""The stand-in for the Kubernetes plugin, running, and the API server that it speaks to."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from rehearsal import kubeconfig
from rehearsal.plugins.kubernetes.api import ApiServer
from rehearsal.plugins.kubernetes.objects import Kind
from tests.engine_double import EngineDouble

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


@pytest.fixture(scope="session")
def environment(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the rehearsal gives to a plugin, with one chart, `widgets`, that brings a definition."""
    charts = tmp_path_factory.mktemp("charts")
    (charts / "widgets").mkdir()
    (charts / "widgets" / "widgets.yaml").write_text(yaml.safe_dump(WIDGETS))
    return {**environment, "MARLINSPIKE_CUSTOM_RESOURCE_DEFINITIONS": str(charts)}


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


@pytest.fixture(scope="session")
def engine(environment: dict[str, str]) -> Iterator[EngineDouble]:
    """A plugin with the default configuration."""
    with EngineDouble("rehearsal.plugins.kubernetes", environment, {}) as started:
        yield started


@pytest.fixture(scope="session")
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
