"""Secrets of a store outside, kept up to date as Kubernetes Secrets by the External Secrets Operator: pods find them as files."""

import base64
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions
from pydantic import Field, model_validator

from infra.naming import PLATFORM_LABELS, PROJECT, object_metadata
from infra.pods import SECRET_KEY
from infra.secrets import secret_path
from infra.service_account import service_account
from infra.settings import Section

API_VERSION = "external-secrets.io/v1"
STORE = "secret-store"

VAULT_PROPERTY = "value"
"""Vault's secrets are maps; ours have this one key."""


AWAITED = {"pulumi.com/waitFor": "condition=Ready", "pulumi.com/timeoutSeconds": "180"}
"""A value that is there comes within seconds; the default would wait ten minutes for one that nobody has set."""


class VaultSettings(Section):
    """Where HashiCorp Vault is, and as whom the operator logs in: with a token of the service account `secret-store`."""

    server: Annotated[
        str, Field(pattern=r"^https://[a-z0-9.-]+(:[0-9]+)?$", examples=["https://vault.example.com:8200"])
    ]

    path: Annotated[str, Field(pattern=r"^[\w-]+(/[\w-]+)*$")] = "secret"
    """Where its KV engine, version 2, is mounted. The secrets are `marlinspike-<stack>/<name>` in it, with one key, `value`."""

    mount_path: Annotated[str, Field(pattern=r"^[\w-]+(/[\w-]+)*$")] = "kubernetes"
    """Of the authentication method by which Vault knows this cluster's service accounts."""

    role: Annotated[str, Field(pattern=r"^[\w-]+$")] = PROJECT
    """Vault's role, bound to that service account and to reading those secrets."""

    ca_certificate: Annotated[str, Field(pattern=r"^-----BEGIN CERTIFICATE-----\n")] | None = None
    """PEM of the authority that signed Vault's certificate, where it is none that everybody trusts."""


class SecretStoreSettings(Section):
    """Section `secret_store` of a stack file: where values of secrets come from, and how soon a new one arrives."""

    backend: Literal["aws", "vault"] = "aws"
    """AWS Secrets Manager in this account and region, or Vault."""

    refresh_seconds: int = Field(300, ge=30, le=86400)
    """Between two looks at the store; kubelets take a minute more to renew the files. At 300, Secrets Manager takes 4 cents a
    month for each ($0.05 for 10,000 calls: "AWS Secrets Manager pricing")."""

    vault: VaultSettings | None = None

    @model_validator(mode="after")
    def _vault_has_an_address_and_only_vault(self) -> "SecretStoreSettings":
        if self.backend == "vault" and self.vault is None:
            raise ValueError("backend is vault, and nothing says where it is; set vault.server")
        if self.backend != "vault" and self.vault is not None:
            raise ValueError(f"backend is {self.backend}, so vault says nothing; set backend to vault, or remove it")
        return self


class ExternalSecrets(pulumi.ComponentResource):
    """A SecretStore of the namespace, and an ExternalSecret for each secret that a workload uses.

    Type token: `marlinspike:external_secrets:ExternalSecrets`. The Kubernetes Secret has the secret's name and one key. An `up`
    waits until the operator has it, so that a missing value stops the release before a pod waits for it. Values are in no state.
    `owner` is whose secrets they are: `marlinspike-prod`, in the second region as well.
    """

    def __init__(
        self,
        name: str,
        settings: SecretStoreSettings,
        secrets: Sequence[str],
        namespace: Input[str],
        owner: str,
        region: str,
        depends_on: list[pulumi.Resource],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:external_secrets:ExternalSecrets", name, {}, opts)
        before: list[pulumi.Resource] = list(depends_on)
        if settings.vault:
            before.append(service_account(STORE, namespace, self, name))
        store = kubernetes.apiextensions.CustomResource(
            f"{name}-store",
            api_version=API_VERSION,
            kind="SecretStore",
            metadata=object_metadata(STORE, namespace),
            spec={"provider": _vault(settings.vault) if settings.vault else _aws(region)},
            opts=ResourceOptions(parent=self, depends_on=before),
        )
        for secret in sorted({*secrets}):
            remote = {"key": secret_path(owner, secret)}
            kubernetes.apiextensions.CustomResource(
                f"{name}-{secret}",
                api_version=API_VERSION,
                kind="ExternalSecret",
                metadata={
                    "name": secret,
                    "namespace": namespace,
                    "labels": PLATFORM_LABELS,
                    "annotations": AWAITED,
                },
                spec={
                    "refreshInterval": f"{settings.refresh_seconds}s",
                    "secretStoreRef": {"kind": "SecretStore", "name": STORE},
                    # A store that is away, or a secret that was deleted in it, takes nothing from pods that run.
                    "target": {"name": secret, "creationPolicy": "Owner", "deletionPolicy": "Retain"},
                    "data": [
                        {
                            "secretKey": SECRET_KEY,
                            "remoteRef": {**remote, "property": VAULT_PROPERTY} if settings.vault else remote,
                        }
                    ],
                },
                opts=ResourceOptions(parent=self, depends_on=[store]),
            )
        self.register_outputs({})


def _aws(region: str) -> dict[str, Any]:
    """Without `auth`, the operator is itself: Pod Identity gives it a role that reads this stack's secrets only."""
    return {"aws": {"service": "SecretsManager", "region": region}}


def _vault(settings: VaultSettings) -> dict[str, Any]:
    login = {"mountPath": settings.mount_path, "role": settings.role, "serviceAccountRef": {"name": STORE}}
    vault: dict[str, Any] = {
        "server": settings.server,
        "path": settings.path,
        "version": "v2",
        "auth": {"kubernetes": login},
    }
    if settings.ca_certificate:
        vault["caBundle"] = base64.b64encode(settings.ca_certificate.encode()).decode()
    return {"vault": vault}
