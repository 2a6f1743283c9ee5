"""Reads a stack's configuration once, into settings, and refuses what is wrong with all its faults at once."""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, get_type_hints

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from infra.naming import PROJECT
from infra.settings import Section
from stacks.invariants import broken_invariants
from stacks.recovery import settings_in_effect
from stacks.settings import STACK_NAME, STACK_NAME_LENGTH, TARGETS, AwsSettings, Settings, SettingsError

OTHER_NAMESPACES = frozenset({"pulumi"})
"""Of configuration keys that are not ours and may stand in a stack file; providers are configured by the program."""


class NoStackError(Exception):
    """There is no such stack file, or it cannot be read; the message says which there are."""


def stack_files(folder: Path) -> dict[str, Path]:
    """The stack files beside Pulumi.yaml, by stack."""
    return {path.name.split(".")[1]: path for path in sorted(folder.glob("Pulumi.*.yaml"))}


def stack_file(folder: Path, stack: str, example: str) -> Path:
    """The file of a stack. Raises NoStackError, which ends with an `example` of how to name one."""
    known = stack_files(folder)
    if stack not in known:
        raise NoStackError(f"there is no Pulumi.{stack}.yaml; choose one of {', '.join(known)}, as in: {example}")
    return known[stack]


def config_of(file: Path) -> dict[str, Any]:
    """The `config` of a stack file. Raises NoStackError."""
    try:
        return config_in(file.read_text(), file.name)
    except (OSError, UnicodeDecodeError) as error:
        raise NoStackError(f"{file.name} cannot be read: {error}") from None


def config_in(text: str, name: str) -> dict[str, Any]:
    """The `config` in a stack file's text. Raises NoStackError for what is no YAML, or no stack file."""
    try:
        config: dict[str, Any] = (yaml.safe_load(text) or {}).get("config") or {}
    except (yaml.YAMLError, AttributeError) as error:
        raise NoStackError(f"{name} cannot be read: {error}") from None
    return config


def settings_of(folder: Path, stack: str, config: Mapping[str, Any]) -> Settings:
    """What the `config` of a stack file says, read as the engine would hand it to the program. Raises SettingsError."""
    given = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return load(given, PROJECT, stack, folder)


def load(configuration: Mapping[str, str], project: str, stack: str, folder: Path) -> Settings:
    """Turns the engine's configuration (`<namespace>:<key>` to text, objects as JSON) into the settings that are in effect.

    A stack must agree with the others' files in `folder`. Raises SettingsError with every fault of every section, and every
    broken invariant among the sections that are right.
    """
    given, faults = _own_keys(configuration, project)
    if not re.fullmatch(STACK_NAME, stack):
        faults.append(
            f"{stack}: is no name for a stack; names of AWS resources are made of it: at most {STACK_NAME_LENGTH} "
            "lower-case letters, digits and single hyphens, beginning with a letter"
        )
    target = given.get("target", "")
    if target not in TARGETS:
        faults.append(f"target: {target or 'is missing'}; allowed are {', '.join(TARGETS)}")
        raise SettingsError(stack, faults)
    model = TARGETS[target]
    sections, wrong = _sections(model, given)
    faults += wrong
    faults += broken_invariants({**sections, "stack": stack, "networks": _networks_of_others(folder, project, stack)})
    if faults:
        raise SettingsError(stack, faults)
    settings = model.model_construct(**sections)
    return settings_in_effect(settings) if isinstance(settings, AwsSettings) else settings


def _own_keys(configuration: Mapping[str, str], project: str) -> tuple[dict[str, str], list[str]]:
    """The text of each section, and a fault for each key of another namespace."""
    given: dict[str, str] = {}
    faults: list[str] = []
    for key, text in configuration.items():
        namespace, _, section = key.partition(":")
        if namespace == project:
            # Pulumi.yaml gives optional sections the default `{}`, since Pulumi demands every key that it declares.
            given |= {section: text} if text != "{}" else {}
        elif namespace not in OTHER_NAMESPACES:
            faults.append(
                f"{key}: belongs to namespace {namespace}, which this program does not read; "
                f"write {project}:<section>, or remove it"
            )
    return given, faults


def _sections(model: type[BaseModel], given: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The sections that are right, and the faults of the others."""
    known = list(model.model_fields)
    faults = [
        f"{section}: unknown section for target {given['target']}{_suggestion(section, known)}"
        for section in sorted(given.keys() - set(known))
    ]
    hints = get_type_hints(model, include_extras=True)
    sections: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if name not in given:
            if field.is_required():
                faults.append(f"{name}: section is missing; see docs/settings.md for its keys")
            else:
                sections[name] = field.get_default()
            continue
        try:
            text = given[name] if given[name].startswith(("{", "[")) else json.dumps(given[name])
            sections[name] = TypeAdapter(hints[name]).validate_json(text, strict=True)
        except ValidationError as error:
            faults.extend(_fault(name, detail, hints[name]) for detail in error.errors())
    return sections, faults


def _networks_of_others(folder: Path, project: str, stack: str) -> dict[str, str]:
    """The network of every other committed stack; files that cannot be read say nothing."""
    networks = {}
    for other, file in stack_files(folder).items():
        if other == stack:
            continue
        try:
            config = config_of(file)
            recovery = config.get(f"{project}:recovery") or {}
            restoring = recovery.get("restore_database_from")
            networks[other] = str(recovery["network_cidr"] if restoring else config[f"{project}:network"]["cidr"])
        except (NoStackError, AttributeError, KeyError, TypeError):
            continue
    return networks


def _fault(section: str, detail: ErrorDetails, section_type: Any) -> str:
    where = ".".join([section, *(str(part) for part in detail["loc"])])
    match detail["type"]:
        case "extra_forbidden":
            model, key = _model_at(section_type, detail["loc"][:-1]), str(detail["loc"][-1])
            if model and issubclass(model, Section) and key in model.unavailable:
                return f"{where}: {model.unavailable[key]}"
            return f"{where}: unknown setting{_suggestion(key, model.model_fields if model else [])}"
        case "missing":
            return f"{where}: is missing"
        case "value_error":
            return f"{where}: {detail['msg'].removeprefix('Value error, ')}"
        case _:
            given = detail["input"]
            seen = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
            return f"{where}: {detail['msg'][0].lower()}{detail['msg'][1:]}{seen}"


def _suggestion(wrong: str, known: Iterable[str]) -> str:
    known = list(known)
    close = difflib.get_close_matches(wrong, known, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"{hint} (known: {', '.join(known)})"


def _model_at(section_type: Any, location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model in which a fault lies, if any."""
    current = section_type
    for part in location:
        if isinstance(part, int):
            continue  # of a list: its items' model is known from the list's type
        if isinstance(current, UnionType):  # `X | None` is no step of the way
            current = _model_within(current)
        if not (isinstance(current, type) and issubclass(current, BaseModel)):
            current = _item_type(current)
            continue
        current = _model_within(current.model_fields[str(part)].annotation)
    return _model_within(current)


def _item_type(annotation: Any) -> Any:
    """Of `dict[str, X]` in an `Annotated`: X."""
    for argument in getattr(annotation, "__args__", ()):
        found = _model_within(argument)
        if found:
            return found
    return None


def _model_within(annotation: Any) -> type[BaseModel] | None:
    """The model in `X`, `X | None`, `Annotated[X, ...]` or `dict[str, X]`, or none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_within(argument)
        if found:
            return found
    return None
