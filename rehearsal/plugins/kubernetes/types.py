"""Inputs against the types of the pulumi-kubernetes SDK.

Unknown properties and missing required ones are refused before anything is sent.
"""

import functools
import importlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rehearsal.plugins import inputs as sdk_inputs
from rehearsal.plugins.kubernetes.objects import RELEASE_TYPE
from rehearsal.plugins.kubernetes.settings import Failure

_one_at_a_time = threading.Lock()

# Written by this plugin or by the SDK itself, not declared by the arguments' classes.
_NOT_DECLARED = ("status", "apiVersion", "kind")


def check(type_token: str, inputs: Mapping[str, Any]) -> list[Failure]:
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
        problems = sdk_inputs.check(arguments, inputs, type_token, ignored=ignored)
    return [Failure(problem.path, problem.reason) for problem in problems]


def preload() -> None:
    """Loads the largest part of the SDK, so that the first check does not wait for it (0.5 s)."""
    check(
        "kubernetes:apps/v1:Deployment",
        {"spec": {"selector": {}, "template": {"spec": {"containers": [{"name": ""}]}}}},
    )


@functools.cache
def _arguments_class(type_token: str) -> type | None:
    module_name = _modules().get(type_token)
    if module_name is None:
        return None
    name = type_token.rpartition(":")[2]
    module = importlib.import_module(f"{module_name}.{name}")
    for candidate in (f"{name}InitArgs", f"{name}Args"):
        if hasattr(module, candidate):
            found: type = getattr(module, candidate)
            return found
    return None


@functools.cache
def _modules() -> dict[str, str]:
    """For each type token of the SDK, the Python package of its class: the SDK's own registry, read from its source."""
    package = importlib.import_module("pulumi_kubernetes")
    source = Path(str(package.__file__)).read_text(encoding="utf-8")
    start = source.index('resource_modules="""') + len('resource_modules="""')
    registered = json.loads(source[start : source.index('"""', start)])
    return {token: entry["fqn"] for entry in registered for token in entry["classes"]}
