"""The command line of images; people call it through `make image`.

python -m rehearsal.image [--base local|shipped] [--tag NAME]
"""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from rehearsal import places
from rehearsal.control_plane import ControlPlaneError
from rehearsal.image import application
from rehearsal.image.inspection import Image
from rehearsal.image.sbom import bill
from rehearsal.real_node.requirements import install
from rehearsal.toolchain import ToolchainError

LARGEST = 200_000_000
"""Bytes, unpacked: a node pulls them before the first pod starts on it."""

errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


def image(
    base: Annotated[str, typer.Option(help="local: Python of Debian's packages; shipped: the registries' images.")] = (
        application.LOCAL
    ),
    tag: Annotated[str, typer.Option(help="The image's name.")] = "localhost/marlinspike-app",
) -> None:
    """Builds the application's image of app/Dockerfile, and tells what it is; writes it and its bill of materials to out/."""
    try:
        if base not in (application.LOCAL, application.SHIPPED):
            raise ToolchainError(f"there is no base {base}", "make image BASE=local, or BASE=shipped.")
        install(["buildah"], _say)
        folder = places.outputs() / "image"
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{tag}:{application.version(places.repository() / 'app')}"
        archive = application.build(folder / f"{base}.tar", name, _say, base)
        made = Image(archive)
        (folder / f"{base}.sbom.json").write_text(bill(made))
        python = application.engine().execute(
            name, "/usr/bin/python3", "-c", "import platform; print(platform.python_version())"
        )
    except (ControlPlaneError, ToolchainError) as reason:
        errors.print(f"error: {reason}")
        if base == application.SHIPPED:
            errors.print(
                "  Its images come from registries; `make image BASE=local` needs Debian's and Python's packages only."
            )
        raise typer.Exit(1) from None
    _close(made, name, python, archive)
    if made.size > LARGEST:
        errors.print(
            f"error: {made.size / 1e6:.0f} MB is more than {LARGEST / 1e6:.0f} MB: see what the lock file brought"
        )
        raise typer.Exit(1)


def _close(made: Image, name: str, python: str, archive: Path) -> None:
    health = made.config.get("Healthcheck") or {}
    _say(f"{name}, {made.identity}")
    _say(f"  size         {made.size / 1e6:.0f} MB, {made.compressed() / 1e6:.0f} MB compressed")
    _say(f"  Python       {python}")
    _say(f"  user         {made.config['User']}")
    _say(f"  health check {' '.join(health.get('Test', ['none']))}")
    _say(f"  packages     {len(made.python_packages())} of Python, {len(made.debian_packages())} of Debian")
    _say(f"  archive      {archive.relative_to(places.repository())} (docker load, podman load, ctr images import)")
    _say(f"  materials    {archive.with_suffix('').relative_to(places.repository())}.sbom.json (CycloneDX)")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    typer.run(image)
