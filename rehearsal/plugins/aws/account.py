"""The simulated account: one JSON file for each resource, in `$MARLINSPIKE_REHEARSAL/cloud/`.

Several plugin processes (one for each provider) share it, so every change is one rename, made under a lock. Secrets are
never written: in their place stands `{"secret": true}`.
"""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.plugins.wire import Secret, plain
from rehearsal.variables import STATE

REDACTED: dict[str, bool] = {"secret": True}
"""What stands in a file where a secret was."""


@dataclass(frozen=True)
class Record:
    """One resource as the account holds it. `seed` is what its computed outputs derive from; `region` where it lives."""

    type: str
    id: str
    urn: str
    seed: str
    region: str
    created_at: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]

    def value(self, path: str) -> Any:
        """A property by its dotted path, outputs before inputs; None when it is absent."""
        for properties in (self.outputs, self.inputs):
            found: Any = properties
            for name in path.split("."):
                found = found.get(name) if isinstance(found, Mapping) else None
            if found is not None:
                return found
        return None


@dataclass(frozen=True)
class Account:
    """The account behind one folder."""

    folder: Path

    @classmethod
    def of_rehearsal(cls) -> "Account":
        """The account of the rehearsal that `MARLINSPIKE_REHEARSAL` names. Raises KeyError when it is not set."""
        return cls(Path(os.environ[STATE]) / "cloud")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes and threads from changing the account within the body."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def next_seed(self, urn: str) -> str:
        """What a new resource's random-looking values derive from: its URN, and how often it was made before.

        AWS gives no id twice. Call it within `locked`.
        """
        file = self.folder / ".made"
        made: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        made[urn] = made.get(urn, 0) + 1
        temporary = file.with_name(f".made.{os.getpid()}")
        temporary.write_text(json.dumps(made, indent=2, sort_keys=True))
        temporary.rename(file)
        return f"{urn}#{made[urn]}"

    def get(self, type_token: str, identifier: str) -> Record | None:
        """The resource of that type and id; None when there is none."""
        return _read(self._file(type_token, identifier))

    def put(self, record: Record) -> None:
        """Adds or replaces a resource; secrets are redacted."""
        self.folder.mkdir(parents=True, exist_ok=True)
        content = {
            "type": record.type,
            "id": record.id,
            "urn": record.urn,
            "seed": record.seed,
            "region": record.region,
            "created_at": record.created_at,
            "inputs": redacted(record.inputs),
            "outputs": redacted(record.outputs),
        }
        file = self._file(record.type, record.id)
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        temporary.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
        temporary.rename(file)

    def remove(self, type_token: str, identifier: str) -> None:
        """Takes a resource away; nothing happens when there is none."""
        self._file(type_token, identifier).unlink(missing_ok=True)

    def all(self, type_token: str | None = None) -> Iterator[Record]:
        """The resources of a type (or of all), in the order of their file names."""
        prefix = "*" if type_token is None else _file_prefix(type_token)
        for file in sorted(self.folder.glob(f"{prefix}--*.json")):
            record = _read(file)
            if record is not None:
                yield record

    def _file(self, type_token: str, identifier: str) -> Path:
        readable = re.sub(r"[^A-Za-z0-9._-]+", "_", identifier)[-80:]
        if readable != identifier:  # two ids must never share a file
            readable += "-" + hashlib.sha256(identifier.encode()).hexdigest()[:8]
        return self.folder / f"{_file_prefix(type_token)}--{readable}.json"


def _file_prefix(type_token: str) -> str:
    """`aws:ec2/vpc:Vpc` as `ec2.Vpc`."""
    _, module, name = type_token.split(":")
    return f"{module.split('/')[0]}.{name}"


def _read(file: Path) -> Record | None:
    try:
        return Record(**json.loads(file.read_text()))
    except FileNotFoundError:
        return None


def redacted(value: Any) -> Any:
    """The value with `REDACTED` in the place of each secret."""
    match value:
        case Secret():
            return REDACTED
        case Mapping():
            return {name: redacted(item) for name, item in value.items()}
        case list():
            return [redacted(item) for item in value]
    return value


def restored(value: Any, known: Any) -> Any:
    """A value from the account with its redacted parts taken from the state (`known`), as secrets; None where it has none."""
    if value == REDACTED:
        return None if known is None else Secret(plain(known))
    inner = known.value if isinstance(known, Secret) else known
    if isinstance(value, Mapping):
        return {
            name: restored(item, inner.get(name) if isinstance(inner, Mapping) else None)
            for name, item in value.items()
        }
    if isinstance(value, list):
        same_length = isinstance(inner, list) and len(inner) == len(value)
        return [restored(item, inner[index] if same_length else None) for index, item in enumerate(value)]
    return value
