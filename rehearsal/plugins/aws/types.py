"""From a resource's type token to the SDK's classes, by pulumi-aws's own registration table."""

import functools
import importlib
import importlib.util
import inspect
import json
import re
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from rehearsal.plugins import sdk
from rehearsal.plugins.inputs import InputShape, alternatives, properties, shape
from rehearsal.plugins.sdk import UnknownTypeError

_SDK = "pulumi_aws"
_SECRET_OUTPUTS = re.compile(r"additional_secret_outputs=(\[.*?\])", re.DOTALL)
# "Defaults to `true`", "Default: `600`", "The default is `gp2`": how the documentation of a property names its default.
_DOCUMENTED_DEFAULT = re.compile(r"[Dd]efaults?(?: value)?(?: is| to)?:? `\"?([A-Za-z0-9._/-]+)\"?`")

# Two threads that import one SDK module each can deadlock on each other's packages (the SDK's packages import one another).
_importing = threading.RLock()


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
    def kind(self) -> str:
        """The type's own name, such as `Subnet`."""
        return self.token.split(":")[2]


def type_tokens() -> list[str]:
    """The tokens of all resource types of the SDK, sorted."""
    return sorted(sdk.classes(_SDK))


@functools.cache
def resource_type(token: str) -> ResourceType:
    """The SDK's classes for a resource. Raises UnknownTypeError."""
    module_name, class_name = sdk.classes(_SDK).get(token, ("", ""))
    if not class_name:
        raise UnknownTypeError(f"pulumi-aws has no resource type {token}")
    with _importing:
        module = _module_with(module_name, token.split(":")[1].rsplit("/", maxsplit=1)[-1])
        resource = getattr(module, class_name)
        arguments = cast(type, sdk.arguments_of(module, class_name))
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


def import_only_what_is_needed() -> None:
    """Keeps the SDK from importing a whole service (180 files for `ec2`) for one of its types.

    For a process that uses the SDK only through this module, and before it imports the SDK. The imports for the platform's
    types take 0.4 s of CPU time instead of 1 s.
    """
    for folder in sdk.folder(_SDK).iterdir():
        if (folder / "__init__.py").exists():
            sys.modules[f"{_SDK}.{folder.name}"] = _Package(f"{_SDK}.{folder.name}", folder)


class _Package(ModuleType):
    """A service's package whose own code runs only when somebody asks it for a name (types of other services do)."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name)
        self.__path__ = [str(folder)]
        self._ran = False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or self._ran:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        self._ran = True
        spec = importlib.util.spec_from_file_location(self.__name__, Path(self.__path__[0]) / "__init__.py")
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module(self)
        return getattr(self, name)


def _module_with(package: str, name: str) -> Any:
    """The SDK's module that defines a member: the file of that name, or where the name does not lead to one the package."""
    lazy = sys.modules.get(package)
    if lazy is not None and not isinstance(lazy, _Package):
        # Who imported the SDK before (the commands of ops do) has its lazy packages. Any name of one loads it whole; begun with
        # one of its modules, it would load in the middle of that module, and lack it for ever.
        getattr(lazy, "_utilities", None)
    try:
        return importlib.import_module(f"{package}.{_snake(name)}")
    except ImportError:
        return importlib.import_module(package)


def _snake(name: str) -> str:
    """`getPolicyDocument` as `get_policy_document`, `environmentEC2` as `environment_ec2`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


@functools.cache
def provider_arguments() -> type:
    """`ProviderArgs` of the SDK: what the provider's configuration takes."""
    with _importing:
        return cast(type, importlib.import_module(_SDK).ProviderArgs)


def function(token: str) -> Callable[..., Any]:
    """The SDK's function for a token such as `aws:iam/getPolicyDocument:getPolicyDocument`. Raises UnknownTypeError."""
    _, module_path, name = token.split(":")
    package = module_path.split("/")[0]
    package = _SDK if package == "index" else f"{_SDK}.{package}"
    with _importing:
        try:
            return cast(Callable[..., Any], getattr(_module_with(package, name), _snake(name)))
        except (ImportError, AttributeError):
            raise UnknownTypeError(f"pulumi-aws has no function {token}") from None
