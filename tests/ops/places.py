"""A stack that commands work on, without an engine: a shipped stack file, outputs as given, and a real API server."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

from ops.command import Session
from ops.console import Report
from ops.engine import Engine
from ops.stack import Stack
from rehearsal.control_plane import ControlPlane
from rehearsal.toolchain import ensure
from tests.app.servers import REPOSITORY


class Exported(Engine):
    """What an engine would say after an `up`."""

    def __init__(self, outputs: Mapping[str, Any], kubeconfig: Path | None, *, rehearsed: bool) -> None:
        super().__init__(REPOSITORY, "any", lambda _: None)
        self._outputs, self._kubeconfig, self.rehearsed = outputs, kubeconfig, rehearsed

    def outputs(self) -> Mapping[str, Any]:
        return self._outputs

    def up(self) -> None:
        raise AssertionError("no command of these changes the stack")

    def would_change(self, text: str, *options: str) -> list[str]:  # noqa: ARG002
        raise AssertionError("no command of these changes the stack")

    def kubeconfig(self) -> Path | None:
        return self._kubeconfig

    def _environment(self) -> Mapping[str, str] | None:
        return None


@contextmanager
def session(
    stack: str,
    outputs: Mapping[str, Any],
    kubeconfig: Path | None = None,
    *,
    rehearsed: bool = True,
    **options: Any,
) -> Iterator[tuple[Session, Callable[[], str]]]:
    """A session on a shipped stack, and what it has said so far."""
    spoken = StringIO()
    with Stack(REPOSITORY, stack, Exported(outputs, kubeconfig, rehearsed=rehearsed)) as found:
        yield Session(found, Report(as_json=False, out=spoken), **options), spoken.getvalue


@contextmanager
def control_plane(folder: Path) -> Iterator[ControlPlane]:
    """An API server with scheduler, controllers and simulated nodes."""
    started = ControlPlane.start(folder, ensure(print).control_plane, simulated_nodes=True, progress=print)
    try:
        yield started
    finally:
        started.stop()
