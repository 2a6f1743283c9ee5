"""What is in an image: its settings, its files as a container sees them, the packages that they came from."""

import gzip
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_string
from email.message import Message
from functools import cached_property
from pathlib import Path
from typing import Any

from rehearsal.image.errors import ImageError
from rehearsal.image.packages import DESCRIPTIONS

PACKAGES = "srv/packages"
"""Where app/Dockerfile puts the Python packages."""


@dataclass(frozen=True)
class Image:
    """The image in an archive of Docker's format, as `docker save` and `buildah push docker-archive:` write it."""

    archive: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Which files of the archive are the settings and the layers."""
        with tarfile.open(self.archive) as opened:
            manifests: list[dict[str, Any]] = json.loads(_read(opened, "manifest.json"))
        return manifests[0]

    @cached_property
    def document(self) -> dict[str, Any]:
        """The settings' whole document: `config` is what containers are started with."""
        with tarfile.open(self.archive) as opened:
            found: dict[str, Any] = json.loads(_read(opened, self.manifest["Config"]))
        return found

    @property
    def identity(self) -> str:
        """The digest of the settings, that name each layer's: Docker's "image ID"."""
        return f"sha256:{Path(self.manifest['Config']).stem}"

    @property
    def config(self) -> dict[str, Any]:
        """What containers are started with."""
        found: dict[str, Any] = self.document["config"]
        return found

    def layers(self) -> Iterator[tarfile.TarFile]:
        """Each layer, the lowest first, to be read from front to back."""
        with tarfile.open(self.archive) as opened:
            for name in self.manifest["Layers"]:
                with tarfile.open(fileobj=opened.extractfile(name)) as layer:
                    yield layer

    @cached_property
    def files(self) -> dict[str, tarfile.TarInfo]:
        """By path without a leading slash, an upper layer's in place of a lower one's."""
        return {member.name.strip("/"): member for layer in self.layers() for member in layer}

    @cached_property
    def size(self) -> int:
        """Bytes of all layers, unpacked."""
        with tarfile.open(self.archive) as opened:
            return sum(opened.getmember(name).size for name in self.manifest["Layers"])

    def compressed(self) -> int:
        """Bytes of all layers as a registry keeps them, with gzip; takes some seconds."""
        with tarfile.open(self.archive) as opened:
            return sum(len(gzip.compress(_read(opened, name), compresslevel=6)) for name in self.manifest["Layers"])

    def python_packages(self) -> list[Message]:
        """The metadata of each Python package of the application, sorted by name."""
        return self._described(PACKAGES, ".dist-info/METADATA")

    def debian_packages(self) -> list[Message]:
        """The description of each Debian package of the base, sorted by name."""
        return [found for found in self._described(DESCRIPTIONS, "") if found["Package"]]

    def _described(self, folder: str, ending: str) -> list[Message]:
        found = []
        for layer in self.layers():
            for member in layer:
                path = member.name.strip("/")
                if path.startswith(f"{folder}/") and path.endswith(ending) and member.isreg():
                    found.append(message_from_string(_read(layer, member).decode()))
        return sorted(found, key=lambda each: str(each["Name"] or each["Package"]).lower())


def _read(opened: tarfile.TarFile, member: str | tarfile.TarInfo) -> bytes:
    content = opened.extractfile(member)
    if content is None:
        raise ImageError(f"{member} is no file of the archive")
    return content.read()
