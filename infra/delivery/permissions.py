"""The policies of the two roles: which tables go into which, within what IAM takes."""

import json
from collections.abc import Callable, Mapping

from infra.delivery.cluster import cluster
from infra.delivery.data import backup, files_and_secrets, keys, stores
from infra.delivery.edge import edge, watch
from infra.delivery.identity import guard, roles
from infra.delivery.network import network
from infra.delivery.reading import blind, reading, state
from infra.delivery.scope import Scope
from infra.identity import Permission, document

LONGEST_POLICY = 6144
"""Characters without white space of a managed policy (IAM user guide, "IAM and AWS STS quotas")."""

MOST_POLICIES = 10
"""Managed policies of a role (the same page; more on request)."""

DEPLOYING: Mapping[str, Callable[[Scope], dict[str, Permission]]] = {
    "network": network,
    "cluster": cluster,
    "stores": stores,
    "files": lambda scope: {**files_and_secrets(scope), **keys(scope)},
    "edge": edge,
    "watch": lambda scope: {**watch(scope), **backup(scope)},
    "identity": lambda scope: {**roles(scope), **guard(scope)},
}
"""Policies that let a deploy role change an environment, by name."""


def deploy_policies(scope: Scope, state_bucket: str | None, state_key_arn: str | None) -> dict[str, str]:
    """The policies of a deploy role, as JSON by name."""
    shared = {**reading(scope), **state(scope, state_bucket, state_key_arn, write=True)}
    return {"reading": as_json(shared), **{name: as_json(table(scope)) for name, table in DEPLOYING.items()}}


def preview_policies(scope: Scope, state_bucket: str | None, state_key_arn: str | None) -> dict[str, str]:
    """The policies of a preview role, as JSON by name."""
    shared = {**reading(scope), **state(scope, state_bucket, state_key_arn, write=False), **blind(state_bucket)}
    return {"reading": as_json(shared)}


def as_json(permissions: Mapping[str, Permission]) -> str:
    """A policy without white space. Raises ValueError where IAM would not take it."""
    text = json.dumps(document(permissions), separators=(",", ":"))
    if len(text) > LONGEST_POLICY:
        raise ValueError(f"a policy ({', '.join(permissions)}) has {len(text)} characters, IAM takes {LONGEST_POLICY}")
    return text
