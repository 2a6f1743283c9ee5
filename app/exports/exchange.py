"""The folder that two containers of a pod share: PostgreSQL's own programs run in one, this package in the other.

The image of PostgreSQL has pg_dump and pg_restore of the server's version, and knows nothing of AWS; this one has tokens and
S3, and no PostgreSQL. What one of them writes the other reads from a pipe, so that no dump ever lies on a disk. Files of the
folder, which lives in memory:

- `pg_service.conf`, `passwords`, `authorities.pem`: how libpq logs in, by `PGSERVICE=database`
- `ready`: the other one may begin, and what it is told stands in it
- `dump`, `list`: the pipes
- `done`: the other one has succeeded; `failed`: it has not
"""

import os
import select
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

READ_BYTES = 1024 * 1024

BEGINS_SECONDS = 600.0
"""How long the other program may take to begin: its image may have to be pulled, and pg_dump may wait for a lock."""

SAYS_SO_SECONDS = 30.0
"""How long after the end of its data it may take to say whether it has succeeded."""


class ExchangeError(Exception):
    """The other program has failed, or is gone."""


class Exchange:
    """One side of the folder: the one that logs in and that knows where copies are kept."""

    def __init__(self, folder: Path, begins_seconds: float = BEGINS_SECONDS) -> None:
        self._folder, self._begins_seconds = folder, begins_seconds

    def log_in(self, parameters: Mapping[str, Any]) -> None:
        """Let libpq log in with these parameters (as app.database.connection_parameters names them)."""
        lines = {name: str(parameters[name]) for name in ("host", "port", "dbname", "user", "sslmode")}
        if authorities := parameters.get("sslrootcert"):
            copied = self._folder / "authorities.pem"
            shutil.copyfile(authorities, copied)
            lines["sslrootcert"] = str(copied)
        password = str(parameters["password"]).replace("\\", "\\\\").replace(":", "\\:")
        # Not into the service file, whose lines end at 1024 bytes: a token is longer.
        self._private("passwords", f"*:*:*:*:{password}\n")
        self._private("pg_service.conf", "\n".join(["[database]", *(f"{key}={value}" for key, value in lines.items())]))

    def pipe(self, name: str) -> None:
        """Make a pipe."""
        (self._folder / name).unlink(missing_ok=True)
        os.mkfifo(self._folder / name, 0o600)

    def begin(self, words: str = "") -> None:
        """The other program may begin; `words` are for it."""
        for mark in ("done", "failed"):
            (self._folder / mark).unlink(missing_ok=True)
        self._private("ready", words)

    def received(self, name: str) -> Iterator[bytes]:
        """What comes through a pipe. Raises ExchangeError at its end unless the other program says that it has succeeded."""
        descriptor = os.open(self._folder / name, os.O_RDONLY | os.O_NONBLOCK)  # does not wait for who writes
        try:
            self._await(lambda: bool(select.select([descriptor], [], [], 0)[0]) or self._ended, self._begins_seconds)
            os.set_blocking(descriptor, True)
            while chunk := os.read(descriptor, READ_BYTES):
                yield chunk
        finally:
            os.close(descriptor)
        self.succeeded()

    def send(self, name: str, chunks: Iterable[bytes]) -> None:
        """Send through a pipe, as long as somebody reads: who has what it needed may leave."""
        descriptor = self._open_for_writing(name)
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as pipe:
                for chunk in chunks:
                    rest = memoryview(chunk)
                    while rest:
                        rest = rest[pipe.write(rest) :]
        except BrokenPipeError:
            pass  # whether it left for a good reason, `succeeded` tells

    def succeeded(self, seconds: float = SAYS_SO_SECONDS) -> None:
        """Wait until the other program has succeeded. Raises ExchangeError."""
        self._await(lambda: self._ended, seconds)
        if not (self._folder / "done").exists():
            raise ExchangeError("PostgreSQL's program failed; its own container says why")

    @property
    def _ended(self) -> bool:
        return any((self._folder / mark).exists() for mark in ("done", "failed"))

    def _open_for_writing(self, name: str) -> int:
        """Waits for who reads. Raises ExchangeError where nobody comes."""
        found: list[int] = []

        def reached() -> bool:
            try:
                found.append(os.open(self._folder / name, os.O_WRONLY | os.O_NONBLOCK))
            except OSError:  # ENXIO: nobody reads yet
                return self._ended
            return True

        self._await(reached, self._begins_seconds)
        if not found:
            raise ExchangeError("PostgreSQL's program failed before it read anything; its own container says why")
        os.set_blocking(found[0], True)
        return found[0]

    def _await(self, true: Callable[[], bool], seconds: float) -> None:
        until = time.monotonic() + seconds
        while not true():
            if time.monotonic() > until:
                raise ExchangeError("PostgreSQL's program says nothing; does its container run?")
            time.sleep(0.05)

    def _private(self, name: str, text: str) -> None:
        """A file for this user only, whole as soon as it has its name."""
        part = self._folder / f".{name}"
        part.unlink(missing_ok=True)
        part.touch(0o600)
        part.write_text(text)
        part.replace(self._folder / name)
