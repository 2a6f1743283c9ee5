"""Which Python runs a program, what is installed for it, and which plugins that needs."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pulumi.runtime.proto import plugin_pb2


class HostError(Exception):
    """A program can't be started; the message says why and what to change."""


@dataclass(frozen=True)
class Runtime:
    """Which Python runs a program, from the section `runtime.options` of its Pulumi.yaml."""

    python: Path
    virtual_environment: Path | None = None
    type_checker: Literal["mypy", "pyright"] | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any], root: Path) -> "Runtime":
        """Reads the options `virtualenv` (relative to `root`), `toolchain` and `typechecker`.

        Without a virtual environment the program runs on the Python of this host.
        Raises HostError for a folder that is no virtual environment, and for options that this host does not know.
        """
        unknown = sorted(set(options) - {"virtualenv", "toolchain", "typechecker"})
        if unknown:
            raise HostError(
                f"runtime option {unknown[0]!r} in Pulumi.yaml is not known to the rehearsal's language host "
                "(virtualenv, toolchain and typechecker are)"
            )
        toolchain = options.get("toolchain", "pip")
        if toolchain not in ("pip", "uv"):
            raise HostError(
                f"runtime option toolchain: {toolchain} in Pulumi.yaml is not known to the rehearsal's language host "
                "(pip and uv are)"
            )
        checker = options.get("typechecker") or None
        if checker not in (None, "mypy", "pyright"):
            raise HostError(
                f"runtime option typechecker: {checker} in Pulumi.yaml is unknown (mypy and pyright are known)"
            )
        named = options.get("virtualenv") or (".venv" if toolchain == "uv" else None)
        if not named:
            return cls(Path(sys.executable), type_checker=checker)
        folder = root / str(named)
        python = folder / "bin" / "python"
        if not python.exists():
            raise HostError(
                f"the 'virtualenv' option in Pulumi.yaml is {named!r}, but {folder} is no virtual environment: "
                f"make it with `python -m venv {folder}` and install requirements.txt in it"
            )
        return cls(python, folder, checker)

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base`, and the virtual environment activated in it as its `activate` script would."""
        if self.virtual_environment is None:
            return dict(base)
        activated = {
            **base,
            "VIRTUAL_ENV": str(self.virtual_environment),
            "PATH": f"{self.virtual_environment / 'bin'}{os.pathsep}{base.get('PATH', '')}",
        }
        activated.pop("PYTHONHOME", None)
        return activated

    def site_packages(self) -> list[str]:
        """The folders in which this Python's packages are installed."""
        code = (
            "import json, sysconfig; print(json.dumps([sysconfig.get_path('purelib'), sysconfig.get_path('platlib')]))"
        )
        answer = subprocess.run([self.python, "-c", code], capture_output=True, text=True, check=True)
        return sorted(set(json.loads(answer.stdout)))


def required_packages(site_packages: Sequence[str]) -> list[plugin_pb2.PackageDependency]:
    """The plugins that the installed SDKs name in their `pulumi-plugin.json`, each at the SDK's own version."""
    found = []
    for folder in site_packages:
        for file in sorted(Path(folder).glob("*/pulumi-plugin.json")):
            facts = json.loads(file.read_text())
            if facts.get("resource"):
                found.append(
                    plugin_pb2.PackageDependency(
                        name=facts.get("name") or file.parent.name.removeprefix("pulumi_"),
                        kind="resource",
                        version=f"v{facts['version'].removeprefix('v')}" if facts.get("version") else "",
                        server=facts.get("server", ""),
                    )
                )
    return found
