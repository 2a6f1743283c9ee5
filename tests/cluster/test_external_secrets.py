"""Secrets of a store outside: the operator's own definitions take what is registered."""

from collections.abc import Mapping
from typing import Any

import pytest

from infra.secret_store import ExternalSecrets, SecretStoreSettings, VaultSettings
from rehearsal.control_plane.api import Api
from tests.engine_double import EngineDouble
from tests.unit.plan import plan_of_program

VAULT = SecretStoreSettings(
    backend="vault",
    vault=VaultSettings(
        server="https://vault.example.com:8200",
        ca_certificate="-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n",
    ),
)


@pytest.mark.parametrize("settings", [SecretStoreSettings(), VAULT], ids=["aws", "vault"])
def test_the_operators_own_definitions_take_what_is_registered_to_the_last_field(
    environment: dict[str, str], namespace: str, api: Api, settings: SecretStoreSettings
) -> None:
    def program() -> Mapping[str, Any]:
        ExternalSecrets("secrets", settings, ["payment-api"], namespace, "marlinspike-prod", "eu-west-3", [])
        return {}

    with EngineDouble("rehearsal.plugins.kubernetes", environment, {}) as engine:
        release = {
            "chart": "external-secrets",
            "version": "2.12.0",
            "repositoryOpts": {"repo": "https://charts.external-secrets.io"},
            "namespace": namespace,
        }
        engine.create("kubernetes:helm.sh/v3:Release", "operator", release)
        made = [found for found in plan_of_program("test", program).kubernetes() if "external-secrets.io" in found.type]
        assert len(made) == 2
        for found in made:
            engine.create(found.type, found.name, found.inputs)
            plural = "secretstores" if found.type.endswith("SecretStore") else "externalsecrets"
            path = f"/apis/external-secrets.io/v1/namespaces/{namespace}/{plural}/{found.inputs['metadata']['name']}"
            assert _is_in(found.inputs["spec"], api.get(path)["spec"]), api.get(path)["spec"]


def _is_in(wanted: Any, found: Any) -> bool:
    """Whether everything of `wanted` is there; the server's own defaults may come on top."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(key in found and _is_in(wanted[key], found[key]) for key in wanted)
    if isinstance(wanted, list):
        return len(wanted) == len(found) and all(_is_in(one, other) for one, other in zip(wanted, found, strict=True))
    return bool(wanted == found)
