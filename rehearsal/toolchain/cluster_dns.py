"""CoreDNS, for the real node: the official release, else built from the pinned Go module with the few plugins needed."""

from pathlib import Path

from rehearsal.say import Say
from rehearsal.toolchain import download, go, machine
from rehearsal.toolchain.ways import Way, by_go, first_open

MODULE = go.MODULES / "coredns"
VERSION = go.required_version(MODULE, "github.com/coredns/coredns").removeprefix("v")
RELEASES = "https://github.com/coredns/coredns/releases/download"
PROGRAM = "coredns"
DISK_GB = 1.0
"""From empty caches, in 10^9 bytes; with those of Kubernetes there, half of it."""


def ensure_cluster_dns(cache: Path, say: Say) -> Path:
    """The program. Raises ToolchainError with what was tried."""
    title, log = f"CoreDNS {VERSION}", cache / "logs" / f"coredns-{VERSION}.log"

    def build(tool: go.Go, folder: Path) -> None:
        go.build(tool, MODULE, ".", folder / PROGRAM, versions={}, disk_gb=DISK_GB, log=log, say=say)

    official = Way(
        "the official release",
        cache / f"coredns-{VERSION}-official",
        (PROGRAM,),
        lambda folder: _official(folder, say),
    )
    here = by_go(title, cache / f"coredns-{VERSION}", (PROGRAM,), "1 to 4 min on 2 cores", say, build)
    return first_open(title, [official, here], say) / PROGRAM


def _official(folder: Path, say: Say) -> None:
    name = f"coredns_{VERSION}_linux_{machine.architecture()}.tgz"
    site = f"{RELEASES}/v{VERSION}/{name}"
    packed = folder / name
    download.fetch(site, packed, download.fetch_text(f"{site}.sha256").split()[0], say)
    download.take_out(packed, PROGRAM, folder)
