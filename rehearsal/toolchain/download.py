"""Official downloads: is the site reachable at all, and is what came what its makers published?"""

import hashlib
import http.client
import re
import socket
import tarfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from rehearsal.say import Say
from rehearsal.toolchain.errors import NotAvailable
from rehearsal.toolchain.pace import Pace

CONNECT_SECONDS = 3.0
"""A site that does not answer within that time is taken as not reachable: waiting for a dead line helps nobody."""

READ_SECONDS = 30.0

_reachable: dict[tuple[str, int], bool] = {}


def _address(url: str) -> tuple[str, int]:
    """Host and port to connect to for `url`: those of the proxy, where the environment names one."""
    parts = urllib.parse.urlsplit(url)
    proxies = urllib.request.getproxies()
    if parts.hostname and not urllib.request.proxy_bypass(parts.hostname) and parts.scheme in proxies:
        parts = urllib.parse.urlsplit(proxies[parts.scheme])
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _connects(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, CONNECT_SECONDS):
            return True
    except OSError:
        return False


def reachable(url: str) -> bool:
    """Whether the site of `url` takes a connection within a few seconds.

    Asked once for each site and run of the program.
    """
    address = _address(url)
    if address not in _reachable:
        answer: list[bool] = []
        # A thread, because looking up a name has no time limit of its own.
        asking = threading.Thread(target=lambda: answer.append(_connects(address)), daemon=True)
        asking.start()
        asking.join(CONNECT_SECONDS + 1)
        _reachable[address] = bool(answer and answer[0])
    return _reachable[address]


def require_reachable(url: str) -> None:
    """Raises NotAvailable when the site of `url` can't be reached from here."""
    if not reachable(url):
        raise NotAvailable(f"{urllib.parse.urlsplit(url).hostname} is not reachable from here")


def fetch_text(url: str) -> str:
    """The text at `url`; NotAvailable when it can't be had."""
    require_reachable(url)
    try:
        with urllib.request.urlopen(url, timeout=READ_SECONDS) as answer:  # noqa: S310 - our own constants
            content: bytes = answer.read()
    except (OSError, http.client.HTTPException) as reason:
        raise NotAvailable(f"{url}: {_why(reason)}") from reason
    return content.decode()


def fetch(url: str, file: Path, expected_sha256: str | None, say: Say) -> None:
    """Writes what is at `url` to `file`.

    Raises NotAvailable when it can't be had, or has another SHA-256 than its makers published. None is for what the caller
    checks by other means.
    """
    require_reachable(url)
    pace, digest, got = Pace(say), hashlib.sha256(), 0
    say(f"  downloading {url}")
    try:
        with (
            urllib.request.urlopen(url, timeout=READ_SECONDS) as answer,  # noqa: S310 - our own constants
            file.open("wb") as written,
        ):
            total = int(answer.headers.get("Content-Length") or 0)
            while block := answer.read(1 << 20):
                written.write(block)
                digest.update(block)
                got += len(block)
                pace.tell(f"  downloading {file.name}: {got / 1e6:.0f}{f' of {total / 1e6:.0f}' if total else ''} MB")
    except (OSError, http.client.HTTPException) as reason:
        raise NotAvailable(f"{url}: {_why(reason)}") from reason
    if expected_sha256 is not None and digest.hexdigest() != expected_sha256.lower():
        file.unlink()
        raise NotAvailable(f"{url} has the SHA-256 {digest.hexdigest()}, its makers published {expected_sha256}")


def published_sha256(checksums: str, name: str) -> str:
    """The SHA-256 of file `name` in a list as `sha256sum` writes it. Raises NotAvailable when it isn't listed."""
    for line in checksums.splitlines():
        digest, _, listed = line.strip().partition(" ")
        if listed.strip().lstrip("*") == name:
            return digest
    raise NotAvailable(f"the published checksums do not list {name}")


def fetch_release(site: str, archive: str, checksums: str, pattern: str, folder: Path, say: Say) -> None:
    """Puts files of an archive of a release into `folder`, as `take_out` does; `checksums` is the release's list of SHA-256s.

    Raises NotAvailable, and what `take_out` raises.
    """
    published = published_sha256(fetch_text(f"{site}/{checksums}"), archive)
    fetch(f"{site}/{archive}", folder / archive, published, say)
    take_out(folder / archive, pattern, folder)


def take_out(packed: Path, pattern: str, folder: Path) -> None:
    """Puts the regular files of an archive whose whole name matches into `folder`, by their last name; removes the archive.

    Raises KeyError when there is none, TarError for what is no archive.
    """
    found = False
    with tarfile.open(packed) as content:
        for member in content:
            if member.isfile() and re.fullmatch(pattern, member.name):
                member.name = Path(member.name).name
                content.extract(member, folder, filter="data")
                found = True
    if not found:
        raise KeyError(f"{packed.name} has no file {pattern}")
    packed.unlink()


def _why(reason: Exception) -> str:
    return str(reason.reason) if isinstance(reason, urllib.error.URLError) else str(reason)
