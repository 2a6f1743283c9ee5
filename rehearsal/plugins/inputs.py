"""Checks inputs against the types of a Pulumi SDK for Python, nested ones included.

The generated SDKs carry everything that is needed: each `...Args` class has one property for each input, with the name on
the wire (`pulumi.getter(name=...)`) and its type, and `__init__` says which are required. So a check never drifts from the
SDK that the program uses.
"""

import difflib
import enum
import functools
import inspect
import types
import typing
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

import pulumi

from rehearsal.plugins.wire import UNKNOWN, Asset, ResourceReference, Secret

_PRIMITIVES: dict[Any, str] = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}

# `pulumi.Input` refers to its own module's names, which the SDKs' modules do not have; `alternatives` drops that branch anyhow.
_FORWARD_REFERENCES: dict[str, Any] = {"Output": pulumi.Output, "T": type(None)}


@dataclass(frozen=True)
class Problem:
    """One fault of an input: `reason` says what is wrong at `path` (such as `vpcConfig.subnetIds[0]`) and what is allowed."""

    path: str
    reason: str


@dataclass(frozen=True)
class InputShape:
    """What an `...Args` class takes: for each name on the wire its type, and which names must be given."""

    types: Mapping[str, Any]
    required: frozenset[str]


@functools.cache
def shape(args_class: type) -> InputShape:
    """The properties of a class that `pulumi.input_type` decorates (of a resource's arguments or of a nested object)."""
    by_python_name = properties(args_class)
    required = {
        by_python_name[parameter.name][0]
        for parameter in inspect.signature(args_class.__init__).parameters.values()  # type: ignore[misc]
        if parameter.kind is parameter.KEYWORD_ONLY
        and parameter.default is parameter.empty
        and parameter.name in by_python_name
    }
    return InputShape(dict(by_python_name.values()), frozenset(required))


@functools.cache
def properties(declared: type) -> dict[str, tuple[str, Any]]:
    """For each Python property of an SDK class: its name on the wire, and the type that its getter declares."""
    found: dict[str, tuple[str, Any]] = {}
    for base in reversed(declared.__mro__):
        for python_name, member in vars(base).items():
            if isinstance(member, property) and member.fget is not None and hasattr(member.fget, "_pulumi_name"):
                wire_name = typing.cast(str, member.fget._pulumi_name)
                hints = typing.get_type_hints(member.fget, localns=_FORWARD_REFERENCES)
                found[python_name] = (wire_name, hints.get("return", Any))
    return found


def check(args_class: type, inputs: Mapping[str, Any], owner: str, *, ignored: Collection[str] = ()) -> list[Problem]:
    """All faults of `inputs` (decoded by `wire.decode`), empty when there are none.

    `owner` names the type in messages, such as `aws:ec2/subnet:Subnet`. Values that are unknown in a preview pass.
    """
    return _check_object(args_class, inputs, "", owner, ignored)


def check_call(function: Callable[..., Any], arguments: Mapping[str, Any], owner: str) -> list[Problem]:
    """All faults of the arguments (decoded, names on the wire) of a function of an SDK."""
    hints = typing.get_type_hints(function, localns=_FORWARD_REFERENCES)
    parameters = inspect.signature(function).parameters
    by_wire_name = {_camel(name): hints.get(name, Any) for name in parameters if name != "opts"}
    required = frozenset(_camel(name) for name, parameter in parameters.items() if parameter.default is parameter.empty)
    return _check_shape(InputShape(by_wire_name, required), arguments, "", owner, ())


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _check_object(
    args_class: type, value: Mapping[str, Any], path: str, owner: str, ignored: Collection[str] = ()
) -> list[Problem]:
    return _check_shape(shape(args_class), value, path, owner, ignored)


def _check_shape(
    expected: InputShape, value: Mapping[str, Any], path: str, owner: str, ignored: Collection[str]
) -> list[Problem]:
    problems: list[Problem] = []
    for name, item in value.items():
        if name in ignored or name.startswith("__"):
            continue
        if name not in expected.types:
            problems.append(Problem(_join(path, name), _unknown_property(name, expected, owner)))
        elif item is not None:
            problems.extend(_check_value(expected.types[name], item, _join(path, name), f"{owner} {name}"))
    missing = [name for name in sorted(expected.required) if value.get(name) is None]
    said = "missing required property '{}' of {} ({})"
    return problems + [
        Problem(_join(path, name), said.format(name, owner, describe(expected.types[name]))) for name in missing
    ]


def _unknown_property(name: str, expected: InputShape, owner: str) -> str:
    close = difflib.get_close_matches(name, expected.types, n=1)
    hint = f"; did you mean '{close[0]}'?" if close else "."
    return f"{owner} has no property '{name}'{hint} Allowed: {', '.join(sorted(expected.types)) or 'none'}"


