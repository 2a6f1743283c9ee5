"""Is there room? Asked before a long build or download, not found out in the middle of it."""

import shutil
from pathlib import Path

from rehearsal.toolchain.errors import ToolchainError

GB = 1_000_000_000
FULL_BYTES = 30_000_000


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


CACHES = (
    "free some space (`go clean -cache -modcache` empties Go's caches), or put the caches on another disk with "
    "MARLINSPIKE_CACHE, GOCACHE and GOMODCACHE."
)


def require_free(needed_gb: dict[Path, float], what: str, to_do: str = CACHES) -> None:
    """Raises ToolchainError when a file system has less room than all the folders on it need together (GB = 10^9 bytes).

    `needed_gb` maps each folder (it need not exist yet) to what will be written below it; `what` names the work for the
    message, `to_do` says what helps.
    """
    by_device: dict[int, tuple[Path, float]] = {}
    for folder, gb in needed_gb.items():
        place = _existing(folder)
        device = place.stat().st_dev
        first, sum_gb = by_device.get(device, (folder, 0.0))
        by_device[device] = (first, sum_gb + gb)
    for folder, gb in by_device.values():
        free = shutil.disk_usage(_existing(folder)).free / GB
        if free < gb:
            raise ToolchainError(
                f"Too little disk space for {what}: {gb:.1f} GB needed, {free:.1f} GB free on the file system of {folder}.",
                to_do,
            )


def is_full(folder: Path) -> str | None:
    """That the file system of a folder (it need not exist yet) is as good as full, in words; None when it is not."""
    free = shutil.disk_usage(_existing(folder)).free
    return f"the disk of {folder} is full ({free / 1e6:.0f} MB free)" if free < FULL_BYTES else None
