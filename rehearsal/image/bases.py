"""What the application's image stands on without a registry: Python of Debian's packages, alone and with pip and a shell.

The two stand in for the images that app/Dockerfile names. Kept in the user's cache, as layers.
"""

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rehearsal import places
from rehearsal.image import layer as layers
from rehearsal.image import packages
from rehearsal.image.buildah import Buildah, Start
from rehearsal.say import Say
from rehearsal.toolchain.store import obtain

BASE, BUILDER = "base", "builder"
PACKAGES = {
    BASE: ("python3",),
    BUILDER: ("python3", "python3-pip", "dash", "coreutils", "findutils"),
}
APPLICATION_USER = 10001
"""As in app/Dockerfile."""


@dataclass(frozen=True)
class Bases:
    """The layers, in `folder`."""

    folder: Path

    def names(self) -> dict[str, str]:
        """The build arguments of app/Dockerfile: its two images, by names of this version of them."""
        version = self.folder.name.removeprefix("image-bases-")
        return {
            kind.upper(): f"localhost/marlinspike-python{suffix}:{version}"
            for kind, suffix in ((BASE, ""), (BUILDER, "-builder"))
        }

    def load(self, engine: Buildah) -> dict[str, str]:
        """Makes sure that the store has both; returns `names`. What other versions have left there is taken away."""
        names = self.names()
        if not all(engine.has(name) for name in names.values()):
            engine.clear()
            for kind in PACKAGES:
                engine.base(names[kind.upper()], self.folder / f"{kind}.layer", Start(user="0:0"))
        return names


def ensure(say: Say) -> Bases:
    """The bases, from the cache or made now (half a minute, 25 MB of packages). Raises ImageError."""
    folder = places.cache() / f"image-bases-{version_of(__file__, packages.__file__, layers.__file__)}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    return Bases(obtain(folder, lambda made: _make(made, say), say))


def version_of(*sources: str) -> str:
    """Names the release of this Debian, and the files that say how something is made of it."""
    digest = hashlib.sha256()
    for file in sources:
        digest.update(Path(file).read_bytes())
    release = re.search(r"^VERSION_CODENAME=(\S+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    return f"{release[1] if release else 'unknown'}-{digest.hexdigest()[:8]}"


def _make(folder: Path, say: Say) -> None:
    for kind, wanted in PACKAGES.items():
        say(f"  images: {kind} of the application's, of Debian's {', '.join(wanted)}")
        with tempfile.TemporaryDirectory(dir=folder) as work, layers.layer(folder / f"{kind}.layer") as layer:
            packages.fill(layer, wanted, Path(work), "app", APPLICATION_USER)
