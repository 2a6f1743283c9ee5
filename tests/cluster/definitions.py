"""Custom resource definitions of operators, on the tests' API server for as long as a test needs them."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from rehearsal.plugins.kubernetes import readiness
from rehearsal.plugins.kubernetes.api import YAML, ApiServer
from rehearsal.plugins.kubernetes.objects import Kind
from tests.waiting import until

DEFINITION = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")


def install(server: ApiServer, folder: Path) -> list[str]:
    """Adds those of a folder, and returns their names."""
    path = server.endpoint(DEFINITION).path()
    files = sorted(folder.glob("*.yaml"))
    assert files, folder
    names = []
    for file in files:
        live = server.request("POST", path, {"fieldManager": "test"}, file.read_bytes(), YAML)
        names.append(live["metadata"]["name"])
        readiness.wait(server, live, {}, 0, lambda _: None, threading.Event())
    server.forget_kinds()
    return names


@contextlib.contextmanager
def installed(server: ApiServer, folder: Path) -> Iterator[None]:
    """Those of a folder; objects of their kinds go with them at the end."""
    path = server.endpoint(DEFINITION).path()
    names = install(server, folder)
    try:
        yield
    finally:
        for name in names:
            server.request("DELETE", f"{path}/{name}", {})
        until("the definitions are gone", lambda: not any(server.get(DEFINITION, "", name) for name in names))
        server.forget_kinds()
