"""One control plane for all tests of this layer, with three simulated nodes in three zones.

It is started on free ports in a folder of pytest's own, and stopped at the end whatever happens.
"""

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rehearsal import places
from rehearsal.control_plane import ControlPlane
from rehearsal.control_plane.api import Api
from rehearsal.control_plane.ports import PORT_BASE_VARIABLE
from rehearsal.control_plane.simulated_nodes import remove
from rehearsal.toolchain import ensure
from tests.cluster.workloads import Application, node_group

Eventually = Callable[[str, float, Callable[[], bool]], None]
Figures = Callable[..., None]

FULL = bool(os.environ.get("FULL"))
"""Whether drills run that take more than a minute or two."""

PATIENCE = 5
"""How many times as long as on a machine of its own a test waits: what is waited for comes or doesn't, however long it takes."""


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
    """Waits until something holds: `eventually(what, seconds, condition)`; fails with `what` when it takes much longer."""

    def wait(what: str, seconds: float, condition: Callable[[], bool]) -> None:
        limit = seconds * PATIENCE
        deadline = time.monotonic() + limit
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"not within {limit:.0f} s: {what}")
            time.sleep(0.2)

    return wait


@pytest.fixture(scope="session")
def environment(control_plane: ControlPlane) -> dict[str, str]:
    """What the rehearsal gives to the stand-in of the Kubernetes plugin."""
    return {
        **os.environ,
        "KUBECONFIG": str(control_plane.kubeconfig),
        "MARLINSPIKE_REHEARSAL_KUBECONFIG": str(control_plane.kubeconfig),
        "MARLINSPIKE_CUSTOM_RESOURCE_DEFINITIONS": str(ensure(print).custom_resource_definitions),
    }


@pytest.fixture
def application(control_plane: ControlPlane, api: Api) -> Iterator[Application]:
    """Prod's application, rendered for a namespace of the test's own; its namespace and nodes are gone afterwards."""
    rendered = Application.rendered(control_plane, api, f"drill-{uuid.uuid4().hex[:8]}")
    try:
        yield rendered
    finally:
        api.delete(f"/api/v1/namespaces/{rendered.namespace}")
        remove(control_plane.kubeconfig, node_group(0).name)


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """Notes what a drill measured, by name: printed (`pytest -rP` shows it), and added to out/drills.json."""

    def note(**measured: object) -> None:
        drill = request.node.name.removeprefix("test_")
        path = places.outputs() / "drills.json"
        path.parent.mkdir(exist_ok=True)
        known = json.loads(path.read_text()) if path.exists() else {}
        known.setdefault(drill, {}).update(measured)
        path.write_text(json.dumps(known, indent=1, sort_keys=True))
        print(f"{drill}: {json.dumps(measured)}")

    return note
