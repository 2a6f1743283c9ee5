"""The stack file of a rehearsal: a copy of the committed `Pulumi.<stack>.yaml`, with the settings that a test changes.

The engine writes an encryption salt into the stack file of every stack that it makes. Only the copy gets it: the
committed file never changes.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

_FILE = re.compile(r"Pulumi\.([A-Za-z0-9_.-]+)\.yaml")

# What binds the committed file to a secrets provider of the real stack; a rehearsal has its own passphrase.
_ENCRYPTION_KEYS = ("encryptionsalt", "encryptedkey", "secretsprovider")


class StackFileError(Exception):
    """A stack can't be rehearsed because of its file; the message names it and says what to do."""


def is_name(stack: str) -> bool:
    """Whether a stack may have that name: no path, and nothing that the file system reads as one."""
    return bool(re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", stack))


def stacks(program: Path) -> list[str]:
    """The names of the stacks that have a file in the folder of a program."""
    return sorted(found[1] for file in program.glob("Pulumi.*.yaml") if (found := _FILE.fullmatch(file.name)))


def stack_file(program: Path, stack: str) -> Path:
    """The committed file of a stack. Raises StackFileError, with the stacks that exist, when there is none."""
    existing = stacks(program)
    if stack not in existing:
        listed = ", ".join(existing) if existing else f"none: {program} holds no Pulumi.<stack>.yaml"
        raise StackFileError(
            f"There is no stack {stack!r}. The stacks that exist: {listed}. "
            f"Choose one, for example: make rehearse STACK={(existing or ['dev'])[0]}"
        )
    return program / f"Pulumi.{stack}.yaml"


RECOVERY = "-recovery"


def committed(program: Path, stack: str) -> str:
    """The text of a stack's committed file.

    `prod-recovery` needs none: it is prod's with the one setting that brings it up in its second region, and a backup that
    the simulated AWS takes for there. Raises StackFileError when there is no such stack, or its file can't be read.
    """
    source = stack.removesuffix(RECOVERY)
    if stack == source or stack in stacks(program) or source not in stacks(program):
        return read(stack_file(program, stack))
    content = _content(read(stack_file(program, source)), f"Pulumi.{source}.yaml")
    config = content.get("config") or {}
    project = project_name(program)
    recovery, account = config.get(f"{project}:recovery"), config.get(f"{project}:account")
    if not (isinstance(recovery, dict) and isinstance(account, dict)):
        raise StackFileError(
            f"There is no stack {stack!r}, and Pulumi.{source}.yaml has no section recovery from which it could follow."
        )
    backup = f"arn:aws:rds:{recovery.get('region')}:{account.get('id')}:auto-backup:ab-rehearsal"
    _set(config, f"{project}:recovery.restore_database_from", backup)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def read(file: Path) -> str:
    """The text of a stack file, or of its copy.

    Raises StackFileError, with line and column, when it can't be read or is not a mapping of settings.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as reason:
        raise StackFileError(
            f"{file} can't be read: {_why(reason)}. Correct that and run the same command again."
        ) from reason
    _content(text, str(file))
    return text


def project_name(program: Path) -> str:
    """The name in the program's Pulumi.yaml. Raises StackFileError when there is no such file."""
    file = program / "Pulumi.yaml"
    if not file.is_file():
        raise StackFileError(f"{program} holds no Pulumi program: {file.name} is missing")
    return str(yaml.safe_load(file.read_text())["name"])


def account_id(committed: str, project: str) -> str:
    """The AWS account that a committed file names, to be played; empty where it names none."""
    try:
        return str(yaml.safe_load(committed)["config"][f"{project}:account"]["id"])
    except (yaml.YAMLError, KeyError, TypeError):
        return ""


def rehearsed(committed: str, project: str, overrides: Mapping[str, Any], salt: str) -> str:
    """The text of the copy: the committed text with other settings and the rehearsal's own salt.

    `overrides` maps a dotted path to its new value: `workload.replicas`, with the project's namespace in front or
    without it. A value of None removes the setting. Raises StackFileError for a path through something that is no
    section, and for a file with encrypted values.
    """
    content = _content(committed, "The stack file")
    for key in _ENCRYPTION_KEYS:
        content.pop(key, None)
    config: dict[str, Any] = content.get("config") or {}
    content["config"] = config
    secret = _encrypted(config)
    if secret:
        raise StackFileError(
            f"The stack file has encrypted values ({', '.join(secret)}), and a rehearsal can't read them. "
            "Keep secrets out of the stack files, or rehearse a stack file without them."
        )
    for path, value in overrides.items():
        _set(config, path if ":" in path else f"{project}:{path}", value)
    content["encryptionsalt"] = salt
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _content(text: str, name: str) -> dict[str, Any]:
    """What a stack file holds; `name` is what a fault is reported of."""
    try:
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise StackFileError(f"{name}{place}: this is no YAML ({fault.problem}). Correct the line.") from fault
    except yaml.YAMLError as fault:  # characters that YAML does not allow
        raise StackFileError(f"{name} is no YAML: {fault}. Correct it.") from fault
    for what, value in {
        "the file": content,
        "`config`": content.get("config") if isinstance(content, dict) else None,
    }.items():
        if not isinstance(value, dict | None):
            raise StackFileError(
                f"{name}: {what} must be a mapping of settings, as in the other stack files, and is {type(value).__name__}."
            )
    return content or {}


def _why(reason: OSError | UnicodeDecodeError) -> str:
    return reason.strerror or str(reason) if isinstance(reason, OSError) else f"it is no UTF-8 text ({reason.reason})"


def _encrypted(settings: Any, path: str = "") -> list[str]:
    """The dotted paths of the encrypted values; they may stand deep inside a section."""
    if isinstance(settings, Mapping):
        if set(settings) == {"secure"}:
            return [path]
        entries = [(f"{path}.{key}" if path else str(key), value) for key, value in settings.items()]
    elif isinstance(settings, list):
        entries = [(f"{path}[{index}]", value) for index, value in enumerate(settings)]
    else:
        return []
    return [found for name, value in entries for found in _encrypted(value, name)]


def _set(config: dict[str, Any], path: str, value: Any) -> None:
    namespace, _, rest = path.partition(":")
    first, *others = rest.split(".")
    names = [f"{namespace}:{first}", *others]
    section = config
    for name in names[:-1]:
        section = section.setdefault(name, {})
        if not isinstance(section, dict):
            raise StackFileError(f"{path} can't be set: {name} is no section")
    if value is None:
        section.pop(names[-1], None)
    else:
        section[names[-1]] = value
