"""Parts that the engine's tests share: the tools, and the rehearsal of a tiny program with a plugin of its own."""

import contextlib
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rehearsal.run import Rehearsal
from rehearsal.toolchain import Toolchain, ensure

TINY = Path(__file__).parent / "tiny"


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    """The tools of the rehearsal, from the cache or made now."""
    return ensure(print)


@contextlib.contextmanager
def unmeasured() -> Iterator[None]:
    """What is started within is not measured by coverage.

    Measuring makes programs and plugins take 1.7 times the processor time, and tells nothing new of whole stacks after the first:
    test_stacks.py measures dev and local.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        yield


@dataclass
class Tiny:
    """A rehearsal of the tiny program, and the journal in which its plugin writes what it does."""

    rehearsal: Rehearsal
    journal: Path
    said: list[str]

    @property
    def env(self) -> dict[str, str]:
        return {"TINY_JOURNAL": str(self.journal)}

    def done(self) -> list[str]:
        return self.journal.read_text().splitlines() if self.journal.exists() else []

    def things(self) -> set[str]:
        """The names of the Things in the stack's state."""
        resources = self.rehearsal.state()["deployment"].get("resources") or []
        return {entry["urn"].rsplit("::", 1)[-1] for entry in resources if entry["type"] == "tiny:index:Thing"}


def tiny_plugin(folder: Path) -> Path:
    """A folder with `pulumi-resource-tiny`."""
    folder.mkdir(parents=True, exist_ok=True)
    wrapper = folder / "pulumi-resource-tiny"
    wrapper.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, str(TINY / "plugin.py")])} "$@"\n')
    wrapper.chmod(0o755)
    return folder


@pytest.fixture
def tiny(tmp_path: Path, toolchain: Toolchain) -> Callable[..., Tiny]:
    """Makes rehearsals of the tiny program; all of one test share their state."""

    def make(**options: Any) -> Tiny:
        said: list[str] = []
        rehearsal = Rehearsal(
            "dev",
            tmp_path / "state",
            tmp_path / "out",
            TINY,
            toolchain=toolchain,
            with_control_plane=False,
            plugin_path=(tiny_plugin(tmp_path / "plugins"),),
            say=said.append,
            **options,
        )
        return Tiny(rehearsal, tmp_path / "journal", said)

    return make
