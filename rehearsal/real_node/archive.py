"""Container images without an engine or a registry: layers written as tar files, put together as an OCI archive.

The format is that of the OCI image specification, "Image Layout", with containerd's annotation for the name.
"""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
BLOCK = 1 << 20


@dataclass(frozen=True)
class Image:
    """What a container of an image is started with."""

    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = "65535:65535"
    folder: str = "/"


@contextmanager
def layer(file: Path) -> Iterator[tarfile.TarFile]:
    """A new layer, to be filled; without a trace of the day on which it was made."""
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as opened:
        yield opened


def put(opened: tarfile.TarFile, path: str, content: bytes, mode: int = 0o644) -> None:
    """Adds one file of root's, and the folders above it."""
    for folder in reversed(Path(path.lstrip("/")).parents[:-1] if "/" in path.lstrip("/") else []):
        put_folder(opened, str(folder))
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.size, entry.mode = len(content), mode
    opened.addfile(entry, io.BytesIO(content))


def put_folder(opened: tarfile.TarFile, path: str, mode: int = 0o755) -> None:
    """Adds one folder of root's."""
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    opened.addfile(entry)


def put_link(opened: tarfile.TarFile, path: str, target: str) -> None:
    """Adds one symbolic link."""
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
    opened.addfile(entry)


def write(file: Path, name: str, image: Image, layers: Iterable[Path]) -> None:
    """Writes the archive `file` with the image `name` (with its tag), the lowest of the `layers` first."""
    parts = [(path, _digest(path), path.stat().st_size) for path in layers]
    config = json.dumps(
        {
            "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {
                "Entrypoint": list(image.entry_point),
                "Cmd": list(image.command),
                "Env": [f"{key}={value}" for key, value in image.environment.items()],
                "User": image.user,
                "WorkingDir": image.folder,
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for _, digest, _ in parts]},
        }
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _descriptor("config.v1+json", config),
            "layers": [
                {
                    "mediaType": "application/vnd.oci.image.layer.v1.tar",
                    "digest": f"sha256:{digest}",
                    "size": size,
                }
                for _, digest, size in parts
            ],
        }
    ).encode()
    index = {
        "schemaVersion": 2,
        "manifests": [
            _descriptor("manifest.v1+json", manifest) | {"annotations": {"io.containerd.image.name": name}},
        ],
    }
    with tarfile.open(file, "w") as archive:
        put(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        put(archive, "index.json", json.dumps(index).encode())
        for content in (config, manifest):
            put(archive, f"blobs/sha256/{hashlib.sha256(content).hexdigest()}", content)
        for path, digest, size in parts:
            entry = tarfile.TarInfo(f"blobs/sha256/{digest}")
            entry.size = size
            with path.open("rb") as content_file:
                archive.addfile(entry, content_file)


def _descriptor(kind: str, content: bytes) -> dict[str, Any]:
    return {
        "mediaType": f"application/vnd.oci.image.{kind}",
        "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "size": len(content),
    }


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
