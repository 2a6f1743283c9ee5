"""Prometheus with promtool, and Alertmanager with amtool: the official releases, else Debian's package, else built with Go.

Debian's Prometheus is years older and knows all that the platform's rules say; with it nothing is built for minutes. What was
found tells its version (`version_of`), and tests print it.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rehearsal import places
from rehearsal.say import Say
from rehearsal.toolchain import download, go, machine
from rehearsal.toolchain.go import Go
from rehearsal.toolchain.ways import Way, by_go, first_open, from_debian

MODULE = go.MODULES / "monitoring"
"""Pins both. Newer ones are not to be built from their modules: Prometheus since 3.8 needs a module that no proxy has, and
Alertmanager since 0.32 a page that is made with another language's tools."""

DISK_GB = 2.5
"""From empty caches, in 10^9 bytes."""


@dataclass(frozen=True)
class _Project:
    name: str
    module: str
    programs: tuple[str, ...]
    package: str | None = None
    """Debian's, where it is new enough; it has the programs in /usr/bin."""

    @property
    def version(self) -> str:
        """As its releases are called. Prometheus 3.7.3 is version 0.307.3 of its Go module."""
        pinned = go.required_version(MODULE, self.module).removeprefix("v")
        numbered = re.fullmatch(r"0\.(\d)(\d\d)\.(\d+)", pinned)
        return f"{numbered[1]}.{int(numbered[2])}.{numbered[3]}" if numbered else pinned


PROMETHEUS = _Project(
    "prometheus", "github.com/prometheus/prometheus", ("prometheus", "promtool"), package="prometheus"
)
ALERTMANAGER = _Project("alertmanager", "github.com/prometheus/alertmanager", ("alertmanager", "amtool"))
"""Debian's 0.25 reads the addresses of webhooks and of Discord from no file, so it refuses the platform's configuration."""


@dataclass(frozen=True)
class MonitoringTools:
    """Where the programs are."""

    prometheus: Path
    promtool: Path
    alertmanager: Path
    amtool: Path


def ensure_monitoring(say: Say) -> MonitoringTools:
    """Finds, downloads or builds each program. Raises ToolchainError, which says what was tried and what to do."""
    cache = places.cache()
    cache.mkdir(parents=True, exist_ok=True)
    prometheus, alertmanager = (_ensure(project, cache, say) for project in (PROMETHEUS, ALERTMANAGER))
    return MonitoringTools(
        prometheus=prometheus / "prometheus",
        promtool=prometheus / "promtool",
        alertmanager=alertmanager / "alertmanager",
        amtool=alertmanager / "amtool",
    )


def version_of(program: Path) -> str:
    """What a program says of itself: `2.42.0+ds`."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"version (\S+)", said.stdout + said.stderr)
    return found[1].rstrip(",") if found else "unknown"


def _ensure(project: _Project, cache: Path, say: Say) -> Path:
    name, programs, package = project.name, project.programs, project.package
    title = f"{name} {project.version}"
    folder = f"{name}-{project.version}"
    ways = [
        Way("the official release", cache / f"{folder}-official", programs, lambda part: _official(project, part, say)),
        by_go(
            title,
            cache / folder,
            programs,
            "2 to 6 min on 2 cores",
            say,
            lambda tool, part: _build(tool, project, part, cache, say),
        ),
    ]
    if package is not None:
        files = {f"usr/bin/{program}": program for program in programs}
        ways.insert(
            1,
            Way("Debian's package", cache / f"{name}-debian", programs, lambda part: from_debian(package, files, part)),
        )
    return first_open(title, ways, say)


def _official(project: _Project, folder: Path, say: Say) -> None:
    version = project.version
    release = f"{project.name}-{version}.{machine.operating_system()}-{machine.architecture()}"
    site = f"https://{project.module}/releases/download/v{version}"
    wanted = f"{release}/({'|'.join(project.programs)})"
    download.fetch_release(site, f"{release}.tar.gz", "sha256sums.txt", wanted, folder, say)


def _build(tool: Go, project: _Project, folder: Path, cache: Path, say: Say) -> None:
    for program in project.programs:
        go.build(
            tool,
            MODULE,
            f"{project.module}/cmd/{program}",
            folder / program,
            versions={"github.com/prometheus/common/version.Version": project.version},
            disk_gb=DISK_GB,
            log=cache / "logs" / f"{program}.log",
            say=say,
        )
