"""A tool is had in the first way that is open: out of the cache, as its makers publish it, packed by Debian, built with Go."""

import os
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rehearsal.say import Say
from rehearsal.toolchain import go
from rehearsal.toolchain.errors import NotAvailable, ToolchainError
from rehearsal.toolchain.go import Go
from rehearsal.toolchain.store import cached, obtain


@dataclass(frozen=True)
class Way:
    """One way of getting a tool: what it is called, its own folder of the cache, and how that is filled."""

    name: str
    """For the list of what was tried: `the official release`."""

    folder: Path
    programs: tuple[str, ...]
    """Names that must then be in the folder."""

    make: Callable[[Path], None]
    """Fills the folder that it is given. Raises NotAvailable, TarError, LookupError or ValueError where this way is closed: what
    should come is not there, or not what it should be; anything else ends the search."""


def first_open(
    title: str,
    ways: Sequence[Way],
    say: Say,
    *,
    elsewhere: tuple[str, Callable[[], Path]] | None = None,
    to_do: str = "",
) -> Path:
    """The folder of the first of `ways` that is in the cache, else of the first that can be made.

    `elsewhere` is asked between the two: its name, and what gives a folder outside the cache or raises NotAvailable. `title`
    names the tool with its version. Raises ToolchainError with everything that was tried, and with `to_do`.
    """
    for way in ways:
        if cached(way.folder, say, required=way.programs):
            return way.folder
    tried: list[str] = []
    if elsewhere is not None:
        name, find = elsewhere
        try:
            return find()
        except NotAvailable as reason:
            tried.append(f"{name}: {reason}")
    for way in ways:
        try:
            return obtain(way.folder, way.make, say, required=way.programs)
        except (NotAvailable, tarfile.TarError, LookupError, ValueError) as reason:
            tried.append(f"{way.name}: {reason}")
    raise ToolchainError(
        f"{title[0].upper()}{title[1:]} can't be had.",
        to_do or f"install Go {go.WANTED_GO} or newer, or connect to the internet.",
        tried,
    )


def by_go(
    title: str, folder: Path, programs: tuple[str, ...], minutes: str, say: Say, build: Callable[[Go, Path], None]
) -> Way:
    """The last way: `build` with this machine's Go. `minutes` tells a person how long: `3 to 5 min on 2 cores`."""

    def make(part: Path) -> None:
        tool = go.find_go()
        say(f"building {title} with Go {tool.version} ({minutes} the first time, kept afterwards)")
        build(tool, part)

    return Way("a build with Go", folder, programs, make)


def from_debian(package: str, programs: dict[str, str], folder: Path) -> None:
    """Takes `programs` (file in the package to name) out of a package of this Debian's; nothing is installed.

    Raises NotAvailable where there is no Debian, or its package sources do not have it.
    """
    try:
        done = _apt(["download", package], folder)
        if done.returncode and os.geteuid() == 0:  # a new machine has no list of packages yet
            _apt(["update"], folder)
            done = _apt(["download", package], folder)
    except FileNotFoundError as reason:
        raise NotAvailable("this is no Debian") from reason
    archives = list(folder.glob("*.deb"))
    if done.returncode or len(archives) != 1:
        said = done.stderr.strip().splitlines()
        raise NotAvailable(f"apt-get has no {package} ({said[-1] if said else 'and gives no reason'})")
    unpacking = ["dpkg-deb", "--fsys-tarfile", str(archives[0])]
    with (
        subprocess.Popen(unpacking, stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as content,
    ):
        for member in content:
            name = programs.get(member.name.removeprefix("./"))
            if name is not None and member.isfile():
                member.name = name
                content.extract(member, folder, filter="data")
    archives[0].unlink()


def _apt(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["apt-get", "-qq", "-oAPT::Sandbox::User=root", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
