"""Programs that the tests run and that pip does not bring: those of the machine, else of Debian's packages."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


class ServerError(Exception):
    """A server of the tests can't be had; the message says what to install."""


def postgresql_binaries() -> Path:
    """Folder with `postgres` and `initdb`. Raises `ServerError`."""
    return Path(_found(_postgresql, "postgresql", "no PostgreSQL server: install the package postgresql (14 or newer)"))


def cache_binary() -> str:
    """`valkey-server` or `redis-server`. Raises `ServerError`."""
    missing = "no cache server: install valkey or redis (7 or newer)"
    return _found(lambda: _on_path("valkey-server", "redis-server"), "redis-server", missing)


def browser_binary() -> str:
    """Chromium or Chrome. Raises `ServerError`."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return _found(lambda: _on_path(*names), "chromium", "no browser: install chromium")


def library(package: str, name: str) -> str:
    """Path of a shared library. Raises `ServerError`."""

    def find() -> str | None:
        folders = (Path("/usr/lib"), Path("/usr/local/lib"))
        return next((str(file) for folder in folders for file in folder.glob(f"**/{name}")), None)

    return _found(find, package, f"no {name}: install {package}")


def _found(find: Callable[[], str | None], package: str, missing: str) -> str:
    """What is found here, if need be after the package has been installed."""
    found = find()
    if found is None:
        _install(package)
        found = find()
    if found is None:
        raise ServerError(f"{missing}, then run the tests again")
    return found


def _on_path(*names: str) -> str | None:
    return next((found for name in names if (found := shutil.which(name))), None)


def _postgresql() -> str | None:
    def version(folder: Path) -> int:
        return int(folder.parent.name) if folder.parent.name.isdigit() else 0

    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=version, reverse=True):
        if (folder / "initdb").exists():
            return str(folder)
    on_path = shutil.which("initdb")
    return str(Path(on_path).resolve().parent) if on_path else None


def _install(package: str) -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ServerError(
            f"{package} is missing, and only root on Debian or Ubuntu can install it here: install it yourself"
        )
    print(f"installing {package} ...", file=sys.stderr, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", package]):
        done = subprocess.run(["apt-get", "-qq", *command], check=False, env=environment, stdout=subprocess.DEVNULL)
    if done.returncode:
        raise ServerError(f"apt-get could not install {package} (status {done.returncode}); see its message above")
