"""The application's image: app/Dockerfile, built by buildah on the bases that the Dockerfile names, or on Debian's packages."""

import os
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from rehearsal import places
from rehearsal.image import bases
from rehearsal.image.buildah import Buildah
from rehearsal.say import Say

SHIPPED, LOCAL = "shipped", "local"
FROM_HOST = ("/etc/pip.conf", "/etc/ssl/certs")
"""Where a machine says from where its Python packages come, and whom it trusts: for the build only, not in the image."""


def engine() -> Buildah:
    """The engine, with its store in the user's cache."""
    return Buildah(places.cache() / "buildah")


def build(
    archive: Path,
    name: str,
    say: Say,
    base: str = LOCAL,
    source: Path | None = None,
    changed: Mapping[str, str] | None = None,
    store: Buildah | None = None,
) -> Path:
    """Builds the image `name` of the folder `source` (app/) on `base`; writes it to `archive`, which it returns.

    Raises ImageError. `changed` are files that differ from those in `source`, by their path in it: versions that are broken on
    purpose, for tests.
    """
    source, buildah = source or places.repository() / "app", store or engine()
    made = bases.ensure(say) if base == LOCAL else None
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(buildah.alone(say))
        revision, seconds = origin(source)
        buildah.keep_only(seconds)
        context = source
        if changed:
            context = work / "app"
            shutil.copytree(source, context)
            for path, content in changed.items():
                (context / path).write_text(content)
        options = [f"--build-arg=VERSION={version(source)}", f"--build-arg=REVISION={revision}"]
        names = {}
        if made:
            names = made.load(buildah)
            # Without AWS nobody needs the authorities of its databases; packages come from where the machine gets them.
            (work / "none").mkdir()
            options += [f"--build-context=authorities={work / 'none'}", "--network=host", *_package_index(work)]
        buildah.build(name, context, names, options, seconds)
        buildah.save(name, archive)  # and stays in the store: the next version has most of its layers
    return archive


def version(source: Path) -> str:
    """The version in the application's pyproject.toml."""
    return str(tomllib.loads((source / "pyproject.toml").read_text())["project"]["version"])


def origin(source: Path) -> tuple[str, int]:
    """The last commit that changed `source` (`-dirty` after it where files differ from it), and its time.

    SOURCE_DATE_EPOCH overrides the time (reproducible-builds.org). Without git: `unknown` and 1970.
    """
    done = _git(source, "log", "-1", "--format=%H %ct", "--", ".")
    revision, seconds = done.split() if done else ("unknown", "0")
    if done and _git(source, "status", "--porcelain", "--", "."):
        revision += "-dirty"
    return revision, int(os.environ.get("SOURCE_DATE_EPOCH") or seconds)


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["/usr/bin/env", "git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def _package_index(work: Path) -> list[str]:
    """Options that give pip in the build the index that pip has here."""
    mounted = [f"--volume={path}:{path}:ro" for path in FROM_HOST if Path(path).exists()]
    index = os.environ.get("PIP_INDEX_URL")
    if index:
        own = work / "pip.conf"
        own.write_text(f"[global]\nindex-url = {index}\n")
        mounted = [option for option in mounted if "pip.conf" not in option] + [f"--volume={own}:/etc/pip.conf:ro"]
    return mounted