def _check_value(hint: Any, value: Any, path: str, owner: str) -> list[Problem]:
    """Faults of one value against one type hint of the SDK."""
    if isinstance(value, Secret):
        hidden = _check_value(hint, value.value, path, owner)
        # The reasons name values, and a secret's is never shown.
        return [
            Problem(each.path, f"{owner} must be {describe(hint)}, but is a secret of another form") for each in hidden
        ]
    choices = alternatives(hint)
    if value is UNKNOWN or Any in choices or any(_fits(choice, value) for choice in choices):
        # An object has the right outer form; what is inside is judged below.
        inside = [_check_inside(choice, value, path, owner) for choice in choices if _fits(choice, value)]
        return min(inside, key=len, default=[])
    return [Problem(path, f"{owner} must be {describe(hint)}, but is {_described_value(value)}")]


def _fits(choice: Any, value: Any) -> bool:  # noqa: PLR0911 - one for each kind of type
    """Whether the outer form of a value is that of a type."""
    if choice is str:
        return isinstance(value, str)
    if choice is bool:
        return isinstance(value, bool)
    if choice is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if choice is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    origin = typing.get_origin(choice)
    if origin in (list, Sequence):
        return isinstance(value, list)
    if origin in (dict, Mapping):
        return isinstance(value, Mapping)
    if isinstance(choice, type):
        if issubclass(choice, enum.Enum):
            return value in [member.value for member in choice]
        if issubclass(choice, pulumi.Resource):
            return isinstance(value, ResourceReference) and value.type == getattr(choice, "pulumi_type", value.type)
        if issubclass(choice, pulumi.Asset | pulumi.Archive):
            return isinstance(value, Asset) and value.is_archive == issubclass(choice, pulumi.Archive)
        return isinstance(value, Mapping)
    return True


def _check_inside(choice: Any, value: Any, path: str, owner: str) -> list[Problem]:
    """Faults inside a value whose outer form fits."""
    if isinstance(value, list):
        [item_hint] = typing.get_args(choice)[:1] or [Any]
        return [
            problem
            for index, item in enumerate(value)
            for problem in _check_item(item_hint, item, f"{path}[{index}]", owner)
        ]
    if isinstance(value, Mapping):
        if typing.get_origin(choice) in (dict, Mapping):
            item_hint = typing.get_args(choice)[1]
            return [
                problem
                for key, item in value.items()
                for problem in _check_item(item_hint, item, f"{path}.{key}", owner)
            ]
        if isinstance(choice, type) and getattr(choice, "_pulumi_input_type", False):
            return _check_object(choice, value, path, owner)
    return []


def _check_item(hint: Any, value: Any, path: str, owner: str) -> list[Problem]:
    if value is None:
        return [Problem(path, f"{owner} must be {describe(hint)}, but is null")]
    return _check_value(hint, value, path, owner)


@functools.cache
def alternatives(hint: Any) -> tuple[Any, ...]:
    """The plain types behind a hint: without `Input`, `Output`, `Optional`; more than one for a real union."""
    origin = typing.get_origin(hint)
    if origin in (Union, types.UnionType):
        found: list[Any] = []
        for argument in typing.get_args(hint):
            if (
                argument is type(None)
                or typing.get_origin(argument) in (Awaitable, pulumi.Output)
                or argument is pulumi.Output
            ):
                continue
            found.extend(choice for choice in alternatives(argument) if choice not in found)
        return tuple(found)
    if origin is pulumi.Output:
        return alternatives(typing.get_args(hint)[0])
    return (hint,)


def describe(hint: Any) -> str:
    """A type in words for people, such as `a list of strings` or `one of "a", "b"`."""
    return " or ".join(_described(choice) for choice in alternatives(hint))


def _described(choice: Any) -> str:  # noqa: PLR0911 - one for each kind of type
    primitive = _PRIMITIVES.get(choice)
    if primitive is not None:
        return primitive
    if typing.get_origin(choice) in (list, Sequence):
        return f"a list (each item {describe(typing.get_args(choice)[0])})"
    if typing.get_origin(choice) in (dict, Mapping):
        return f"an object (each value {describe(typing.get_args(choice)[1])})"
    if isinstance(choice, type):
        if issubclass(choice, enum.Enum):
            return "one of " + ", ".join(repr(member.value) for member in choice)
        if issubclass(choice, pulumi.Resource):
            return f"a resource of type {getattr(choice, 'pulumi_type', choice.__name__)}"
        if getattr(choice, "_pulumi_input_type", False):
            known = shape(typing.cast(type, choice)).types
            return f"an object with {', '.join(sorted(known)) or 'no properties'}"
        return f"a {choice.__name__}"
    return "anything"


def _described_value(value: Any) -> str:  # noqa: PLR0911 - one for each kind of value
    """A value in words that never shows its content beyond numbers and short texts."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f"the string {value!r}" if len(value) <= 60 else "a long string"
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
        case ResourceReference():
            return f"a resource of type {value.type}"
        case Asset():
            return "an archive" if value.is_archive else "an asset"
        case Mapping():
            return "an object"
    return type(value).__name__


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
