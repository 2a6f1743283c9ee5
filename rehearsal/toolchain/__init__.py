"""Gets what a rehearsal runs on: the Pulumi engine, the programs of Kubernetes, and the charts' custom resource definitions.

Everything is kept in the user's cache (`rehearsal.places.cache()`), verified by SHA-256 at each use, and made anew when
damaged.
"""

from dataclasses import dataclass
from pathlib import Path

from rehearsal import places
from rehearsal.say import Say
from rehearsal.toolchain.control_plane import ensure_control_plane
from rehearsal.toolchain.definitions import ensure_definitions
from rehearsal.toolchain.engine import ensure_engine
from rehearsal.toolchain.errors import ToolchainError

__all__ = ["Toolchain", "ToolchainError", "ensure"]


@dataclass(frozen=True)
class Toolchain:
    """Where the tools are."""

    engine: Path
    """Folder with `pulumi` and `pulumi-language-python-exec`; an official one has `pulumi-language-python` too."""

    control_plane: Path
    """Folder with etcd, kube-apiserver, -controller-manager, -scheduler, -proxy, kubelet, kubectl, kwok, metrics-server."""

    custom_resource_definitions: Path
    """Folder with `<chart name>/*.yaml`."""


def ensure(progress: Say) -> Toolchain:
    """Finds, downloads or builds each tool, whichever comes first; takes half a second when all are in the cache.

    `progress` gets one line at a time. Raises ToolchainError (a tool can't be had; says what was tried and what to do).
    May be called by several processes at once: one does the work, the others wait for it.
    """
    cache = places.cache()
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise ToolchainError(
            f"The tool cache {cache} can't be made: {reason.strerror}.",
            "set MARLINSPIKE_CACHE to a folder that you may write to.",
        ) from reason
    definitions = ensure_definitions(cache, progress)
    engine = ensure_engine(cache, progress)
    control_plane = ensure_control_plane(cache, progress)
    return Toolchain(engine=engine, control_plane=control_plane, custom_resource_definitions=definitions)
