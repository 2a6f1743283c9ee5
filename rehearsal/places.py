"""Where a rehearsal keeps its things: one user-wide cache of tools, and one folder for each rehearsed stack.

Every other module asks here, so that `make clean`, `.gitignore` and the documentation speak of the same places.
"""

import os
from pathlib import Path


def repository() -> Path:
    """The root of this clone: the folder that holds `rehearsal/` and, in the platform itself, `Pulumi.yaml`."""
    return Path(__file__).resolve().parent.parent


def cache() -> Path:
    """The user's cache of built and downloaded tools, shared by all clones.

    `$MARLINSPIKE_CACHE`, else `$XDG_CACHE_HOME/marlinspike`, else `~/.cache/marlinspike`. It need not exist yet.
    """
    own = os.environ.get("MARLINSPIKE_CACHE")
    if own:
        return Path(own).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base).expanduser() if base else Path.home() / ".cache").absolute() / "marlinspike"


def states(program: Path | None = None) -> Path:
    """The folder of all rehearsals' states in this clone, or beside another program (ignored by git)."""
    return (program or repository()) / ".rehearsal"


def state(stack: str, program: Path | None = None) -> Path:
    """The state of one stack's rehearsal: control plane, simulated cloud, Pulumi backend (ignored by git)."""
    return states(program) / stack


def outputs(program: Path | None = None) -> Path:
    """The folder of everything that rehearsals leave for people (ignored by git)."""
    return (program or repository()) / "out"


def out(stack: str, program: Path | None = None) -> Path:
    """What the rehearsal of one stack leaves for people: plan, kubeconfig, manifests, logs (ignored by git)."""
    return outputs(program) / stack
