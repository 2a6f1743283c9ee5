"""The images of the real node, made of Debian packages and Python wheels: nothing comes from an image registry.

PostgreSQL, and Redis where there is no Valkey, are of Debian's version, which their names tell. What is the same each time is
kept in the tool cache, as archives; the application is built each time.
"""

import re
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rehearsal import places
from rehearsal.image import application, bases, packages
from rehearsal.image import buildah as engines
from rehearsal.image import layer as layers
from rehearsal.image.buildah import Buildah, Start
from rehearsal.real_node.errors import RealNodeError
from rehearsal.say import Say
from rehearsal.toolchain.store import obtain

PAUSE = "localhost/marlinspike-pause:1"
CLUSTER_DNS = "localhost/marlinspike-coredns:1"
POSTGRESQL = "localhost/marlinspike-postgresql"
CACHE = "localhost/marlinspike-cache"

PACKAGES: Mapping[str, Sequence[str]] = {
    "pause": ("catatonit",),
    "postgresql": ("postgresql", "dash", "coreutils", "grep"),
    "cache": ("redis-server", "dash", "grep"),
}
VALKEY = ("valkey-server", "valkey-tools", "dash", "grep")
"""In place of Redis where Debian has it (from 13 on)."""
USERS = {"pause": 65535, "postgresql": 70, "cache": 999}
"""As in the official Alpine images, which `local` is written for."""


@dataclass(frozen=True)
class Images:
    """Where the archives and layers lie, and what versions they are of."""

    folder: Path

    @property
    def postgresql_version(self) -> str:
        """For example `15`."""
        return (self.folder / "postgresql.version").read_text()

    @property
    def cache_version(self) -> str:
        """For example `redis-7.0.15`."""
        return (self.folder / "cache.version").read_text()

    @property
    def postgresql(self) -> str:
        """The name of PostgreSQL's image."""
        return f"{POSTGRESQL}:{self.postgresql_version}"

    @property
    def cache(self) -> str:
        """The name of the cache's image."""
        return f"{CACHE}:{self.cache_version}"

    @property
    def archives(self) -> list[Path]:
        """Those of everything that is the same each time."""
        return sorted(self.folder.glob("*.tar"))

    def write_cluster_dns(self, folder: Path, coredns: Path, say: Say) -> Path:
        """Writes the archive of the cluster's DNS, of the program `coredns`, and returns it."""
        with tempfile.TemporaryDirectory(dir=folder) as made:
            top = Path(made) / "coredns.layer"
            with layers.layer(top) as layer:
                layers.put(layer, "coredns", coredns.read_bytes(), 0o755)
            return _write(application.engine(), folder, CLUSTER_DNS, top, Start(("/coredns",)), say)

    def write_application(
        self, folder: Path, name: str, say: Say, source: Path | None = None, changed: Mapping[str, str] | None = None
    ) -> Path:
        """Writes the archive of the application's image `name`, as `application.build` makes it, and returns it."""
        return application.build(_file(folder, name), name, say, source=source, changed=changed)


def ensure(say: Say) -> Images:
    """The images, from the cache or made now (a minute, 90 MB of packages). Raises ImageError or RealNodeError."""
    version = bases.version_of(__file__, packages.__file__, layers.__file__, engines.__file__, str(_entry_point()))
    folder = places.cache() / f"real-node-{version}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    bases.ensure(say)
    return Images(obtain(folder, lambda made: _make(made, say), say))


def _make(folder: Path, say: Say) -> None:
    images = Images(folder)
    for kind, usual in PACKAGES.items():
        wanted = VALKEY if kind == "cache" and packages.exists("valkey-server") else usual
        say(f"  images of the real node: {kind}, of Debian's {wanted[0]}")
        with tempfile.TemporaryDirectory(dir=folder) as made:
            work = Path(made)
            file = work / f"{kind}.layer"
            with layers.layer(file) as layer:
                files = packages.fill(layer, wanted, work, kind, USERS[kind])
                _finish(kind, files, layer, folder)
            name, start = _started(kind, images)
            _write(Buildah(work / "store"), folder, name, file, start, say)


def _finish(kind: str, files: Sequence[Path], layer: tarfile.TarFile, folder: Path) -> None:
    """What a server's image needs beside its packages: how it is started, and of which version it is."""
    if kind == "postgresql":
        (folder / "postgresql.version").write_text(_version(files, r"postgresql-(\d+)_"))
        layers.put(layer, "entrypoint.sh", _entry_point().read_bytes(), 0o755)
    if kind == "cache":
        product = "valkey" if any(file.name.startswith("valkey") for file in files) else "redis"
        version = _version(files, rf"{product}-server_(?:\d+%3a)?([\d.]+)")
        (folder / "cache.version").write_text(f"{product}-{version}")
        if product == "redis":
            for program in ("server", "cli"):
                layers.put_link(layer, f"usr/bin/valkey-{program}", f"redis-{program}")


def _started(kind: str, images: Images) -> tuple[str, Start]:
    """The name of an image, and how its containers are started."""
    user = f"{USERS[kind]}:{USERS[kind]}"
    if kind == "pause":
        return PAUSE, Start(("/usr/bin/catatonit", "-P"), user=user)
    if kind == "cache":
        return images.cache, Start(environment={"PATH": "/usr/bin"}, user=user)
    version = images.postgresql_version
    programs = f"/usr/lib/postgresql/{version}/bin:/usr/bin"
    environment = {"PATH": programs, "PG_MAJOR": version, "LANG": "C.UTF-8"}
    return images.postgresql, Start(("/entrypoint.sh",), environment, user)


def _write(engine: Buildah, folder: Path, name: str, layer: Path, start: Start, say: Say) -> Path:
    archive = _file(folder, name)
    with engine.alone(say):
        engine.base(name, layer, start)
        engine.save(name, archive)
        engine("rmi", name)
    return archive


def _version(files: Sequence[Path], pattern: str) -> str:
    for file in files:
        found = re.match(pattern, file.name)
        if found:
            return found[1]
    raise RealNodeError(f"none of Debian's packages is called {pattern}: {', '.join(file.name for file in files)}")


def _entry_point() -> Path:
    return Path(__file__).with_name("postgresql.sh")


def _file(folder: Path, name: str) -> Path:
    return folder / f"{re.sub(r'[^a-z0-9.-]+', '-', name)}.tar"
