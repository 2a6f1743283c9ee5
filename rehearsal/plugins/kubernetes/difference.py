"""What differs between two objects, as property paths."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rehearsal.plugins.wire import has_unknown

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Change:
    """One property that is added, updated or deleted. `value` is the new one (None for a deletion)."""

    path: Path
    kind: Literal["add", "update", "delete"]
    value: Any = None

    @property
    def property_path(self) -> str:
        """As the engine writes it.

        `spec.template.spec.containers[0].image`, `metadata.labels["app.kubernetes.io/name"]`.
        """
        text = ""
        for part in self.path:
            if isinstance(part, int):
                text += f"[{part}]"
            elif any(character in part for character in '."[]'):
                escaped = part.replace('"', '\\"')
                text += f'["{escaped}"]'
            else:
                text += f".{part}" if text else part
        return text


def compare(old: Any, new: Any, path: Path = ()) -> list[Change]:
    """All changes that lead from `old` to `new`; lists are compared item by item.

    A new value that is unknown counts as changed.
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        found: list[Change] = []
        for key in [*new, *(key for key in old if key not in new)]:
            if key.startswith("__"):
                continue
            if key not in new:
                found.append(Change((*path, key), "delete"))
            elif key not in old:
                found.append(Change((*path, key), "add", new[key]))
            else:
                found.extend(compare(old[key], new[key], (*path, key)))
        return found
    if isinstance(old, list) and isinstance(new, list):
        found = []
        for index in range(max(len(old), len(new))):
            here = (*path, index)
            if index >= len(new):
                found.append(Change(here, "delete"))
            elif index >= len(old):
                found.append(Change(here, "add", new[index]))
            else:
                found.extend(compare(old[index], new[index], here))
        return found
    # True == 1 in Python, but not on the API server.
    return [] if old == new and isinstance(old, bool) == isinstance(new, bool) else [Change(path, "update", new)]


def parse_path(text: str) -> Path:
    """The inverse of `Change.property_path`; `[*]` becomes `*`."""
    parts: list[str | int] = []
    for name, quoted, index in re.findall(r'([^.\[\]"]+)(?![^\[]*\])|\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]', text):
        parts.append(int(index) if index.isdecimal() else index or quoted.replace('\\"', '"') or name)
    return tuple(parts)


def is_within(path: Path, outer: Path) -> bool:
    """Whether `path` is `outer` or below it."""
    return len(path) >= len(outer) and all(want in (part, "*") for part, want in zip(path, outer, strict=False))


MISSING = object()


def at(value: Any, path: Iterable[str | int]) -> Any:
    """What `value` holds at a path, or `MISSING`."""
    for part in path:
        if isinstance(part, int):
            if not isinstance(value, list) or part >= len(value):
                return MISSING
        elif not isinstance(value, Mapping) or part not in value:
            return MISSING
        value = value[part]
    return value


def real_changes(
    changes: list[Change], recorded: Mapping[str, Any], dry_run: Callable[[], Mapping[str, Any] | None]
) -> list[Change]:
    """Those of `changes` that would change the object on the server, where it can tell.

    `recorded` is the object as the server last returned it; `dry_run` asks what the server would make of the new
    inputs, and returns None when it can't. A change whose outcome is what is recorded anyhow is another spelling of the
    same (`1000m` for `1`, an empty list for none, a default written out) and no change. Deletions always count: they
    give up a field that another manager or a default may then fill.
    """
    if (
        not changes
        or all(change.kind == "delete" for change in changes)
        or any(has_unknown(change.value) for change in changes)
    ):
        return changes
    outcome = dry_run()
    if outcome is None:
        return changes

    def counts(change: Change) -> bool:
        now, before = at(outcome, change.path), at(recorded, change.path)
        # What the server never shows, such as a Secret's stringData, can't be judged by what it shows.
        hidden = now is MISSING and before is MISSING and change.value not in ({}, [], "", None)
        return change.kind == "delete" or hidden or now != before

    kept: list[Change] = []
    by_list: dict[Path, list[Change]] = {}
    for change in changes:
        outermost = next((change.path[:index] for index, part in enumerate(change.path) if isinstance(part, int)), None)
        if outermost is not None:
            by_list.setdefault(outermost, []).append(change)
        elif counts(change):
            kept.append(change)
    for path, inside in by_list.items():
        # The server may order or extend a list differently, so an index of the inputs need not be the same item there:
        # the list as a whole decides, and the single paths only make the answer finer where they can.
        if at(outcome, path) != at(recorded, path):
            kept.extend([change for change in inside if counts(change)] or inside)
    return kept
