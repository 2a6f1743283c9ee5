"""Debian packages as a layer of an image: what a package needs, downloaded and put into a tar file, nothing installed."""

import re
import subprocess
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from rehearsal.image import layer as layers
from rehearsal.image.errors import ImageError

MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Folders that Debian has under /usr, with links in their place (Debian wiki, "UsrMerge")."""

LEFT_OUT = re.compile(r"usr/share/(doc|man|info|locale|lintian|bash-completion|perl)/|usr/share/i18n/|var/cache/")


NEVER_CALLED = re.compile(
    r"(perl|lib[\w-]*perl|libllvm|libz3|usrmerge|init-system|sysvinit|debconf|adduser|passwd|dpkg|tar|lib(pam-|sem|sepol)"
    r"|postgresql-common|postgresql-client-common|ssl-cert|openssl|ucf|locales|libc-l10n|lsb|ca-certificates)[\w.+-]*_"
)
"""Dependencies of maintainers' scripts, which don't run here, and of PostgreSQL's compiler for queries, a mere speed-up."""
DESCRIPTIONS = "var/lib/dpkg/status.d"
"""Where images without dpkg keep what Debian packages they are made of: scanners look there, as they do for distroless ones."""
QUERY_COMPILER = r"usr/lib/postgresql/\d+/lib/(llvmjit|bitcode)"


def fill(layer: tarfile.TarFile, wanted: Sequence[str], work: Path, user: str, number: int) -> list[Path]:
    """Puts packages, all that they need, and a user into a layer; returns the packages' files, in the folder `work`.

    Raises ImageError.
    """
    kept = [file for file in download(wanted, work) if not NEVER_CALLED.match(file.name)]
    write_layer(kept, layer, QUERY_COMPILER)
    for file in kept:
        description = subprocess.run(
            ["/usr/bin/dpkg-deb", "--field", str(file)], capture_output=True, check=True
        ).stdout
        layers.put(layer, f"{DESCRIPTIONS}/{file.name.partition('_')[0]}", description)
    layers.put(layer, "etc/passwd", f"root:x:0:0::/:/\n{user}:x:{number}:{number}::/:/\n".encode())
    layers.put(layer, "etc/group", f"root:x:0:\n{user}:x:{number}:\n".encode())
    return kept


def exists(package: str) -> bool:
    """Whether this machine's package sources have it."""
    return bool(_apt(["apt-cache", "madison", package]).strip())


def download(packages: Sequence[str], folder: Path) -> list[Path]:
    """The files of `packages` and of everything that they depend on, as for a machine where nothing is installed yet.

    Raises ImageError in apt's words.
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
        layers.put_folder(layer, folder)
    for name in MERGED:
        seen.add(name)
        layers.put_link(layer, name, f"usr/{name}")
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
            raise ImageError(f"{file.name} can't be unpacked; run the same command again")


def _merged(path: str) -> str:
    plain = str(PurePosixPath(path.removeprefix("./") or "."))
    first = plain.partition("/")[0]
    return f"usr/{plain}" if first in MERGED else plain


def _apt(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        end = "\n".join(f"  | {line}" for line in (done.stdout + done.stderr).splitlines()[-8:])
        raise ImageError(
            f"Debian's packages can't be had ({' '.join(command[:2])}):\n{end}\n"
            "Run `apt-get update`, see that the package sources can be reached, and run the same command again."
        )
    return done.stdout
