"""Debian packages as a layer of an image: what a package needs, downloaded and put into a tar file, nothing installed."""

import re
import subprocess
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from rehearsal.real_node import archive
from rehearsal.real_node.errors import RealNodeError

MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Folders that Debian has under /usr, with links in their place (Debian wiki, "UsrMerge")."""

LEFT_OUT = re.compile(r"usr/share/(doc|man|info|locale|lintian|bash-completion|perl)/|usr/share/i18n/|var/cache/")


def exists(package: str) -> bool:
    """Whether this machine's package sources have it."""
    return bool(_apt(["apt-cache", "madison", package]).strip())


def download(packages: Sequence[str], folder: Path) -> list[Path]:
    """The files of `packages` and of everything that they depend on, as for a machine where nothing is installed yet.

    Raises RealNodeError in apt's words.
    """
    nothing_installed = folder / "status"
    nothing_installed.touch()
    archives = folder / "archives"
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    _apt(
        [
            "apt-get",
            "install",
            "-q",
            "-y",
            "--no-install-recommends",
            "--download-only",
            f"-oDir::State::Status={nothing_installed}",
            f"-oDir::Cache::Archives={archives}",
            "-oAPT::Sandbox::User=root",  # else apt complains that its own user can't read the folder
            *packages,
        ]
    )
    return sorted(archives.glob("*.deb"))


def write_layer(files: Iterable[Path], layer: tarfile.TarFile, without: str) -> None:
    """Puts the content of packages into a layer: no documentation, and no paths that begin with the pattern `without`."""
    seen = {"."}
    for folder in ("usr", *(f"usr/{name}" for name in MERGED)):
        seen.add(folder)
        archive.put_folder(layer, folder)
    for name in MERGED:
        seen.add(name)
        archive.put_link(layer, name, f"usr/{name}")
    for file in files:
        with (
            subprocess.Popen(["/usr/bin/dpkg-deb", "--fsys-tarfile", str(file)], stdout=subprocess.PIPE) as unpacking,
            tarfile.open(fileobj=unpacking.stdout, mode="r|") as content,
        ):
            for member in content:
                path = _merged(member.name)
                if path in seen or LEFT_OUT.match(f"{path}/") or re.match(without, path):
                    continue
                seen.add(path)
                member.name = path
                if member.islnk():
                    member.linkname = _merged(member.linkname)
                member.mode &= ~0o6000  # no program of an image changes its user
                layer.addfile(member, content.extractfile(member) if member.isreg() else None)
        if unpacking.returncode != 0:
            raise RealNodeError(f"{file.name} can't be unpacked; run the same command again")


def _merged(path: str) -> str:
    plain = str(PurePosixPath(path.removeprefix("./") or "."))
    first = plain.partition("/")[0]
    return f"usr/{plain}" if first in MERGED else plain


def _apt(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        end = "\n".join(f"  | {line}" for line in (done.stdout + done.stderr).splitlines()[-8:])
        raise RealNodeError(
            f"Debian's packages can't be had ({' '.join(command[:2])}):\n{end}\n"
            "Run `apt-get update`, see that the package sources can be reached, and run the same command again."
        )
    return done.stdout
