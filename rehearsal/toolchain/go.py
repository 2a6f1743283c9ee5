"""Builds a Go program from a module folder of this repository, with exactly the versions that its committed go.sum pins."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rehearsal.say import Say
from rehearsal.toolchain.disk import require_free
from rehearsal.toolchain.errors import NotAvailable, ToolchainError
from rehearsal.toolchain.pace import Pace

MODULES = Path(__file__).parent / "go"
"""The pinned modules, one folder each."""

OLDEST_GO = (1, 21)
"""From 1.21 on Go fetches by itself the newer Go that a go.mod asks for; an older one can't even read our go.mod."""

WANTED_GO = "1.26"

STANDARD_PLACE = "/usr/local/go/bin"
"""Where Go's own installer puts it; its users often forget PATH."""

_NO_NETWORK = re.compile(
    r"no such host|dial tcp|network is unreachable|i/o timeout|connection refused|TLS handshake timeout|proxyconnect"
    r"|no route to host|Temporary failure in name resolution|module lookup disabled",
)

LOG_LINES_SHOWN = 12

_CONNECT = "connect to the internet, or set GOPROXY to a module proxy that this machine reaches, and run the same command again."


@dataclass(frozen=True)
class Go:
    """A Go tool chain that can build the pinned modules."""

    command: Path
    version: str
    module_cache: Path
    build_cache: Path


def find_go(path: str | None = None) -> Go:
    """The `go` of PATH (or of `path`), or the one in Go's standard place of installation.

    Raises NotAvailable when there is none, or only one that is too old to read a modern go.mod; the message says which
    was found.
    """
    found = shutil.which("go", path=path) or (shutil.which("go", path=STANDARD_PLACE) if path is None else None)
    if found is None:
        raise NotAvailable("Go is not installed (no `go` on PATH)")
    answer = subprocess.run(
        [found, "env", "-json", "GOVERSION", "GOMODCACHE", "GOCACHE"],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    if answer.returncode != 0:
        raise NotAvailable(f"{found} does not work: {answer.stderr.strip()}")
    facts = json.loads(answer.stdout)
    numbers = re.match(r"go(\d+)\.(\d+)", facts["GOVERSION"])
    if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST_GO:
        raise NotAvailable(
            f"{found} is {facts['GOVERSION'] or 'of an unknown version'}; Go {WANTED_GO} or newer is needed"
        )
    return Go(Path(found), facts["GOVERSION"].removeprefix("go"), Path(facts["GOMODCACHE"]), Path(facts["GOCACHE"]))


def environment() -> dict[str, str]:
    """The environment of every call of `go`: go.mod decides, not a workspace or flags that the user has for other work."""
    return {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"}


def build(
    go: Go,
    module: Path,
    package: str,
    output: Path,
    *,
    versions: Mapping[str, str],
    disk_gb: float,
    log: Path,
    say: Say,
    pace: Pace | None = None,
) -> None:
    """Builds `package` as seen from the folder `module` into the file `output`.

    `versions` are variables set in the program (`-ldflags -X`). `disk_gb`: what Go's caches and the result need from
    nothing, in 10^9 bytes. Raises ToolchainError: too little disk, no network, or a failed build with the last lines of
    `log` and its path.
    """
    # What is downloaded and compiled lands in Go's own caches, about half and half; the program itself is small.
    require_free(
        {go.build_cache: disk_gb * 0.5, go.module_cache: disk_gb * 0.45, output.parent: disk_gb * 0.05},
        f"building {output.name}",
    )
    set_versions = [f"-X {variable}={value}" for variable, value in versions.items()]
    command = [
        str(go.command),
        "build",
        "-v",
        "-trimpath",
        "-ldflags",
        " ".join(["-s", "-w", *set_versions]),
        "-o",
        str(output),
        package,
    ]
    log.parent.mkdir(parents=True, exist_ok=True)
    pace = pace or Pace(say)
    with log.open("w+") as written:
        # A session of its own, so that an interrupt reaches the compilers through us and none of them outlives this
        # process.
        process = subprocess.Popen(
            command,
            cwd=module,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                time.sleep(0.2)
                if pace.due():
                    say(f"  building {output.name}: {_stage(log)}, {pace.seconds:.0f} s")
        finally:
            _end(process)
    if process.returncode != 0:
        raise _failure(output.name, log)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a build that still runs, and the compilers that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _stage(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    downloaded = sum(line.startswith("go: downloading") for line in lines)
    compiled = sum(not line.startswith("go: ") for line in lines)
    if compiled:
        return f"{compiled} packages compiled (now {lines[-1]})"
    return f"{downloaded} modules downloaded" if downloaded else "reading the modules"


def _failure(name: str, log: Path) -> ToolchainError:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    shown = "\n".join(f"  | {line}" for line in lines[-LOG_LINES_SHOWN:])
    end = f"{shown}\n  whole log: {log}"
    text = "\n".join(lines)
    if _NO_NETWORK.search(text):
        return ToolchainError(
            f"{name} can't be built: Go can't reach its module proxy; there is no network, or none of the kind needed.\n{end}",
            _CONNECT,
        )
    if "no space left on device" in text:
        return ToolchainError(
            f"{name} can't be built: the disk is full.\n{end}",
            "free some space (`go clean -cache` empties Go's build cache) and run the same command again.",
        )
    return ToolchainError(
        f"{name} can't be built: `go build` failed.\n{end}",
        "read the log; if the reason is not this machine, the pins and the source in rehearsal/toolchain/go disagree.",
    )


def download(go: Go, module: Path, path: str, *, say: Say, pace: Pace | None = None) -> Path:
    """The folder in Go's module cache with the module `path`, of the version in `module`/go.mod, checked by its go.sum.

    Raises ToolchainError when it can't be had or is not what go.sum pins.
    """
    version = required_version(module, path)
    process = subprocess.Popen(
        [str(go.command), "mod", "download", "-json", f"{path}@{version}"],
        cwd=module,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    pace = pace or Pace(say)
    try:
        while True:
            try:
                answer, errors = process.communicate(timeout=0.5)
                break
            except subprocess.TimeoutExpired:
                pace.tell(f"  downloading {path} {version}, {pace.seconds:.0f} s")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    facts = json.loads(answer) if answer.strip() else {}
    problem = facts.get("Error") or (errors.strip() if process.returncode else "")
    if problem:
        raise ToolchainError(
            f"The module {path} {version} can't be had: {problem}",
            _CONNECT
            if _NO_NETWORK.search(problem)
            else f"compare it with {module / 'go.sum'}: its content differs from what was pinned, or it is gone from the proxy.",
        )
    pinned = f"{path} {version} {facts['Sum']}"
    if pinned not in (module / "go.sum").read_text().splitlines():
        raise ToolchainError(
            f"The module {path} {version} is not the one that {module / 'go.sum'} pins.",
            "don't use it: somebody replaced its content.",
        )
    return Path(facts["Dir"])


def required_version(module: Path, path: str) -> str:
    """The version of module `path` in `module`/go.mod, for example `v3.256.0`."""
    found = re.search(rf"^\s*(?:require )?{re.escape(path)} (v\S+)", (module / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{module / 'go.mod'} does not require {path}")
    return found[1]
