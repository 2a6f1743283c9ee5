"""Stack `local`'s entry and its database by CloudNativePG, taken by a real API server with the operators' own definitions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.control_plane import ControlPlane
from rehearsal.control_plane.api import Api, Manifest
from rehearsal.kubeconfig import own_connection
from rehearsal.plugins.kubernetes.api import ApiError, ApiServer, NoSuchKindError
from rehearsal.plugins.kubernetes.objects import to_manifest
from rehearsal.toolchain import ensure
from tests.cluster.definitions import install, installed
from tests.cluster.workloads import whole_numbers
from tests.unit.plan import planned_with

KINDS = ("Cluster", "Issuer", "Certificate", "Ingress")
ACME = {"issuer": "letsencrypt-staging", "email": "platform@example.com"}


@pytest.fixture
def server(control_plane: ControlPlane) -> ApiServer:
    return ApiServer(own_connection(control_plane.kubeconfig))


@pytest.fixture
def definitions() -> Path:
    """By chart."""
    return ensure(print).custom_resource_definitions


@pytest.fixture(scope="module")
def operated(control_plane: ControlPlane) -> ApiServer:
    """An API server that knows CloudNativePG's kinds, to the end: it does not always let go of them in minutes."""
    server = ApiServer(own_connection(control_plane.kubeconfig))
    install(server, ensure(print).custom_resource_definitions / "cloudnative-pg")
    return server


def rendered(namespace: str, changes: dict[str, Any]) -> Iterator[Manifest]:
    """The stack's objects of these kinds, in the program's order, moved to another namespace."""
    for resource in planned_with("local", changes).kubernetes():
        if resource.inputs.get("kind") in KINDS:
            manifest = whole_numbers(to_manifest(dict(resource.inputs)))
            manifest["metadata"] = {"name": resource.name, **manifest["metadata"], "namespace": namespace}
            yield manifest


@pytest.mark.parametrize(
    "ingress",
    [
        {"host": "quotes.localhost", "controller": "contour", "security_headers": False},
        {"host": "quotes.example.com", "controller": "haproxy", "requests_per_minute": 60, "certificate": ACME},
    ],
    ids=["self-signed", "lets-encrypt"],
)
def test_entry_issuer_and_certificate_are_taken_as_they_are(
    api: Api, server: ApiServer, definitions: Path, namespace: str, ingress: dict[str, Any]
) -> None:
    with installed(server, definitions / "cert-manager"):
        for manifest in rendered(namespace, {"ingress": ingress}):
            server.apply(manifest, "test")
            if manifest["apiVersion"].startswith("cert-manager.io"):
                path = f"/apis/cert-manager.io/v1/namespaces/{namespace}/{manifest['kind'].lower()}s/app"
                assert api.get(path)["spec"] == manifest["spec"]  # nothing was pruned
        made = api.get(f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses/app")
        assert made["spec"]["tls"] == [{"hosts": [ingress["host"]], "secretName": "app-tls"}]


def test_without_cert_manager_the_entry_fails_and_says_what_is_missing(server: ApiServer, namespace: str) -> None:
    issuers = [
        found for found in rendered(namespace, {"ingress": {"host": "quotes.localhost"}}) if found["kind"] == "Issuer"
    ]
    with pytest.raises(NoSuchKindError, match="cert-manager"):
        server.apply(issuers[0], "test")


def test_the_operator_would_take_the_cluster_with_all_that_it_says(
    api: Api, operated: ApiServer, namespace: str
) -> None:
    changes = {"database.operator": "cloudnative-pg", "database.instances": 3}
    manifests = {found["kind"]: found for found in rendered(namespace, changes)}
    operated.apply(manifests["Cluster"], "test")
    live = api.get(f"/apis/postgresql.cnpg.io/v1/namespaces/{namespace}/clusters/postgresql")["spec"]
    for key, value in manifests["Cluster"]["spec"].items():
        if isinstance(value, dict):
            assert value.items() <= live[key].items(), key  # its definition adds defaults, and drops nothing
        else:
            assert live[key] == value
    assert live["bootstrap"]["initdb"]["owner"] == "app"


def test_what_the_definition_does_not_allow_is_refused(operated: ApiServer, namespace: str) -> None:
    [cluster] = [
        found for found in rendered(namespace, {"database.operator": "cloudnative-pg"}) if found["kind"] == "Cluster"
    ]
    cluster["spec"]["instances"] = 0
    with pytest.raises(ApiError, match="instances"):
        operated.apply(cluster, "test")
