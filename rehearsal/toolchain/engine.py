"""The Pulumi engine: the user's own where it fits, else the official release, else built from the pinned Go module.

The engine built here comes with `pulumi-language-python-exec` of the SDK module but without a language host: the Go
module proxy has none that works (`rehearsal.language_host` takes its place). The official release brings its own.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from rehearsal.say import Say
from rehearsal.toolchain import download, go, machine
from rehearsal.toolchain.errors import NotAvailable
from rehearsal.toolchain.go import Go
from rehearsal.toolchain.ways import Way, by_go, first_open

MODULE = go.MODULES / "engine"
PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
VERSION = go.required_version(MODULE, "github.com/pulumi/pulumi/pkg/v3").removeprefix("v")

OLDEST = (3, 256, 0)
TOO_NEW = (4, 0, 0)
NEEDED = "3.256.0 or newer, below 4"

EXEC = "pulumi-language-python-exec"
LANGUAGE_HOST = "pulumi-language-python"

DISK_GB = 3.5
"""From empty caches, in 10^9 bytes. Measured on Linux x86-64: modules 1.4; build cache with that of Kubernetes 2.9."""

RELEASES = "https://github.com/pulumi/pulumi/releases/download"


def ensure_engine(cache: Path, say: Say) -> Path:
    """The folder with `pulumi` and `pulumi-language-python-exec`; with `pulumi-language-python` too unless it was built here.

    Raises ToolchainError with everything that was tried.
    """
    title, built = f"the Pulumi engine {VERSION}", cache / f"pulumi-{VERSION}"
    official = Way(
        "the official release",
        cache / f"pulumi-{VERSION}-official",
        ("pulumi", EXEC, LANGUAGE_HOST),
        lambda folder: _official(folder, say),
    )
    here = by_go(
        title,
        built,
        ("pulumi", EXEC),
        "3 to 5 min on 2 cores",
        say,
        lambda tool, folder: _build(tool, folder, cache, say),
    )
    return first_open(
        title,
        [official, here],
        say,
        elsewhere=("a pulumi on PATH", lambda: on_path(say)),
        to_do=f"install Go {go.WANTED_GO} or newer, or connect to the internet, or put a pulumi that is {NEEDED} on PATH.",
    )


def on_path(say: Say, path: str | None = None) -> Path:
    """The folder of the first `pulumi` on PATH (or `path`), if it fits and has its own Python language host beside it.

    Raises NotAvailable, and says which version was found and which is needed, for one that doesn't.
    """
    found = shutil.which("pulumi", path=path)
    if found is None:
        raise NotAvailable("there is none")
    try:
        answer = subprocess.run(
            [found, "version"],
            capture_output=True,
            text=True,
            timeout=15,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            check=False,
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired) as reason:
        answer = f"({reason})"
    numbers = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)(\S*)", answer)
    version = (int(numbers[1]), int(numbers[2]), int(numbers[3])) if numbers else None
    if version is None or not OLDEST <= version < TOO_NEW:
        reason_ = f"{found} is version {answer or 'unknown'}, needed is {NEEDED}"
        say(f"passing over the pulumi on PATH: {reason_}")
        raise NotAvailable(reason_)
    folder = Path(found).resolve().parent
    for name in (LANGUAGE_HOST, EXEC):
        if not os.access(folder / name, os.X_OK):
            reason_ = f"{found} has no {name} beside it ({folder})"
            say(f"passing over the pulumi on PATH: {reason_}")
            raise NotAvailable(reason_)
    return folder


def _official(folder: Path, say: Say) -> None:
    """Puts the official release's programs into `folder`."""
    architecture = {"amd64": "x64", "arm64": "arm64"}[machine.architecture()]
    archive = f"pulumi-v{VERSION}-{machine.operating_system()}-{architecture}.tar.gz"
    site = f"{RELEASES}/v{VERSION}"
    wanted = rf"pulumi/(pulumi|{LANGUAGE_HOST}\S*|pulumi-analyzer-policy-python)"
    download.fetch_release(site, archive, f"pulumi-{VERSION}-checksums.txt", wanted, folder, say)


def _build(tool: Go, folder: Path, cache: Path, say: Say) -> None:
    log = cache / "logs" / f"pulumi-{VERSION}.log"
    # Without this variable the engine calls itself 3.0.0-dev, and the Automation API's version check refuses it.
    versions = {"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": f"v{VERSION}"}
    go.build(tool, MODULE, PACKAGE, folder / "pulumi", versions=versions, disk_gb=DISK_GB, log=log, say=say)
    sdk = go.download(tool, MODULE, "github.com/pulumi/pulumi/sdk/v3", say=say)
    shutil.copyfile(sdk / "python" / "cmd" / EXEC, folder / EXEC)
    (folder / EXEC).chmod(0o755)
