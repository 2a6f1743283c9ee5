"""Official downloads, from a site on this machine."""

import hashlib
import http.server
import io
import json
import os
import shutil
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal import places
from rehearsal.toolchain import ToolchainError, control_plane, definitions, download, engine, store
from tests.engine.toolchain.scripts import silent


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web site on the loopback that serves a folder."""
    folder = tmp_path / "site"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", folder
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o755
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def publish(folder: Path, path: str, content: bytes | str) -> None:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)


def publish_engine(folder: Path, checksum: str | None = None) -> None:
    archive = packed(
        {
            "pulumi/pulumi": b"engine",
            "pulumi/pulumi-language-python": b"host",
            f"pulumi/{engine.EXEC}": b"exec",
            "pulumi/pulumi-watch": b"-",
        }
    )
    name = f"pulumi-v{engine.VERSION}-linux-x64.tar.gz"
    publish(folder, f"v{engine.VERSION}/{name}", archive)
    publish(
        folder, f"v{engine.VERSION}/pulumi-{engine.VERSION}-checksums.txt", f"{checksum or digest(archive)}  {name}\n"
    )


@pytest.fixture
def linux_on_amd64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


@pytest.mark.usefixtures("no_go", "linux_on_amd64")
def test_the_official_engine_is_taken_where_its_site_is_reachable(
    tmp_path: Path, site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "RELEASES", site[0])
    publish_engine(site[1])
    folder = engine.ensure_engine(tmp_path / "cache", silent)
    assert (folder / "pulumi").read_text() == "engine"
    assert (folder / "pulumi-language-python").read_text() == "host"
    assert not (folder / "pulumi-watch").exists()
    shutil.rmtree(site[1])
    assert engine.ensure_engine(tmp_path / "cache", silent) == folder


@pytest.mark.usefixtures("no_go", "linux_on_amd64")
def test_a_download_with_another_checksum_than_published_is_refused(
    tmp_path: Path, site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "RELEASES", site[0])
    publish_engine(site[1], checksum="0" * 64)
    with pytest.raises(ToolchainError) as refusal:
        engine.ensure_engine(tmp_path / "cache", silent)
    assert "its makers published 0000" in str(refusal.value)
    assert list((tmp_path / "cache").glob("pulumi*/")) == []


def publish_control_plane(folder: Path) -> None:
    for program in control_plane.KUBERNETES_PROGRAMS:
        path = f"v{control_plane.KUBERNETES}/bin/linux/amd64/{program}"
        publish(folder, path, program)
        publish(folder, f"{path}.sha256", digest(program.encode()))
    name = f"etcd-v{control_plane.ETCD}-linux-amd64"
    archive = packed({f"{name}/etcdctl": b"-", f"{name}/etcd": b"etcd"})
    publish(folder, f"v{control_plane.ETCD}/{name}.tar.gz", archive)
    publish(folder, f"v{control_plane.ETCD}/SHA256SUMS", f"{digest(archive)}  {name}.tar.gz\n")
    images = {
        "kwok/kwok": (control_plane.KWOK, "usr/local/bin/kwok", b"kwok"),
        "metrics-server/metrics-server": (control_plane.METRICS_SERVER, "metrics-server", b"metrics-server"),
    }
    for image, (version, path, content) in images.items():
        layer = packed({path: content})
        publish(folder, f"{image}/blobs/sha256:{digest(layer)}", layer)
        manifest = json.dumps({"layers": [{"digest": f"sha256:{digest(layer)}"}]})
        publish(folder, f"{image}/manifests/sha256:{digest(manifest.encode())}", manifest)
        platforms = [("arm64", "0" * 64), ("amd64", digest(manifest.encode()))]
        index = {
            "manifests": [
                {"digest": f"sha256:{sha}", "platform": {"os": "linux", "architecture": name}}
                for name, sha in platforms
            ]
        }
        publish(folder, f"{image}/manifests/v{version}", json.dumps(index))


@pytest.mark.usefixtures("no_go", "linux_on_amd64")
def test_the_official_control_plane_is_put_together_from_its_projects_releases(
    tmp_path: Path, site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KUBERNETES_SITE", "ETCD_SITE", "IMAGES_SITE"):
        monkeypatch.setattr(control_plane, name, site[0])
    publish_control_plane(site[1])
    folder = control_plane.ensure_control_plane(tmp_path / "cache", silent)
    assert {program: (folder / program).read_text() for program in control_plane.PROGRAMS} == {
        name: name for name in control_plane.PROGRAMS
    }
    assert all(os.access(folder / program, os.X_OK) for program in control_plane.PROGRAMS)
    assert sorted(entry.name for entry in folder.iterdir()) == sorted([*control_plane.PROGRAMS, store.CHECKSUMS])


def publish_definitions(folder: Path) -> None:
    """Archives as the projects' site makes them, with the definitions that are in this machine's cache."""
    have = definitions.ensure_definitions(places.cache(), silent)
    for chart, source in definitions.SOURCES.items():
        root, inside = f"{chart}-of-some-version", source.folder
        files = {f"{root}/{inside}/{file.name}": file.read_bytes() for file in (have / chart).glob("*.yaml")}
        others = {f"{root}/{inside}/kustomization.yaml": b"-", f"{root}/other/a.yaml": b"-"}
        publish(folder, source.archive.removeprefix("https://"), packed({**files, **others}))


@pytest.mark.usefixtures("no_go")
def test_without_go_the_definitions_come_from_the_projects_archives(
    tmp_path: Path, site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_definitions(site[1])
    monkeypatch.setattr(definitions, "ARCHIVE", site[0] + "/{project}/archive/{revision}.tar.gz")
    folder = definitions.ensure_definitions(tmp_path / "cache", silent)
    listed = (definitions.MODULE / store.CHECKSUMS).read_text()
    assert (folder / store.CHECKSUMS).read_text() == listed


@pytest.mark.usefixtures("no_go")
def test_a_definition_that_is_not_the_committed_one_is_refused_by_name(
    tmp_path: Path, site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = tmp_path / "pins"
    shutil.copytree(definitions.MODULE, forged)
    sums = (forged / store.CHECKSUMS).read_text().splitlines()
    (forged / store.CHECKSUMS).write_text("\n".join(["0" * 64 + sums[0][64:], *sums[1:]]) + "\n")
    publish_definitions(site[1])
    monkeypatch.setattr(definitions, "MODULE", forged)
    monkeypatch.setattr(definitions, "ARCHIVE", site[0] + "/{project}/archive/{revision}.tar.gz")
    with pytest.raises(
        ToolchainError, match=r"aws-load-balancer-controller/elbv2\.k8s\.aws_albtargetcontrolconfigs\.yaml"
    ):
        definitions.ensure_definitions(tmp_path / "cache", silent)


def test_the_archive_of_a_version_without_a_tag_is_that_of_its_commit() -> None:
    assert [definitions.SOURCES[chart].archive for chart in ("cert-manager", "aws-load-balancer-controller")] == [
        "https://github.com/cert-manager/cert-manager/archive/refs/tags/v1.21.2.tar.gz",
        "https://github.com/kubernetes-sigs/aws-load-balancer-controller/archive/93ff3b5fdaad.tar.gz",
    ]


def test_a_site_that_does_not_answer_costs_seconds_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_reachable", {})
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    asked: list[tuple[str, int]] = []
    over = threading.Event()

    def deaf(address: tuple[str, int]) -> bool:
        asked.append(address)
        return over.wait(30)

    monkeypatch.setattr(download, "_connects", deaf)
    monkeypatch.setattr(download, "CONNECT_SECONDS", 0.2)
    assert [download.reachable("https://releases.example/a"), download.reachable("https://releases.example/b")] == [
        False,
        False,
    ]
    over.set()
    assert asked == [("releases.example", 443)]
