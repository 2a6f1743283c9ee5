"""buildah, with a store of its own: bases made of layers, Dockerfiles built on them, archives that a node takes."""

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from rehearsal.image.errors import ImageError
from rehearsal.say import Say
from rehearsal.toolchain.store import locked

FORMAT = ("--format", "docker")
"""Docker's own: the format of OCI, buildah's default, has no HEALTHCHECK."""

OVERLAY = "overlay"
"""Storage that shares what images have in common; where the file system can't, `vfs` copies."""

TRACES = ("container", "container_config", "parent")
"""What buildah writes into an image and no engine reads: random names of the containers in which it was made."""


@dataclass(frozen=True)
class Start:
    """What a container of an image is started with."""

    entry_point: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = "65535:65535"


@dataclass(frozen=True)
class Buildah:
    """The store in `folder`; nothing of the machine's own containers is touched. Every method raises ImageError."""

    folder: Path

    @contextmanager
    def alone(self, say: Say) -> Iterator[None]:
        """One build at a time: another one's clearing up must not take away what this one stands on."""
        with locked(self.folder.with_name(f"{self.folder.name}.lock"), say):
            yield

    def keep_only(self, timestamp: int) -> None:
        """Empties the store if its layers are of another time (seconds since 1970).

        buildah takes kept layers whatever their date, and the image would be another one than elsewhere.
        """
        last = self.folder / "timestamp"
        if not last.exists() or last.read_text() != str(timestamp):
            self.clear()
            self.folder.mkdir(parents=True, exist_ok=True)
            last.write_text(str(timestamp))

    def has(self, name: str) -> bool:
        """Whether the store has the image."""
        return self._run("images", "--quiet", name).returncode == 0

    def base(self, name: str, layer: Path, start: Start) -> None:
        """Makes the image `name` of one layer."""
        container = self("from", "--quiet", "scratch")
        try:
            self("add", "--quiet", container, str(layer), "/")
            self(
                "config",
                f"--user={start.user}",
                f"--entrypoint={json.dumps(start.entry_point)}",
                "--cmd=",
                *(f"--env={key}={value}" for key, value in start.environment.items()),
                container,
            )
            self("commit", "--quiet", *FORMAT, "--timestamp=0", container, name)
        finally:
            self("rm", container)

    def build(self, name: str, context: Path, bases: Mapping[str, str], options: Sequence[str], timestamp: int) -> None:
        """Builds the Dockerfile of the folder `context` as the image `name`.

        With overlays, steps that were made before are not made again. `bases` are build arguments, `timestamp` (seconds since
        1970) is that of the image and of each file in its layers.
        """
        self(
            "bud",
            "--quiet",
            *FORMAT,
            "--force-rm",  # the working containers of a build that fails, too
            # Kept steps cost a copy of everything each where there are no overlays.
            f"--layers={str(self._driver == OVERLAY).lower()}",
            "--isolation=chroot",  # runs within a container too, and needs neither cgroups nor a network of its own
            f"--timestamp={timestamp}",
            *(f"--build-arg={key}={value}" for key, value in bases.items()),
            *options,
            f"--tag={name}",
            str(context),
        )

    def save(self, name: str, archive: Path) -> None:
        """Writes the image as an archive of Docker's format: the same bytes for the same layers and settings."""
        raw = archive.with_suffix(".raw")
        raw.unlink(missing_ok=True)
        try:
            self("push", "--quiet", name, f"docker-archive:{raw}:{name}")
            _without_traces(raw, archive)
        finally:
            raw.unlink(missing_ok=True)

    def execute(self, name: str, *command: str) -> str:
        """What a command prints in a container of the image."""
        container = self("from", "--quiet", "--pull-never", name)
        try:
            return self("run", "--isolation=chroot", container, "--", *command)
        finally:
            self("rm", container)

    def clear(self) -> None:
        """Empties the store."""
        self("rm", "--all")
        self("rmi", "--all", "--force")

    def __call__(self, *arguments: str) -> str:
        """What buildah says. Raises ImageError with its last words."""
        done = self._run(*arguments)
        if done.returncode != 0:
            end = "\n".join(f"  | {line}" for line in done.stderr.splitlines()[-8:])
            raise ImageError(f"`buildah {arguments[0]}` failed:\n{end}")
        return done.stdout.strip()

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._command(self._driver, *arguments)

    @cached_property
    def _driver(self) -> str:
        """Overlays where the file system can carry them; within a container it often can't, and copies do."""
        return OVERLAY if self._command(OVERLAY, "images").returncode == 0 else "vfs"

    def _command(self, driver: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                "/usr/bin/buildah",
                f"--root={self.folder / driver}",
                f"--runroot={self.folder / 'run'}",
                f"--storage-driver={driver}",
                *arguments,
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def _without_traces(raw: Path, archive: Path) -> None:
    """Copies an archive without what differs between two builds of the same image."""
    with tarfile.open(raw) as read, tarfile.open(archive, "w") as written:

        def member(name: str) -> Any:
            content = read.extractfile(name)
            if content is None:
                raise ImageError(f"buildah's archive has no {name}")
            return content

        [manifest] = json.load(member("manifest.json"))
        settings = json.load(member(manifest["Config"]))
        for trace in TRACES:
            settings.pop(trace, None)
        settings["config"].pop("Hostname", None)
        for step in settings["history"]:
            step.pop("comment", None)
        content = json.dumps(settings).encode()
        manifest["Config"] = f"{hashlib.sha256(content).hexdigest()}.json"
        for name, written_content in (
            (manifest["Config"], content),
            ("manifest.json", json.dumps([manifest]).encode()),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(written_content)
            written.addfile(entry, io.BytesIO(written_content))
        for layer in dict.fromkeys(manifest["Layers"]):
            entry = tarfile.TarInfo(layer)
            entry.size = read.getmember(layer).size
            written.addfile(entry, member(layer))
