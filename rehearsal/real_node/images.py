"""The images of the real node, made of Debian packages and Python wheels: nothing comes from an image registry.

What takes long is kept in the tool cache: the layers of packages and wheels. The application's own layer is written each
time. PostgreSQL, and Redis where there is no Valkey, are of Debian's version, which their names tell.
"""

import hashlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rehearsal import places
from rehearsal.real_node import archive, packages
from rehearsal.real_node.archive import Image
from rehearsal.real_node.errors import RealNodeError
from rehearsal.toolchain.store import obtain

Say = Callable[[str], None]

PAUSE = "localhost/marlinspike-pause:1"
CLUSTER_DNS = "localhost/marlinspike-coredns:1"
POSTGRESQL = "localhost/marlinspike-postgresql"
CACHE = "localhost/marlinspike-cache"

APPLICATION_USER, POSTGRESQL_USER, CACHE_USER = 10001, 70, 999
"""As in app/Dockerfile and in the official Alpine images, which `local` is written for."""

PACKAGES: Mapping[str, Sequence[str]] = {
    "pause": ("catatonit",),
    "python": ("python3",),
    "postgresql": ("postgresql", "dash", "coreutils"),
    "cache": ("redis-server", "dash", "grep"),
}
VALKEY = ("valkey-server", "valkey-tools", "dash", "grep")
"""In place of Redis where Debian has it (from 13 on)."""
NEVER_CALLED = re.compile(
    r"(perl|lib[\w-]*perl|libllvm|libz3|usrmerge|init-system|sysvinit|debconf|adduser|passwd|dpkg|tar|lib(pam-|sem|sepol)"
    r"|postgresql-common|postgresql-client-common|ssl-cert|openssl|ucf|locales|libc-l10n|lsb|ca-certificates)[\w.+-]*_"
)
"""Dependencies of maintainers' scripts, which don't run here, and of PostgreSQL's compiler for queries, a mere speed-up."""
QUERY_COMPILER = r"usr/lib/postgresql/\d+/lib/(llvmjit|bitcode)"


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

    def write_servers(self, folder: Path, coredns: Path) -> None:
        """Writes the archives of everything but the application."""
        version = self.postgresql_version
        programs = f"/usr/lib/postgresql/{version}/bin:/usr/bin"
        _write(folder, PAUSE, Image(("/usr/bin/catatonit", "-P")), [self._layer("pause")])
        with tempfile.TemporaryDirectory(dir=folder) as made:
            top = Path(made) / "coredns.layer"
            with archive.layer(top) as layer:
                archive.put(layer, "coredns", coredns.read_bytes(), 0o755)
            _write(folder, CLUSTER_DNS, Image(("/coredns",)), [top])
        _write(
            folder,
            self.postgresql,
            Image(
                ("/entrypoint.sh",),
                environment={"PATH": programs, "PG_MAJOR": version, "LANG": "C.UTF-8"},
                user=f"{POSTGRESQL_USER}:{POSTGRESQL_USER}",
            ),
            [self._layer("postgresql")],
        )
        _write(
            folder,
            self.cache,
            Image(environment={"PATH": "/usr/bin"}, user=f"{CACHE_USER}:{CACHE_USER}"),
            [self._layer("cache")],
        )

    def write_application(
        self, folder: Path, name: str, source: Path, changed: Mapping[str, str] | None = None
    ) -> Path:
        """Writes the archive of the application's image `name` and returns it.

        The same layers as app/Dockerfile makes, on Debian's Python. `changed` are files that differ from those in `source`,
        by their path in it: versions that are broken on purpose, for tests.
        """
        with tempfile.TemporaryDirectory(dir=folder) as made:
            top = Path(made) / "application.layer"
            with archive.layer(top) as layer:
                archive.put_folder(layer, "srv/app")
                for file in sorted([*source.rglob("*.py"), *(source / "static").iterdir()]):
                    path = str(file.relative_to(source))
                    content = (changed or {}).get(path, file.read_text())
                    archive.put(layer, f"srv/app/{path}", content.encode())
            image = Image(
                ("/usr/bin/python3",),
                ("-m", "app"),
                {"PYTHONPATH": "/srv:/srv/packages", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"},
                user=f"{APPLICATION_USER}:{APPLICATION_USER}",
                folder="/srv",
            )
            return _write(folder, name, image, [self._layer("python"), self._layer("wheels"), top])

    def _layer(self, name: str) -> Path:
        return self.folder / f"{name}.layer"


def ensure(requirements: Path, say: Say) -> Images:
    """The layers, from the cache or made now (a minute or two, 130 MB of packages). Raises RealNodeError."""
    digest = hashlib.sha256(requirements.read_bytes())
    for file in (__file__, packages.__file__, archive.__file__, _entry_point()):
        digest.update(Path(file).read_bytes())
    release = re.search(r"^VERSION_CODENAME=(\S+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    folder = places.cache() / f"real-node-{release[1] if release else 'unknown'}-{digest.hexdigest()[:8]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    return Images(obtain(folder, lambda made: _make(made, requirements, say), say))


def _make(folder: Path, requirements: Path, say: Say) -> None:
    for name, usual in PACKAGES.items():
        wanted = VALKEY if name == "cache" and packages.exists("valkey-server") else usual
        say(f"  images of the real node: {name}, of Debian's {wanted[0]}")
        with tempfile.TemporaryDirectory(dir=folder) as work:
            files = packages.download(wanted, Path(work))
            kept = [file for file in files if not NEVER_CALLED.match(file.name)]
            with archive.layer(folder / f"{name}.layer") as layer:
                packages.write_layer(kept, layer, QUERY_COMPILER)
                _finish(name, files, layer, folder)
            if name == "python":
                say("  images of the real node: the application's locked packages")
                _wheels(requirements, _version(files, r"python3\.(\d+)-minimal_"), folder / "wheels.layer", Path(work))


def _finish(name: str, files: Sequence[Path], layer: tarfile.TarFile, folder: Path) -> None:
    """What an image needs beside its packages: a user with a name, and for the servers how they are started."""
    user = {"postgresql": POSTGRESQL_USER, "cache": CACHE_USER, "python": APPLICATION_USER}.get(name, 65535)
    archive.put(layer, "etc/passwd", f"root:x:0:0::/:/\n{name}:x:{user}:{user}::/:/\n".encode())
    archive.put(layer, "etc/group", f"root:x:0:\n{name}:x:{user}:\n".encode())
    if name == "postgresql":
        (folder / "postgresql.version").write_text(_version(files, r"postgresql-(\d+)_"))
        archive.put(layer, "entrypoint.sh", _entry_point().read_bytes(), 0o755)
    if name == "cache":
        product = "valkey" if any(file.name.startswith("valkey") for file in files) else "redis"
        version = _version(files, rf"{product}-server_(?:\d+%3a)?([\d.]+)")
        (folder / "cache.version").write_text(f"{product}-{version}")
        if product == "redis":
            for program in ("server", "cli"):
                archive.put_link(layer, f"usr/bin/valkey-{program}", f"redis-{program}")


def _wheels(requirements: Path, minor: str, file: Path, work: Path) -> None:
    """The application's locked packages as a layer: wheels only, checked by their hashes, as in app/Dockerfile."""
    target = work / "wheels"
    done = subprocess.run(
        [
            *_uv(),
            "pip",
            "install",
            "--require-hashes",
            "--only-binary=:all:",
            f"--python-version=3.{minor}",
            f"--python-platform={platform.machine()}-unknown-linux-gnu",
            f"--target={target}",
            f"--requirement={requirements}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        end = "\n".join(f"  | {line}" for line in done.stderr.splitlines()[-8:])
        raise RealNodeError(f"The application's packages can't be had:\n{end}\nIs Python's package index in reach?")
    for described in (target / "botocore" / "data").iterdir():
        if described.is_dir() and described.name not in ("secretsmanager", "sts", "sso-oidc"):
            shutil.rmtree(described)
    shutil.rmtree(target / "bin", ignore_errors=True)
    if sys.version_info[:2] == (3, int(minor)):  # the same bytecode
        subprocess.run([sys.executable, "-m", "compileall", "-q", "-s", str(target), str(target)], check=False)
    with archive.layer(file) as layer:
        layer.add(target, "srv/packages", filter=_of_root)


def _uv() -> list[str]:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise RealNodeError("uv is missing: requirements-dev.txt has it; run `make environment`")
    return [found]


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode |= 0o444 if entry.isreg() else 0o555
    return entry


def _version(files: Sequence[Path], pattern: str) -> str:
    for file in files:
        found = re.match(pattern, file.name)
        if found:
            return found[1]
    raise RealNodeError(f"none of Debian's packages is called {pattern}: {', '.join(file.name for file in files)}")


def _entry_point() -> Path:
    return Path(__file__).with_name("postgresql.sh")


def _write(folder: Path, name: str, image: Image, layers: Sequence[Path]) -> Path:
    file = folder / f"{re.sub(r'[^a-z0-9.-]+', '-', name)}.tar"
    archive.write(file, name, image, layers)
    return file
