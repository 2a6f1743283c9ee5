"""What an update would change, by comparing what the program wants with what the account has."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rehearsal.plugins.aws import naming, replacement
from rehearsal.plugins.aws.configuration import Configuration
from rehearsal.plugins.aws.outputs import all_tags
from rehearsal.plugins.aws.types import ResourceType
from rehearsal.plugins.wire import UNKNOWN, plain

# Lists whose order AWS keeps; every other list of plain values is a set in terraform-provider-aws.
_ORDERED = frozenset(
    {"instanceTypes", "preferredCacheClusterAzs", "domainDnsIps", "subjectAlternativeNames", "records"}
)

_PLAIN_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


@dataclass(frozen=True)
class Change:
    """One difference. `path` is a Pulumi property path; `names` the same without indexes, as the replacement table has it."""

    path: str
    names: str
    kind: Literal["add", "delete", "update"]
    replaces: bool


def project(actual: Any, wanted: Any) -> Any:
    """The parts of what AWS has that the program speaks of: AWS adds keys of its own inside objects."""
    if isinstance(actual, Mapping) and isinstance(wanted, Mapping):
        return {name: project(actual[name], wanted[name]) for name in wanted if name in actual}
    if isinstance(actual, list) and isinstance(wanted, list) and len(actual) == len(wanted):
        return [project(one, other) for one, other in zip(actual, wanted, strict=True)]
    return actual


def changes(
    kind: ResourceType,
    news: Mapping[str, Any],
    old_inputs: Mapping[str, Any],
    old_outputs: Mapping[str, Any],
    configuration: Configuration,
    ignored: Sequence[str] = (),
) -> list[Change]:
    """All differences, in the order of the properties' names; secrets are compared, never shown."""
    found: list[Change] = []
    for name in sorted((set(news) | set(old_inputs)) - {naming.DEFAULTS}):
        wanted, before, actual = plain(news.get(name)), plain(old_inputs.get(name)), plain(old_outputs.get(name))
        if name.startswith("__") or name in ignored:
            continue
        if wanted is None and name in kind.outputs and kind.outputs[name].computed:
            # AWS keeps a value of its own where the program stops saying one: nothing changes (Optional and Computed).
            continue
        spoken_of = _merged(wanted, before)
        current = project(actual, spoken_of) if actual is not None and before is not None else before
        if current is None and before is None and actual is not None:
            current = project(actual, wanted)
        for path, names, step in _compared(name, name, current, wanted):
            removed = step == "delete"
            found.append(Change(path, names, step, replacement.replaces(kind.token, names, removed=removed)))
    tags = plain(all_tags(news, configuration)) if "tagsAll" in kind.outputs and "tagsAll" not in ignored else None
    if (
        tags is not None
        and tags is not UNKNOWN
        and tags != plain(old_outputs.get("tagsAll"))
        and not any(change.names.startswith("tags") for change in found)
    ):
        found.append(Change("tagsAll", "tagsAll", "update", False))
    return found


def _merged(wanted: Any, before: Any) -> Any:
    """Everything that the program says or said, so that a key that it drops is seen."""
    if isinstance(wanted, Mapping) and isinstance(before, Mapping):
        return {name: _merged(wanted.get(name), before.get(name)) for name in {**before, **wanted}}
    return before if wanted is None else wanted


def _compared(
    path: str, names: str, current: Any, wanted: Any
) -> Iterator[tuple[str, str, Literal["add", "delete", "update"]]]:
    if wanted is UNKNOWN:
        yield path, names, "update" if current is not None else "add"
    elif isinstance(current, Mapping) and isinstance(wanted, Mapping):
        for name in sorted({**current, **wanted}):
            inner = f"{path}.{name}" if _PLAIN_NAME.fullmatch(name) else f'{path}["{name}"]'
            yield from _compared(inner, f"{names}.{name}", current.get(name), wanted.get(name))
    elif isinstance(current, list) and isinstance(wanted, list):
        yield from _compared_lists(path, names, current, wanted)
    elif current != wanted:
        yield path, names, "add" if current is None else "delete" if wanted is None else "update"


def _compared_lists(
    path: str, names: str, current: list[Any], wanted: list[Any]
) -> Iterator[tuple[str, str, Literal["add", "delete", "update"]]]:
    if names.rsplit(".", 1)[-1] not in _ORDERED and sorted(map(repr, current)) == sorted(map(repr, wanted)):
        return
    if len(current) == len(wanted):
        for index, (one, other) in enumerate(zip(current, wanted, strict=True)):
            yield from _compared(f"{path}[{index}]", names, one, other)
    else:
        yield path, names, "update"
