"""CoreDNS, for the real node: the official release, else built from the pinned Go module with the few plugins needed."""

import tarfile
from pathlib import Path

from rehearsal.toolchain import download, go, machine
from rehearsal.toolchain.errors import NotAvailable, ToolchainError
from rehearsal.toolchain.store import Say, cached, obtain

MODULE = go.MODULES / "coredns"
VERSION = go.required_version(MODULE, "github.com/coredns/coredns").removeprefix("v")
RELEASES = "https://github.com/coredns/coredns/releases/download"
PROGRAM = "coredns"
DISK_GB = 1.0
"""From empty caches, in 10^9 bytes; with those of Kubernetes there, half of it."""


def ensure_cluster_dns(cache: Path, say: Say) -> Path:
    """The program. Raises ToolchainError with what was tried."""
    built, official = cache / f"coredns-{VERSION}", cache / f"coredns-{VERSION}-official"
    for folder in (built, official):
        if cached(folder, say, required=(PROGRAM,)):
            return folder / PROGRAM
    tried: list[str] = []
    try:
        return obtain(official, lambda folder: _official(folder, say), say, required=(PROGRAM,)) / PROGRAM
    except (NotAvailable, tarfile.TarError, KeyError) as reason:
        tried.append(f"the official release: {reason}")
    try:
        tool = go.find_go()
    except NotAvailable as reason:
        tried.append(f"a build with Go: {reason}")
        raise ToolchainError(
            f"CoreDNS {VERSION} can't be had.",
            f"install Go {go.WANTED_GO} or newer, or connect to the internet.",
            tried,
        ) from reason
    say(f"building CoreDNS {VERSION} with Go {tool.version} (1 to 4 min on 2 cores the first time, kept afterwards)")
    log = cache / "logs" / f"coredns-{VERSION}.log"

    def build(folder: Path) -> None:
        go.build(tool, MODULE, ".", folder / PROGRAM, versions={}, disk_gb=DISK_GB, log=log, say=say)

    return obtain(built, build, say, required=(PROGRAM,)) / PROGRAM


def _official(folder: Path, say: Say) -> None:
    name = f"coredns_{VERSION}_linux_{machine.architecture()}.tgz"
    site = f"{RELEASES}/v{VERSION}/{name}"
    packed = folder / name
    download.fetch(site, packed, download.fetch_text(f"{site}.sha256").split()[0], say)
    with tarfile.open(packed) as content:
        content.extract(PROGRAM, folder, filter="data")
    packed.unlink()
