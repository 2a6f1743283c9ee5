"""Faults on demand: a plugin fails, is slow or loses its answer where a test says so.

`MARLINSPIKE_FAULTS` names a JSON file with a list of faults:

    [{"type": "aws:rds/instance:Instance", "name": "*", "operation": "create", "effect": "fail", "message": "...", "times": 1}]

`type` and `name` (the logical name) are patterns with `*`; `operation` is one of `OPERATIONS`, or several joined by `|`.
`effect`:

- `fail`: an error is answered and nothing was done;
- `slow`: the work starts only after `seconds`;
- `lose-answer`: the work is done, then an error is answered, as when a connection breaks.

`times` (default: without end) counts over all plugin processes; what was used is kept beside the file, in `<file>.used`.
"""

import fcntl
import fnmatch
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from rehearsal.variables import FAULTS

OPERATIONS = frozenset({"check", "diff", "create", "read", "update", "delete"})
EFFECTS = frozenset({"fail", "slow", "lose-answer"})

Effect = Literal["fail", "slow", "lose-answer"]


class FaultsFileError(Exception):
    """The faults file cannot be used; says which entry is wrong and what is allowed."""


class InjectedFault(Exception):  # noqa: N818 - it is no error but a fault made to order
    """The error that a fault answers; its text is the fault's `message`."""


@dataclass(frozen=True)
class Fault:
    """One entry of the faults file. `seconds` counts for `slow` only; `times` None means without end."""

    type: str
    name: str
    operations: frozenset[str]
    effect: Effect
    message: str
    seconds: float
    times: int | None

    def hits(self, type_token: str, name: str, operation: str) -> bool:
        """Whether this fault is meant for that operation on that resource."""
        return (
            operation in self.operations
            and fnmatch.fnmatchcase(type_token, self.type)
            and fnmatch.fnmatchcase(name, self.name)
        )


@dataclass
class Faults:
    """The faults of one file, shared by every plugin process that is given the file. `cancelled` ends a `slow` wait early."""

    file: Path | None = None
    entries: list[Fault] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def from_environment(cls) -> "Faults":
        """The faults of the file that `MARLINSPIKE_FAULTS` names; none when it is not set.

        Raises FaultsFileError when the file is missing or malformed.
        """
        name = os.environ.get(FAULTS)
        return cls.read(Path(name)) if name else cls()

    @classmethod
    def read(cls, file: Path) -> "Faults":
        """The faults of one file. Raises FaultsFileError."""
        try:
            listed = json.loads(file.read_text())
        except OSError as error:
            raise FaultsFileError(f"{FAULTS} names {file}, which cannot be read: {error.strerror}") from error
        except json.JSONDecodeError as error:
            raise FaultsFileError(f"{file} is no JSON: {error}") from error
        if not isinstance(listed, list):
            raise FaultsFileError(f"{file} must hold a list of faults")
        return cls(file, [_fault(entry, f"{file}[{index}]") for index, entry in enumerate(listed)])

    @contextmanager
    def around(self, type_token: str, name: str, operation: str) -> Iterator[None]:
        """Runs the body as the first fault that hits says.

        Raises InjectedFault for `fail` (the body was not run) and `lose-answer` (it was).
        """
        fault = self._take(type_token, name, operation)
        if fault is not None and fault.effect == "fail":
            raise InjectedFault(fault.message)
        if fault is not None and fault.effect == "slow" and self.cancelled.wait(fault.seconds):
            raise InjectedFault(f"cancelled while {operation} of {name} was slow on demand")
        yield
        if fault is not None and fault.effect == "lose-answer":
            raise InjectedFault(fault.message)

    def _take(self, type_token: str, name: str, operation: str) -> Fault | None:
        """The first fault that hits and is not used up; using it is counted."""
        for index, fault in enumerate(self.entries):
            if fault.hits(type_token, name, operation) and (fault.times is None or self._count(index, fault.times)):
                return fault
        return None

    def _count(self, index: int, limit: int) -> bool:
        """Counts one use of an entry in all processes; False when it was used up before."""
        if self.file is None:
            raise FaultsFileError("faults whose times are counted come from a file")
        with self.file.with_name(self.file.name + ".used").open("a+") as used:
            fcntl.flock(used, fcntl.LOCK_EX)
            used.seek(0)
            counts: dict[str, int] = json.loads(used.read() or "{}")
            if counts.get(str(index), 0) >= limit:
                return False
            counts[str(index)] = counts.get(str(index), 0) + 1
            used.seek(0)
            used.truncate()
            used.write(json.dumps(counts))
        return True


def _fault(entry: Any, where: str) -> Fault:
    """One entry of the file, checked. Raises FaultsFileError."""
    if not isinstance(entry, dict):
        raise FaultsFileError(f"{where} must be an object")
    unknown = set(entry) - {"type", "name", "operation", "effect", "message", "seconds", "times"}
    if unknown:
        raise FaultsFileError(f"{where} has the unknown key {', '.join(sorted(unknown))}")
    operations = frozenset(str(entry.get("operation", "")).split("|"))
    if not operations <= OPERATIONS:
        raise FaultsFileError(
            f"{where}: operation must be one of {', '.join(sorted(OPERATIONS))}, but is {entry.get('operation')!r}"
        )
    if entry.get("effect") not in EFFECTS:
        raise FaultsFileError(
            f"{where}: effect must be one of {', '.join(sorted(EFFECTS))}, but is {entry.get('effect')!r}"
        )
    return Fault(
        type=str(entry.get("type", "*")),
        name=str(entry.get("name", "*")),
        operations=operations,
        effect=cast(Effect, entry["effect"]),
        message=str(entry.get("message", "injected fault")),
        seconds=float(entry.get("seconds", 0)),
        times=None if entry.get("times") is None else int(entry["times"]),
    )
