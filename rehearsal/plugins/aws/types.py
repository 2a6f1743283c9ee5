"""From a resource's type token to the SDK's classes, by pulumi-aws's own registration table."""

import functools
import importlib
import importlib.util
import inspect
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from rehearsal.plugins.inputs import InputShape, alternatives, properties, shape

_SDK = "pulumi_aws"
_TABLE = re.compile(r'resource_modules="""\n(.*?)"""', re.DOTALL)
_SECRET_OUTPUTS = re.compile(r"additional_secret_outputs=(\[.*?\])", re.DOTALL)
# "Defaults to `true`", "Default: `600`", "The default is `gp2`": how the documentation of a property names its default.
_DOCUMENTED_DEFAULT = re.compile(r"[Dd]efaults?(?: value)?(?: is| to)?:? `\"?([A-Za-z0-9._/-]+)\"?`")

# Two threads that import one SDK module each can deadlock on each other's packages (the SDK's packages import one another).
_importing = threading.RLock()


class UnknownTypeError(Exception):
    """The SDK has no resource or function with that token."""


@dataclass(frozen=True)
class OutputProperty:
    """One output. `hint` is the SDK's type; `computed` says that AWS decides the value where the program gives none."""

    hint: Any
    computed: bool
    documented_default: str | None

    def default(self) -> Any:
        """The documented default as a value of the property's type; None when there is none."""
        text = self.documented_default
        [kind, *_] = alternatives(self.hint)
        if text is None:
            return None
        if kind is bool:
            return text == "true" if text in ("true", "false") else None
        if kind is int:
            return int(text) if text.isdigit() else None
        return text if kind is str else None


@dataclass(frozen=True)
class ResourceType:
    """What the SDK knows of one resource type."""

    token: str
    inputs: InputShape
    arguments: type
    outputs: Mapping[str, OutputProperty]
    secret_outputs: frozenset[str]

    @property
    def service(self) -> str:
        """The SDK's module, such as `ec2`."""
        return self.token.split(":")[1].split("/")[0]

    @property
    def kind(self) -> str:
        """The type's own name, such as `Subnet`."""
        return self.token.split(":")[2]


@functools.cache
def _modules() -> dict[str, tuple[str, str]]:
    """For each type token: the module and the class of the SDK."""
    spec = importlib.util.find_spec(_SDK)
    if spec is None or spec.origin is None:
        raise UnknownTypeError(f"the Python package {_SDK} is not installed: install the project's requirements")
    match = _TABLE.search(Path(spec.origin).read_text())
    if match is None:
        raise UnknownTypeError(f"{_SDK} has no registration table where its generated code had one; adapt {__name__}")
    return {token: (module["fqn"], name) for module in json.loads(match[1]) for token, name in module["classes"].items()}


@functools.cache
def resource_type(token: str) -> ResourceType:
    """The SDK's classes for a resource. Raises UnknownTypeError."""
    try:
        module_name, class_name = _modules()[token]
    except KeyError:
        raise UnknownTypeError(f"pulumi-aws has no resource type {token}") from None
    with _importing:
        module = importlib.import_module(module_name)
        resource = getattr(module, class_name)
        # Where `...Args` is the name of a nested type already, the generator calls the resource's arguments `...InitArgs`.
        arguments = getattr(module, f"{class_name}InitArgs", None) or getattr(module, f"{class_name}Args")
        outputs = {
            wire_name: OutputProperty(hint, not _optional(hint), _documented_default(getattr(resource, python_name)))
            for python_name, (wire_name, hint) in properties(resource).items()
        }
    source = Path(cast(str, inspect.getsourcefile(resource))).read_text()
    secrets = frozenset(name for listed in _SECRET_OUTPUTS.findall(source) for name in json.loads(listed))
    return ResourceType(token, shape(arguments), arguments, outputs, secrets)


def _optional(hint: Any) -> bool:
    """Whether an output may be absent: `Output[Optional[...]]`."""
    arguments = getattr(hint, "__args__", ())
    return any(type(None) in getattr(argument, "__args__", ()) for argument in arguments)


def _documented_default(declared: property) -> str | None:
    match = _DOCUMENTED_DEFAULT.search(declared.__doc__ or "")
    return match[1] if match else None


@functools.cache
def provider_arguments() -> type:
    """`ProviderArgs` of the SDK: what the provider's configuration takes."""
    with _importing:
        return cast(type, importlib.import_module(_SDK).ProviderArgs)


def function(token: str) -> Callable[..., Any]:
    """The SDK's function for a token such as `aws:iam/getPolicyDocument:getPolicyDocument`. Raises UnknownTypeError."""
    _, module_path, name = token.split(":")
    package = module_path.split("/")[0]
    python_name = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: "_" + match[1].lower(), name)
    with _importing:
        try:
            module = importlib.import_module(_SDK if package == "index" else f"{_SDK}.{package}")
            return cast(Callable[..., Any], getattr(module, python_name))
        except (ImportError, AttributeError):
            raise UnknownTypeError(f"pulumi-aws has no function {token}") from None
