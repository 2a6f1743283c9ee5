"""Docker's own registry on this machine, and the smallest images in it."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from rehearsal.toolchain.ways import from_debian
from tests.app.servers import Server, eventually, free_port

REPOSITORY = "marlinspike/app"
INDEX = "application/vnd.oci.image.index.v1+json"


@contextmanager
def registry(folder: Path, htpasswd: str = "") -> Iterator[str]:
    """`host:port`. With `htpasswd`, lines of that format, it wants a login. Raises NotAvailable where Debian's can't be had."""
    # Unpacked, not installed: the package starts a service.
    from_debian("docker-registry", {"usr/bin/docker-registry": "docker-registry"}, folder)
    port = free_port()
    users = folder / "users"
    users.write_text(htpasswd)
    configuration = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
        "http": {"addr": f"127.0.0.1:{port}"},
        **({"auth": {"htpasswd": {"realm": "tests", "path": str(users)}}} if htpasswd else {}),
    }
    (folder / "config.yml").write_text(json.dumps(configuration))
    server = Server([str(folder / "docker-registry"), "serve", str(folder / "config.yml")], folder / "log")
    server.start()
    try:
        eventually(lambda: httpx.get(f"http://127.0.0.1:{port}/v2/").status_code in (200, 401))
        yield f"127.0.0.1:{port}"
    finally:
        server.stop()


def push(host: str, tag: str, login: tuple[str, str] | None = None) -> str:
    """An image for no platform, which a registry takes like any other; returns its name by digest."""
    content = json.dumps(
        {"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "annotations": {"version": tag}}
    ).encode()
    answer = httpx.put(
        f"http://{host}/v2/{REPOSITORY}/manifests/{tag}", content=content, headers={"Content-Type": INDEX}, auth=login
    )
    assert answer.status_code == 201, answer.text
    return f"{host}/{REPOSITORY}@sha256:{hashlib.sha256(content).hexdigest()}"
