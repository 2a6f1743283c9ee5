"""Packages of Python in a folder of their own in the tool cache, for programs whose versions are not the project's."""

import platform
import subprocess
import sys
import time
from pathlib import Path

from rehearsal.say import Say
from rehearsal.toolchain.disk import require_free
from rehearsal.toolchain.errors import ToolchainError
from rehearsal.toolchain.pace import Pace
from rehearsal.toolchain.store import obtain, sha256

_NO_NETWORK = ("NewConnectionError", "ConnectTimeoutError", "ProxyError", "Read timed out", "(from versions: none)")


def ensure_packages(
    cache: Path, name: str, lock: Path, what: str, gigabytes: float, required: tuple[str, ...], say: Say
) -> Path:
    """The folder with the packages of a lock file with hashes, to be put on the path of this Python; installed if not there.

    `required` names what must lie in it. Raises ToolchainError, which says what was tried and what to do.
    """
    # Compiled packages fit one minor version of Python only, and another lock file is another set of packages.
    python = ".".join(platform.python_version_tuple()[:2])
    folder = cache / f"{name}-{sha256(lock)[:8]}-python{python}"
    log = cache / "logs" / f"{name}.log"

    def install(part: Path) -> None:
        require_free({part: gigabytes}, what)
        _install(part, lock, what, log, say)

    return obtain(folder, install, say, required=required)


def _install(folder: Path, lock: Path, what: str, log: Path, say: Say) -> None:
    say(f"installing {what} (about a minute the first time, kept afterwards)")
    # A folder of packages, not a virtual environment: it may be moved, and so is whole or not there.
    command = [
        *(sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"),
        *("--no-compile", "--require-hashes", "--no-deps", "--target", str(folder), "--requirement", str(lock)),
    ]
    log.parent.mkdir(parents=True, exist_ok=True)
    pace = Pace(say)
    with log.open("w") as written:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=written, stderr=written)
        try:
            while process.poll() is None:
                time.sleep(0.2)
                if pace.due():
                    packages = log.read_text(errors="replace").count("Collecting ")
                    say(f"  installing {what}: {packages} packages, {pace.seconds:.0f} s")
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode != 0:
        text = log.read_text(errors="replace")
        errors = [line for line in text.splitlines() if line.startswith("ERROR")]
        raise ToolchainError(
            f"{what} can't be installed: " + (" ".join(errors[-2:]) or "pip failed") + f"\n  whole log: {log}",
            "connect to the internet, or name a mirror of Python's packages with PIP_INDEX_URL, and run the same command again."
            if any(sign in text for sign in _NO_NETWORK)
            else f"read the log; if {lock} does not fit this Python, compile it anew with `make lock`.",
        )
