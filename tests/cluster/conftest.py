"""One control plane for all tests of this layer, with three simulated nodes in three zones.

It is started on free ports in a folder of pytest's own, and stopped at the end whatever happens.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rehearsal.control_plane import ControlPlane
from rehearsal.control_plane.api import Api
from rehearsal.control_plane.ports import PORT_BASE_VARIABLE
from rehearsal.toolchain import ensure

Eventually = Callable[[str, float, Callable[[], bool]], None]


@pytest.fixture(scope="session")
def binaries() -> Path:
    """Folder with the programs of the control plane: from the tool cache, or built now (which takes minutes)."""
    return ensure(print).control_plane


@pytest.fixture(scope="session", autouse=True)
def _ports_are_searched() -> Iterator[None]:
    # Somebody's setting for a rehearsal of their own would make the second control plane of a test fail.
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv(PORT_BASE_VARIABLE, raising=False)
        yield


@pytest.fixture(scope="session")
def control_plane(binaries: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A running control plane with the nodes of stack `local`."""
    directory = tmp_path_factory.mktemp("control-plane")
    started = ControlPlane.start(directory, binaries, simulated_nodes=True, progress=print)
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="session")
def api(control_plane: ControlPlane) -> Iterator[Api]:
    """The API of `control_plane`, as its administrator."""
    with Api(control_plane.kubeconfig) as opened:
        yield opened


@pytest.fixture
def namespace(api: Api, eventually: Eventually) -> Iterator[str]:
    """A new namespace that takes pods; deleted at the end."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    accounts = f"/api/v1/namespaces/{name}/serviceaccounts"
    eventually("the namespace has its service account", 20, lambda: bool(api.items(accounts)))
    try:
        yield name
    finally:
        api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="session")
def eventually() -> Eventually:
    """Waits until something holds: `eventually(what, seconds, condition)`; fails with `what` when it takes longer."""

    def wait(what: str, seconds: float, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"not within {seconds:.0f} s: {what}")
            time.sleep(0.2)

    return wait
