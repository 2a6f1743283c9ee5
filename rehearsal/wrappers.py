"""The shell scripts through which the engine finds our plugins, in a folder that stands first on PATH."""

import shlex
import sys
from pathlib import Path

from rehearsal import places
from rehearsal.toolchain import Toolchain

PLUGINS = ("aws", "eks", "kubernetes")
"""The providers that are played here; `rehearsal.plugins.<name>` is the program of each."""

LANGUAGE_HOST = "pulumi-language-python"


def write_wrappers(folder: Path, toolchain: Toolchain) -> None:
    """Writes `pulumi-resource-{aws,eks,kubernetes}` into `folder`, and `pulumi-language-python` if the engine has none."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PLUGINS:
        _write(folder / f"pulumi-resource-{name}", f"rehearsal.plugins.{name}")
    own = folder / LANGUAGE_HOST
    if (toolchain.engine / LANGUAGE_HOST).exists():
        own.unlink(missing_ok=True)  # of a rehearsal with another engine
    else:
        _write(own, "rehearsal.language_host", "--exec", str(toolchain.engine / f"{LANGUAGE_HOST}-exec"))


def _write(file: Path, module: str, *arguments: str) -> None:
    command = shlex.join([sys.executable, "-m", module, *arguments])
    root = shlex.quote(str(places.repository()))
    # exec: the engine ends the process that it started, so no shell may stand between it and the plugin.
    # PYTHONPATH is set here and not for the engine: the program must not see `rehearsal` where a real deployment would
    # not have it.
    file.write_text(f'#!/bin/sh\nexport PYTHONPATH={root}"${{PYTHONPATH:+:$PYTHONPATH}}"\nexec {command} "$@"\n')
    file.chmod(0o755)
