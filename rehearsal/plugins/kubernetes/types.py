"""Inputs against the types of the pulumi-kubernetes SDK.

Unknown properties and missing required ones are refused before anything is sent.
"""

import functools
import importlib
import threading
from collections.abc import Mapping
from typing import Any

from rehearsal.plugins import inputs as sdk_inputs
from rehearsal.plugins import sdk
from rehearsal.plugins.inputs import Problem
from rehearsal.plugins.kubernetes.objects import RELEASE_TYPE

_one_at_a_time = threading.Lock()

# Written by this plugin or by the SDK itself, not declared by the arguments' classes.
_NOT_DECLARED = ("status", "apiVersion", "kind")


def check(type_token: str, inputs: Mapping[str, Any]) -> list[Problem]:
    """All faults of a resource's inputs that its SDK class shows.

    None for custom resources, whose schema only the API server has.
    """
    # The SDK loads its modules when they are first touched, also while type hints are resolved, and not safely in two
    # threads at once.
    with _one_at_a_time:
        arguments = _arguments_class(type_token)
        if arguments is None:
            return []
        ignored = () if type_token == RELEASE_TYPE else _NOT_DECLARED
        return sdk_inputs.check(arguments, inputs, type_token, ignored=ignored)


def preload() -> None:
    """Loads the largest part of the SDK, so that the first check does not wait for it (0.5 s)."""
    check(
        "kubernetes:apps/v1:Deployment",
        {"spec": {"selector": {}, "template": {"spec": {"containers": [{"name": ""}]}}}},
    )


def provider_settings() -> Mapping[str, tuple[Any, ...]]:
    """The keys of the provider's own configuration, each with the types that it takes."""
    with _one_at_a_time:
        found = sdk_inputs.shape(importlib.import_module("pulumi_kubernetes").ProviderArgs).types
        return {key: sdk_inputs.alternatives(hint) for key, hint in found.items()}


@functools.cache
def _arguments_class(type_token: str) -> type | None:
    module, name = sdk.classes("pulumi_kubernetes").get(type_token, ("", ""))
    return sdk.arguments_of(importlib.import_module(f"{module}.{name}"), name) if name else None
