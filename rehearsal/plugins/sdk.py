"""Where the generated SDKs keep the classes of a type token: their own registration tables, read without importing them."""

import functools
import importlib.util
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

_TABLE = re.compile(r'resource_modules="""\n(.*?)"""', re.DOTALL)


class UnknownTypeError(Exception):
    """The SDK has no resource or function with that token."""


def folder(package: str) -> Path:
    """Where the files of an SDK lie, such as those of `pulumi_aws`. Raises UnknownTypeError."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise UnknownTypeError(f"the Python package {package} is not installed: install the project's requirements")
    return Path(spec.origin).parent


@functools.cache
def classes(package: str) -> Mapping[str, tuple[str, str]]:
    """For each type token of an SDK: its Python module and the name of its class. Raises UnknownTypeError."""
    found = _TABLE.search((folder(package) / "__init__.py").read_text(encoding="utf-8"))
    if found is None:
        raise UnknownTypeError(
            f"{package} has no registration table where its generated code had one; adapt {__name__}"
        )
    return {
        token: (module["fqn"], name) for module in json.loads(found[1]) for token, name in module["classes"].items()
    }


def arguments_of(module: ModuleType, class_name: str) -> type | None:
    """The class of a resource's arguments; None where the module has none.

    Where `...Args` is the name of a nested type already, the generator calls it `...InitArgs`.
    """
    found: type | None = getattr(module, f"{class_name}InitArgs", None) or getattr(module, f"{class_name}Args", None)
    return found
