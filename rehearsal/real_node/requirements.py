"""What a machine must have for a real node: Linux, root, and a handful of Debian packages (installed when missing)."""

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from rehearsal.real_node.errors import RealNodeError
from rehearsal.say import Say

PLUGINS = Path("/usr/lib/cni")
"""Where Debian puts the network plugins."""

PACKAGES = {
    "buildah": "buildah",
    "containerd": "containerd",
    "runc": "runc",
    str(PLUGINS / "ptp"): "containernetworking-plugins",
    "nft": "nftables",
    "ip": "iproute2",
    "mount": "mount",
    "nsenter": "util-linux",
}
"""Program to the Debian package that has it."""

PUSHING = {"skopeo": "skopeo"}
"""Which no node needs: it puts an image into a registry."""


def hindrance() -> str | None:
    """Why this machine can't have a real node, or None."""
    if platform.system() != "Linux":
        return f"it needs Linux, and this is {platform.system()}"
    if os.geteuid() != 0:
        return "it needs root, for namespaces, mounts and cgroups"
    if shutil.which("apt-get") is None:
        return "it needs a Debian or one of its kind: images and programs come from its packages (no apt-get here)"
    return None


def ensure(say: Say) -> None:
    """Installs what is missing. Raises RealNodeError where that can't be done, with what to do."""
    found = hindrance()
    if found:
        raise RealNodeError(f"There can be no real node on this machine: {found}. Rehearse without NODE=real.")
    install(list(PACKAGES), say)


def install(programs: Sequence[str], say: Say) -> None:
    """Installs those of the programs (keys of PACKAGES or PUSHING) that are missing. Raises RealNodeError, with what to do."""
    known = PACKAGES | PUSHING
    packages = sorted({known[program] for program in programs if shutil.which(program) is None})
    if not packages:
        return
    told = f"Install Debian's {' '.join(packages)} or the like of it, and run the same command again."
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise RealNodeError(f"{', '.join(packages)} can't be installed without root and apt-get. {told}")
    say(f"installing Debian's {', '.join(packages)}")
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["/usr/bin/apt-get", "-q", *arguments],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        end = "\n".join(f"  | {line}" for line in done.stdout.splitlines()[-8:])
        raise RealNodeError(f"Debian's packages could not be installed:\n{end}\n{told}")
