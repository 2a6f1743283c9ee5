"""An image's way into a registry, a real one on this machine: pushed once for what is in it, and named by its digest."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from rehearsal.image.inspection import Image
from rehearsal.real_node.errors import RealNodeError
from rehearsal.real_node.requirements import install
from rehearsal.toolchain.errors import NotAvailable
from rehearsal.toolchain.ways import from_debian
from scripts import images
from scripts.deliver import DeliveryError
from tests.app.servers import Server, eventually, free_port

NAME = "marlinspike/app"


def archive(file: Path, content: bytes) -> Path:
    """The smallest image in Docker's format: one layer with one file, and the label that gives its version."""
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as layer:
        add(layer, "srv/content", content)
    digest = hashlib.sha256(inner.getvalue()).hexdigest()
    settings = {
        "architecture": "arm64", "os": "linux", "config": {"Labels": {"org.opencontainers.image.version": "1.2.3"}},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}, "history": [{"created_by": "a test"}],
    }  # fmt: skip
    document = json.dumps(settings).encode()
    config = f"{hashlib.sha256(document).hexdigest()}.json"
    manifest = [{"Config": config, "RepoTags": ["localhost/app:1.2.3"], "Layers": [f"{digest}.tar"]}]
    with tarfile.open(file, "w") as whole:
        for name, part in {
            config: document, f"{digest}.tar": inner.getvalue(), "manifest.json": json.dumps(manifest).encode()
        }.items():  # fmt: skip
            add(whole, name, part)
    return file


def add(opened: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    opened.addfile(entry, io.BytesIO(content))


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` of Docker's own registry."""
    folder, port = tmp_path_factory.mktemp("registry"), free_port()
    try:
        install(["skopeo"], print)
        # Unpacked, not installed: the package starts a service.
        from_debian("docker-registry", {"usr/bin/docker-registry": "docker-registry"}, folder)
    except (RealNodeError, NotAvailable) as reason:
        pytest.skip(str(reason))
    (folder / "config.yml").write_text(
        json.dumps(
            {
                "version": 0.1,
                "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
                "http": {"addr": f"127.0.0.1:{port}"},
            }
        )
    )
    command = [str(folder / "docker-registry"), "serve", str(folder / "config.yml")]
    server = Server(command, folder / "log")
    server.start()
    try:
        eventually(lambda: httpx.get(f"http://127.0.0.1:{port}/v2/").status_code == 200)
        yield f"127.0.0.1:{port}"
    finally:
        server.stop()


def test_an_image_is_pushed_once_and_its_digest_names_what_the_registry_has(
    registry: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = archive(tmp_path / "a.tar", b"one")
    reference = images.publish(made, f"{registry}/{NAME}")
    assert capsys.readouterr().out.startswith("pushing ")
    whole_name, _, digest = reference.partition("@")
    assert whole_name == f"{registry}/{NAME}"
    served = httpx.get(f"http://{registry}/v2/{NAME}/manifests/{digest}", headers={"Accept": images.MANIFEST})
    assert f"sha256:{hashlib.sha256(served.content).hexdigest()}" == digest
    assert served.json()["config"]["digest"] == Image(made).identity

    assert images.publish(archive(tmp_path / "again.tar", b"one"), f"{registry}/{NAME}") == reference
    assert " has " in capsys.readouterr().out
    other = images.publish(archive(tmp_path / "b.tar", b"two"), f"{registry}/{NAME}")
    assert other.partition("@")[2] != digest
    tags = httpx.get(f"http://{registry}/v2/{NAME}/tags/list").json()["tags"]
    assert len(tags) == 2
    assert all(tag.startswith("1.2.3-") for tag in tags)


def stack_files(folder: Path, **images_of: str) -> Path:
    for stack, image in images_of.items():
        (folder / f"Pulumi.{stack}.yaml").write_text(json.dumps({"config": {"p:app": {"image": image}}}))
    return folder


def test_the_command_leaves_the_name_by_digest_for_people_and_for_github(
    registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        images, "ROOT", stack_files(tmp_path, staging=f"{registry}/{NAME}:1", prod=f"{registry}/{NAME}:2")
    )
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "github"))
    made = archive(tmp_path / "a.tar", b"three")
    monkeypatch.setattr("sys.argv", ["images", "--archive", str(made), "staging", "prod"])
    assert images.main() == 0
    reference = (tmp_path / "out" / "image" / "reference").read_text().strip()
    assert reference.startswith(f"{registry}/{NAME}@sha256:")
    assert (tmp_path / "github").read_text() == f"image={reference}\n"


def test_a_registry_that_does_not_answer_and_an_archive_that_is_not_there_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    monkeypatch.setattr(images, "ROOT", stack_files(tmp_path, staging=f"{nowhere}/{NAME}:1"))
    for given in (tmp_path / "missing.tar", archive(tmp_path / "a.tar", b"four")):
        monkeypatch.setattr("sys.argv", ["images", "--archive", str(given), "staging"])
        assert images.main() == 1
    said = capsys.readouterr().out
    assert "`make image BASE=shipped` makes it" in said
    assert "see that it can be reached" in said


def test_environments_that_name_several_repositories_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = "sha256:" + "0" * 64
    monkeypatch.setattr(
        images,
        "ROOT",
        stack_files(tmp_path, dev=f"a.example/x@{digest}", staging="a.example/x:1", prod="b.example/x:1"),
    )
    assert images.repository(["dev", "staging"]) == "a.example/x"
    with pytest.raises(DeliveryError, match=r"b.example/x:1 in Pulumi.prod.yaml"):
        images.repository(["staging", "prod"])


def test_a_registry_elsewhere_is_asked_over_tls_and_the_password_is_not_shown() -> None:
    there = images.Repository("111122223333.dkr.ecr.eu-west-3.amazonaws.com", NAME, ("AWS", "a password"))
    assert there.secure
    assert "a password" not in repr(there)
    assert not images.Repository("localhost:5000", NAME).secure
    assert images.Repository("localhost.example.com", NAME).secure
