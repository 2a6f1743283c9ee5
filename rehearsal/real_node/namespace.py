"""The network namespace of a real node: kept by a file in the node's own folder, with no way out of it."""

import os
import shlex
import subprocess
from pathlib import Path

from rehearsal.control_plane.certificates import NODE_ADDRESS
from rehearsal.control_plane.components import SERVICE_RANGE
from rehearsal.real_node.errors import RealNodeError

INTERFACE = "node0"


def exists(file: Path) -> bool:
    """Whether the namespace is there (a file without one is left by a machine that went down)."""
    return os.path.ismount(file)


def make(file: Path) -> None:
    """Makes the namespace, kept by a mount on `file`: no default route, and addresses of services lead to the node itself.

    One that is there stays as it is. Raises RealNodeError.
    """
    if exists(file):
        return
    file.touch(0o600)
    _run(["unshare", f"--net={file}", "true"])
    # A bridge without ports is an interface that any kernel has; kube-proxy rewrites what is sent to a service.
    script = f"""
    ip link set lo up
    ip link add {INTERFACE} type bridge
    ip address add {NODE_ADDRESS}/32 dev {INTERFACE}
    ip link set {INTERFACE} up
    ip route add {SERVICE_RANGE} dev {INTERFACE}
    echo 1 >/proc/sys/net/ipv4/ip_forward
    """
    try:
        _run(["nsenter", f"--net={file}", "sh", "-ec", script])
    except RealNodeError:
        remove(file)
        raise


def remove(file: Path) -> None:
    """Gives the namespace up; it is gone with the last program in it, and all its interfaces and rules with it."""
    while exists(file):
        try:
            _run(["umount", "--lazy", str(file)])
        except RealNodeError:
            if exists(file):  # and not taken away by another command meanwhile
                raise
    file.unlink(missing_ok=True)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RealNodeError(
            f"`{shlex.join(command[:2])}` failed: {done.stderr.strip()}. Inside a container, the real node needs a "
            "privileged one; otherwise rehearse without NODE=real."
        )
