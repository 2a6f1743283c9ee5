"""What kind of machine this is, in the words that release sites use."""

import platform
import sys

from rehearsal.toolchain.errors import NotAvailable


def operating_system() -> str:
    """`linux` or `darwin`; NotAvailable elsewhere, since no binaries for it are used here."""
    if sys.platform in ("linux", "darwin"):
        return sys.platform
    raise NotAvailable(f"no release for the operating system {sys.platform} is used here")


def architecture() -> str:
    """`amd64` or `arm64`; NotAvailable elsewhere."""
    known = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    machine = platform.machine().lower()
    if machine not in known:
        raise NotAvailable(f"no release for the processor {machine} is used here")
    return known[machine]
